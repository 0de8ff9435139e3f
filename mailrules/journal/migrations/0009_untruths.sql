-- Keys of SEARCH that an account's server has answered wrongly, each with the first message that showed it.
CREATE TABLE untruths (
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    mailbox TEXT NOT NULL,
    uid INTEGER NOT NULL,
    search TEXT NOT NULL,
    was_found INTEGER NOT NULL,
    seen TEXT NOT NULL,
    PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;
