-- Whether this person's documents may go to services of somebody else.
ALTER TABLE users ADD COLUMN allow_third_party INTEGER NOT NULL DEFAULT 0;
