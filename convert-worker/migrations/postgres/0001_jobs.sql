-- Conversions. Moments are Unix microseconds. `id` is a UUIDv7, so its order is the order of arrival.
CREATE TABLE jobs (
    id              UUID    PRIMARY KEY NOT NULL,
    owner           UUID    NOT NULL,
    -- Names the upload, so that one that is sent again makes no second job.
    request_key     TEXT,
    name            TEXT    NOT NULL,
    source          TEXT    NOT NULL,
    target          TEXT    NOT NULL,
    -- JSON of `convert::Options`; NULL once completed, because they may hold a password.
    options         TEXT,
    strict          BOOLEAN NOT NULL,
    bytes_in        BIGINT  NOT NULL,

    state           TEXT    NOT NULL CHECK (state IN ('queued', 'in_progress', 'completed', 'failed', 'cancelled')),
    seq             BIGINT  NOT NULL,
    -- Not before this, and the place in the line.
    ready_at        BIGINT  NOT NULL,
    -- How often it was started; and, since a person last queued it, how often that failed or its worker died.
    attempt         BIGINT  NOT NULL DEFAULT 0,
    failures        BIGINT  NOT NULL DEFAULT 0,
    losses          BIGINT  NOT NULL DEFAULT 0,

    -- Grows whenever the job changes hands; whoever writes with an older one is not heard.
    fence           BIGINT  NOT NULL DEFAULT 0,
    lease_owner     UUID,
    lease_until     BIGINT,

    result_key      TEXT,
    bytes_out       BIGINT,
    sha256          TEXT,
    engine          TEXT,
    degraded        BOOLEAN NOT NULL DEFAULT FALSE,
    -- JSON list of sentences.
    lost            TEXT    NOT NULL DEFAULT '[]',
    error_kind      TEXT,
    error_detail    TEXT,
    seconds         DOUBLE PRECISION,

    created_at      BIGINT  NOT NULL,
    updated_at      BIGINT  NOT NULL,
    -- When it was last started: whose turn it is, is told by whose files were.
    started_at      BIGINT,
    -- Hidden from everybody; its objects go first, then the row.
    removed_at      BIGINT,

    CHECK ((state = 'completed') = (result_key IS NOT NULL)),
    CHECK ((state = 'failed') = (error_kind IS NOT NULL)),
    CHECK ((state = 'in_progress') = (lease_until IS NOT NULL))
);

CREATE UNIQUE INDEX jobs_by_request ON jobs (owner, request_key);
CREATE INDEX jobs_by_owner ON jobs (owner, id);
CREATE INDEX jobs_waiting ON jobs (ready_at, id) WHERE state = 'queued';
CREATE INDEX jobs_running ON jobs (owner, lease_until) WHERE state = 'in_progress';
CREATE INDEX jobs_served ON jobs (owner, started_at);
CREATE INDEX jobs_ended ON jobs (updated_at) WHERE state IN ('completed', 'failed', 'cancelled');
CREATE INDEX jobs_removed ON jobs (removed_at) WHERE removed_at IS NOT NULL;

-- What happened to a job, in order and without gaps.
CREATE TABLE job_events (
    job     UUID   NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    seq     BIGINT NOT NULL,
    state   TEXT   NOT NULL,
    attempt BIGINT NOT NULL,
    detail  TEXT,
    at      BIGINT NOT NULL,
    PRIMARY KEY (job, seq)
);
