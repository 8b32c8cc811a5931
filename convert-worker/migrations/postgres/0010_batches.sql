-- What a job does when it is no conversion of an upload: 'merge' or 'zip', of the results of other jobs.
ALTER TABLE jobs ADD COLUMN work TEXT;
-- The batch that it is a step of.
ALTER TABLE jobs ADD COLUMN batch UUID;
-- Whether it waits for those jobs: then it is in no line.
ALTER TABLE jobs ADD COLUMN held BOOLEAN NOT NULL DEFAULT FALSE CHECK (NOT held OR state = 'queued');

CREATE INDEX jobs_of_batches ON jobs (batch, id) WHERE batch IS NOT NULL;

-- Several jobs that are one thing. Moments are Unix microseconds.
CREATE TABLE batches (
    id          UUID   PRIMARY KEY NOT NULL,
    owner       UUID   NOT NULL,
    -- Names the wish, so that one that is sent again makes no second batch.
    request_key TEXT,
    name        TEXT   NOT NULL,
    -- JSON of the wish.
    wish        TEXT   NOT NULL,
    -- Whoever writes it is alone with the batch until the transaction ends.
    turn        BIGINT NOT NULL DEFAULT 0,
    created_at  BIGINT NOT NULL,
    -- Hidden from everybody; its jobs go first, then the row.
    removed_at  BIGINT
);

CREATE UNIQUE INDEX batches_by_request ON batches (owner, request_key);
CREATE INDEX batches_by_owner ON batches (owner, id);
CREATE INDEX batches_by_age ON batches (created_at);
CREATE INDEX batches_removed ON batches (removed_at) WHERE removed_at IS NOT NULL;

-- The jobs of a batch in order, its steps last: each step is made of all that are before it. A job that was removed stays
-- here, so that it is missed.
CREATE TABLE batch_jobs (
    batch UUID   NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
    place BIGINT NOT NULL,
    job   UUID   NOT NULL,
    PRIMARY KEY (batch, place)
);

CREATE INDEX batch_jobs_by_job ON batch_jobs (job);
