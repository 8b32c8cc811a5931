-- The traceparent of whoever queued it, if somebody watches.
ALTER TABLE jobs ADD COLUMN trace TEXT;
