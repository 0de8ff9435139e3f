-- A partial index on the place was only ever used as a range, since its condition is one.

DROP INDEX ledger_by_place;
CREATE INDEX ledger_by_place ON ledger (account, mailbox, uidvalidity, uid);
