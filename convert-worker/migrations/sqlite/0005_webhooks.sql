-- Where its end is told.
ALTER TABLE jobs ADD COLUMN webhook TEXT;

-- Tellings of ends, each written with the end itself. Moments are Unix microseconds.
CREATE TABLE deliveries (
    id         BLOB   PRIMARY KEY NOT NULL,
    job        BLOB   NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    owner      BLOB   NOT NULL,
    url        TEXT   NOT NULL,
    -- JSON, as it was when the job ended.
    body       TEXT   NOT NULL,
    state      TEXT   NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'failed')),
    -- How often it was begun; whoever writes with an older number is not heard.
    tries      BIGINT NOT NULL DEFAULT 0,
    -- Why the last try failed.
    detail     TEXT,
    -- Not before this; while it is being sent, when that is given up.
    ready_at   BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE INDEX deliveries_waiting ON deliveries (ready_at, id) WHERE state = 'waiting';
CREATE INDEX deliveries_by_job ON deliveries (job, id);
