-- When each rule with `shadow` was first seen as it stands; digest is of what it does, so an edited rule begins anew.
CREATE TABLE rule_sights (
    rule TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    seen TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What rules in shadow would have done, a row for each message: steps is JSON, reason why it would be less ('' if not).
CREATE TABLE shadow_effects (
    rule TEXT NOT NULL,
    account TEXT NOT NULL,
    mailbox TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    steps TEXT NOT NULL,
    reason TEXT NOT NULL,
    noted TEXT NOT NULL,
    PRIMARY KEY (rule, account, mailbox, uidvalidity, uid)
) STRICT, WITHOUT ROWID;
