-- What an effect's own row cannot tell: how often it was tried, whether an attempt may have had its effect, when it is
-- due again. The row is there before the first attempt and stays with the step.

CREATE TABLE deliveries (
    step INTEGER PRIMARY KEY REFERENCES steps (id) ON DELETE CASCADE,
    recipient TEXT NOT NULL,
    spool TEXT NOT NULL,
    is_repeatable INTEGER NOT NULL,
    is_attempting INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    due TEXT NOT NULL
) STRICT;
CREATE INDEX deliveries_by_recipient ON deliveries (recipient);

-- What is tried again, and what waits for a person.
CREATE INDEX steps_outside ON steps (state) WHERE state IN ('waiting', 'given_up');
