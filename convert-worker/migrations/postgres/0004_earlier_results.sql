-- A hash of all that a result depends on: the bytes, what is wanted of them, the engines. NULL where it is not to be found.
ALTER TABLE jobs ADD COLUMN recipe TEXT;
-- The job that made the result of which this one has a copy. It may be gone by now.
ALTER TABLE jobs ADD COLUMN cached_from UUID;

CREATE INDEX jobs_by_recipe ON jobs (owner, recipe) WHERE state = 'completed' AND recipe IS NOT NULL;
