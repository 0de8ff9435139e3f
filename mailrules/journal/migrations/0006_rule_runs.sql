-- Under which rule files (their hash) a rule last acted in a mailbox, or was allowed to. A rule without a row is new there.
CREATE TABLE rule_runs (
    account TEXT NOT NULL,
    mailbox TEXT NOT NULL,
    rule TEXT NOT NULL,
    rules_hash TEXT NOT NULL,
    PRIMARY KEY (account, mailbox, rule)
) STRICT, WITHOUT ROWID;

-- What has acted before this table was there is not new.
INSERT OR REPLACE INTO rule_runs (account, mailbox, rule, rules_hash)
    SELECT c.account, c.mailbox, s.rule, r.rules_hash
    FROM steps s JOIN commands c ON c.id = s.command JOIN runs r ON r.id = c.run
    WHERE s.rule != '' AND r.undo_of = ''
    ORDER BY r.started;
