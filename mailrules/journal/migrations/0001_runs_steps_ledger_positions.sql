-- Times are UTC in ISO 8601 with microseconds, so that text order is time order.

CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    started TEXT NOT NULL,
    instance TEXT NOT NULL,
    rules_hash TEXT NOT NULL,
    undo_of TEXT NOT NULL,
    planned_messages INTEGER NOT NULL,
    ended TEXT,
    outcome TEXT
) STRICT;

-- One command to one server, or the intention of one.
CREATE TABLE commands (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    intended TEXT NOT NULL,
    kind TEXT NOT NULL,
    operation TEXT NOT NULL,
    account TEXT NOT NULL,
    mailbox TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL,
    target TEXT NOT NULL,
    target_uidvalidity INTEGER NOT NULL,
    target_uidnext INTEGER NOT NULL,
    flags TEXT NOT NULL,
    removes_flags INTEGER NOT NULL,
    identifier TEXT NOT NULL,
    rights TEXT NOT NULL,
    prior_rights TEXT NOT NULL,
    effect TEXT NOT NULL,
    capabilities TEXT NOT NULL
) STRICT;
CREATE INDEX commands_by_run ON commands (run);
CREATE INDEX commands_by_time ON commands (intended);
CREATE INDEX commands_by_target ON commands (account, target) WHERE target != '';

-- One message's share of a command; a mailbox step has UID 0.
CREATE TABLE steps (
    id INTEGER PRIMARY KEY,
    command INTEGER NOT NULL REFERENCES commands (id) ON DELETE CASCADE,
    rule TEXT NOT NULL,
    uid INTEGER NOT NULL,
    flags TEXT NOT NULL,
    reason TEXT NOT NULL,
    message_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    prior_flags TEXT NOT NULL,
    modseq INTEGER,
    object_id TEXT NOT NULL,
    received TEXT,
    size_bytes INTEGER NOT NULL,
    content_key TEXT NOT NULL,
    options TEXT NOT NULL,
    state TEXT NOT NULL,
    judged TEXT,
    detail TEXT NOT NULL,
    target_uidvalidity INTEGER NOT NULL,
    target_uid INTEGER NOT NULL
) STRICT;
CREATE INDEX steps_by_command ON steps (command);
CREATE INDEX steps_by_message ON steps (message_id) WHERE message_id != '';
CREATE INDEX steps_open ON steps (state) WHERE state IN ('intent', 'halfway', 'unknown');

-- Copies and effects that are not repeated (rule-language, meaning 9).
CREATE TABLE ledger (
    content_key TEXT NOT NULL,
    rule TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    done TEXT NOT NULL,
    PRIMARY KEY (content_key, rule, action, target)
) STRICT, WITHOUT ROWID;

CREATE TABLE positions (
    account TEXT NOT NULL,
    mailbox TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL,
    last_uid INTEGER NOT NULL,
    PRIMARY KEY (account, mailbox)
) STRICT, WITHOUT ROWID;

CREATE TABLE pending (
    account TEXT NOT NULL,
    mailbox TEXT NOT NULL,
    uid INTEGER NOT NULL,
    PRIMARY KEY (account, mailbox, uid),
    FOREIGN KEY (account, mailbox) REFERENCES positions (account, mailbox) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE approvals (rule TEXT PRIMARY KEY, approved TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE plans (digest TEXT PRIMARY KEY, created TEXT NOT NULL) STRICT, WITHOUT ROWID;
