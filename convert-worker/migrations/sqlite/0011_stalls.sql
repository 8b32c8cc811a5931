-- Since when the store of objects fails this job, in microseconds; nothing of one that it does not fail.
ALTER TABLE jobs ADD COLUMN stalled_since BIGINT;
