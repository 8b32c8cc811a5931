-- Files of rooms. The bytes are objects; a row without a hash is an upload that is not whole.
CREATE TABLE files (
    id UUID NOT NULL PRIMARY KEY,
    room UUID NOT NULL,
    owner UUID NOT NULL,
    name TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 TEXT,
    media_type TEXT NOT NULL,
    -- Names the upload, so that one that is sent again makes no second file.
    request_key TEXT,
    created_at BIGINT NOT NULL,
    -- The message that it is meant for, as its author named it; and where that is in the log, once somebody looked.
    cid UUID,
    pos BIGINT,
    -- The ending of its small picture, or `none` when there can be none.
    thumbnail TEXT
);

CREATE UNIQUE INDEX files_request ON files (owner, request_key);
CREATE INDEX files_room ON files (room, id);
CREATE INDEX files_unsent ON files (created_at) WHERE pos IS NULL;
