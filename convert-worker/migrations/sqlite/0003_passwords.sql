-- The password of an encrypted document, sealed with a key of the hub's secret, for as long as the job needs it.
ALTER TABLE jobs ADD COLUMN password BLOB CHECK (password IS NULL OR state IN ('queued', 'in_progress'));
-- Whether there was one: to start the job again it has to be given again.
ALTER TABLE jobs ADD COLUMN locked BOOLEAN NOT NULL DEFAULT FALSE;
-- Those that stood here in the clear.
UPDATE jobs SET options = json_remove(options, '$.password'), locked = TRUE
WHERE json_extract(options, '$.password') IS NOT NULL;
