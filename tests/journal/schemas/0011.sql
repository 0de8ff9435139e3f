PRAGMA application_id = 1836217708;
PRAGMA user_version = 11;
BEGIN TRANSACTION;
CREATE TABLE approvals (rule TEXT PRIMARY KEY, approved TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "approvals" VALUES('','2026-11-22T12:00:00.000000+00:00');
INSERT INTO "approvals" VALUES('lists','2026-11-22T12:00:00.000000+00:00');
CREATE TABLE chores (name TEXT PRIMARY KEY, done TEXT NOT NULL) STRICT, WITHOUT ROWID;
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
INSERT INTO "commands" VALUES(1,'20261122-120000','2026-11-22T12:00:00.000000+00:00','move','move','home','INBOX',7,'Archive',9,31,'',0,'','','','','MOVE UIDPLUS');
INSERT INTO "commands" VALUES(2,'20261122-120000','2026-11-22T12:00:00.000000+00:00','copy','copy','home','INBOX',7,'Copies',0,0,'',0,'','','','','');
INSERT INTO "commands" VALUES(3,'20261122-120000','2026-11-22T12:00:00.000000+00:00','effect','effect','home','INBOX',7,'',0,0,'',0,'','','','ring','');
INSERT INTO "commands" VALUES(4,'20261122-120000','2026-11-22T12:00:00.000000+00:00','setacl','setacl','home','Shared',7,'',0,0,'',0,'bob','lr','l','','');
INSERT INTO "commands" VALUES(5,'20261122-120000','2026-11-22T12:00:00.000000+00:00','move','move','home','INBOX',7,'Archive',9,31,'',0,'','','','','MOVE UIDPLUS');
INSERT INTO "commands" VALUES(6,'20261122-130000','2026-11-22T13:00:00.000000+00:00','move','move','home','Archive',9,'INBOX',0,0,'',0,'','','','','');
CREATE TABLE deliveries (
    step INTEGER PRIMARY KEY REFERENCES steps (id) ON DELETE CASCADE,
    recipient TEXT NOT NULL,
    spool TEXT NOT NULL,
    is_repeatable INTEGER NOT NULL,
    is_attempting INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    due TEXT NOT NULL
) STRICT;
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
INSERT INTO "ledger" VALUES('k13','bell','ring','','2026-11-22T12:00:00.000000+00:00','2026-11-22T12:00:00.000000+00:00','home','INBOX',7,13);
INSERT INTO "ledger" VALUES('k13','keep','copy','Copies','2026-11-22T12:00:00.000000+00:00','2026-11-22T12:00:00.000000+00:00','home','INBOX',7,13);
INSERT INTO "ledger" VALUES('place:f4b91fc1536b5c4fe92384b4a3602023','bell','ring','','2026-11-22T12:00:00.000000+00:00','2026-11-22T12:00:00.000000+00:00','home','INBOX',7,13);
INSERT INTO "ledger" VALUES('place:f4b91fc1536b5c4fe92384b4a3602023','keep','copy','Copies','2026-11-22T12:00:00.000000+00:00','2026-11-22T12:00:00.000000+00:00','home','INBOX',7,13);
CREATE TABLE pending (
    account TEXT NOT NULL,
    mailbox TEXT NOT NULL,
    uid INTEGER NOT NULL, rule TEXT NOT NULL DEFAULT '', kind TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (account, mailbox, uid),
    FOREIGN KEY (account, mailbox) REFERENCES positions (account, mailbox) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "pending" VALUES('home','INBOX',14,'','failed','');
INSERT INTO "pending" VALUES('home','INBOX',15,'','failed','');
INSERT INTO "pending" VALUES('home','INBOX',19,'','failed','');
CREATE TABLE plans (digest TEXT PRIMARY KEY, created TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "plans" VALUES('d1','2026-11-22T12:00:00.000000+00:00');
CREATE TABLE positions (
    account TEXT NOT NULL,
    mailbox TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL,
    last_uid INTEGER NOT NULL,
    PRIMARY KEY (account, mailbox)
) STRICT, WITHOUT ROWID;
INSERT INTO "positions" VALUES('home','INBOX',7,15);
CREATE TABLE resolutions (
    id INTEGER PRIMARY KEY,
    step INTEGER NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
    resolved TEXT NOT NULL,
    who TEXT NOT NULL,
    was TEXT NOT NULL,
    became TEXT NOT NULL
) STRICT;
CREATE TABLE rule_runs (
    account TEXT NOT NULL,
    mailbox TEXT NOT NULL,
    rule TEXT NOT NULL,
    rules_hash TEXT NOT NULL,
    PRIMARY KEY (account, mailbox, rule)
) STRICT, WITHOUT ROWID;
CREATE TABLE rule_sights (
    rule TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    seen TEXT NOT NULL
) STRICT, WITHOUT ROWID;
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
INSERT INTO "runs" VALUES('20261122-120000','once','2026-11-22T12:00:00.000000+00:00','host:1','abc','',0,'2026-11-22T12:00:03.000000+00:00','partly_done');
INSERT INTO "runs" VALUES('20261122-130000','undo','2026-11-22T13:00:00.000000+00:00','host:1','','20261122-120000',0,'2026-11-22T13:00:00.000000+00:00','done');
INSERT INTO "runs" VALUES('20261122-140000','daemon','2026-11-22T14:00:00.000000+00:00','host:1','abc','',0,NULL,NULL);
CREATE TABLE senders (sender TEXT PRIMARY KEY, message TEXT NOT NULL, seen TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;
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
INSERT INTO "steps" VALUES(1,1,'lists',12,'','list_id matched <a>','<1@example.org>','Grüße; ''quoted''
and more','$Work \Flagged',80,'M1','2026-11-22T12:00:00.000000+00:00',1234,'','','applied','2026-11-22T12:00:00.000000+00:00','',9,31);
INSERT INTO "steps" VALUES(2,2,'keep',13,'','','<2@example.org>','','',NULL,'',NULL,0,'k13','','applied','2026-11-22T12:00:00.000000+00:00','',4,2);
INSERT INTO "steps" VALUES(3,3,'bell',13,'','','','','',NULL,'',NULL,0,'k13','{"to": ["a", 1]}','unknown','2026-11-22T12:00:00.000000+00:00','no answer',0,0);
INSERT INTO "steps" VALUES(4,4,'share',0,'','','','','',NULL,'',NULL,0,'','','applied','2026-11-22T12:00:00.000000+00:00','',0,0);
INSERT INTO "steps" VALUES(5,5,'lists',14,'','','<3@example.org>','','',NULL,'',NULL,0,'','','ambiguous','2026-11-22T12:00:00.000000+00:00','UIDVALIDITY was 7 and is 8',0,0);
INSERT INTO "steps" VALUES(6,5,'lists',15,'','','','','',NULL,'',NULL,0,'','','intent',NULL,'',0,0);
INSERT INTO "steps" VALUES(7,6,'lists',31,'','','','','',NULL,'',NULL,0,'','','applied','2026-11-22T12:00:00.000000+00:00','',7,20);
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
CREATE INDEX commands_by_run ON commands (run);
CREATE INDEX commands_by_time ON commands (intended);
CREATE INDEX commands_by_target ON commands (account, target) WHERE target != '';
CREATE INDEX steps_by_command ON steps (command);
CREATE INDEX steps_by_message ON steps (message_id) WHERE message_id != '';
CREATE INDEX steps_open ON steps (state) WHERE state IN ('intent', 'halfway', 'unknown');
CREATE INDEX deliveries_by_recipient ON deliveries (recipient);
CREATE INDEX steps_outside ON steps (state) WHERE state IN ('waiting', 'given_up');
CREATE INDEX ledger_by_time ON ledger (seen);
CREATE INDEX resolutions_by_step ON resolutions (step);
CREATE INDEX steps_given_up ON steps (state) WHERE state IN ('ambiguous', 'vanished');
CREATE INDEX commands_across ON commands (target) WHERE operation = 'append';
CREATE INDEX ledger_by_place ON ledger (account, mailbox, uidvalidity, uid);
CREATE INDEX steps_taken_back ON steps (detail) WHERE detail = 'somebody took it back since, so it stays as it is';
COMMIT;
