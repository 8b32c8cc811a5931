-- Files that come in pieces. Moments are Unix microseconds.
CREATE TABLE uploads (
    id          UUID    PRIMARY KEY NOT NULL,
    owner       UUID    NOT NULL,
    -- Names the upload, so that one that is begun again makes no second one.
    request_key TEXT,
    length      BIGINT  NOT NULL,
    -- So many bytes of it are in the store.
    received    BIGINT  NOT NULL DEFAULT 0,
    -- Whoever appends; whoever begins to append later takes its place, and the one before is not heard any more.
    writer      UUID,
    -- As the client said it.
    metadata    TEXT,
    -- JSON of what is wanted, without the password, and that, sealed.
    wish        TEXT    NOT NULL,
    password    BYTEA,
    third_party BOOLEAN NOT NULL,
    -- What became of it: a job, or a JSON problem.
    job         UUID,
    refusal     TEXT,
    created_at  BIGINT  NOT NULL,
    expires_at  BIGINT  NOT NULL,
    -- Since then nothing is appended; its objects go first, then the row.
    closed_at   BIGINT,

    CHECK (received BETWEEN 0 AND length),
    CHECK (job IS NULL OR closed_at IS NOT NULL)
);

CREATE UNIQUE INDEX uploads_by_request ON uploads (owner, request_key);
CREATE INDEX uploads_open ON uploads (owner, expires_at) WHERE closed_at IS NULL;
CREATE INDEX uploads_closed ON uploads (closed_at) WHERE closed_at IS NOT NULL;

-- The objects of an upload, each noted before its first byte is stored.
CREATE TABLE upload_parts (
    upload UUID   NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    id     UUID   NOT NULL,
    -- How many bytes of the file are before it.
    at     BIGINT NOT NULL,
    -- NULL until it counts.
    bytes  BIGINT,
    PRIMARY KEY (upload, id)
);
