-- The two people of a direct conversation: the smaller id and the larger one. There is one room for each pair.
ALTER TABLE rooms ADD COLUMN direct BYTEA;
CREATE UNIQUE INDEX rooms_direct ON rooms (direct);

-- Up to where a member has read.
ALTER TABLE members ADD COLUMN mark BIGINT NOT NULL DEFAULT 0;
