-- How long conversions of a pair took lately.
CREATE INDEX jobs_by_pair ON jobs (source, target, updated_at) WHERE state = 'completed';
