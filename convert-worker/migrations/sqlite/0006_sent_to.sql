-- JSON list of the services of somebody else that the document went to; each is written down before it goes.
ALTER TABLE jobs ADD COLUMN sent_to TEXT NOT NULL DEFAULT '[]';
