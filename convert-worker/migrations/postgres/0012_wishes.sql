-- A digest of what was wanted of the upload: the same key with another wish is another upload.
ALTER TABLE jobs ADD COLUMN wish TEXT;
