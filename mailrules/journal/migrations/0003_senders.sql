-- Whose mail was judged, and by which message first; digests, since the journal is no address book.

CREATE TABLE senders (sender TEXT PRIMARY KEY, message TEXT NOT NULL) STRICT, WITHOUT ROWID;
