-- The SHA-256 of the answer that a copy was made from: the same answer need not be taken over again.
ALTER TABLE sync_positions ADD COLUMN digest TEXT NOT NULL DEFAULT '';
