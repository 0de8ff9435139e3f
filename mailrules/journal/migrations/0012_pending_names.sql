-- How a message that is judged again is told where its mailbox numbers its messages anew: names, best first, with spaces.
ALTER TABLE pending ADD COLUMN names TEXT NOT NULL DEFAULT '';
