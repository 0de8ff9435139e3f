-- A ledger entry stands under each name of its message: the content key, what the server calls the message, and
-- where it was. `seen` is when the message was last met in a watched mailbox; the place is where that was.

ALTER TABLE ledger RENAME TO ledger_before;
CREATE TABLE ledger (
    name TEXT NOT NULL,
    rule TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    done TEXT NOT NULL,
    seen TEXT NOT NULL,
    account TEXT NOT NULL,
    mailbox TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    PRIMARY KEY (name, rule, action, target)
) STRICT, WITHOUT ROWID;
INSERT INTO ledger SELECT content_key, rule, action, target, done, done, '', '', 0, 0 FROM ledger_before;
DROP TABLE ledger_before;
CREATE INDEX ledger_by_place ON ledger (account, mailbox, uidvalidity, uid) WHERE uid > 0;
CREATE INDEX ledger_by_time ON ledger (seen);

-- Why a message is judged again; '' where an earlier version did not say.
ALTER TABLE pending ADD COLUMN rule TEXT NOT NULL DEFAULT '';
ALTER TABLE pending ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE pending ADD COLUMN reason TEXT NOT NULL DEFAULT '';

-- What a person decided about a step that could not be settled by reading.
CREATE TABLE resolutions (
    id INTEGER PRIMARY KEY,
    step INTEGER NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
    resolved TEXT NOT NULL,
    who TEXT NOT NULL,
    was TEXT NOT NULL,
    became TEXT NOT NULL
) STRICT;
CREATE INDEX resolutions_by_step ON resolutions (step);

-- When each of the regular chores was last done.
CREATE TABLE chores (name TEXT PRIMARY KEY, done TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- What a person has to look at, beside what recovery does.
CREATE INDEX steps_given_up ON steps (state) WHERE state IN ('ambiguous', 'vanished');
