-- When mail of a sender was last judged, so that one who is silent for long is forgotten; '' until that is known.
ALTER TABLE senders ADD COLUMN seen TEXT NOT NULL DEFAULT '';
