-- Up to which message (`said.id`) the words are in the index. While the log is caught up with, the index is behind.
CREATE TABLE indexed (upto INTEGER NOT NULL) STRICT;

INSERT INTO indexed (upto) SELECT coalesce(max(id), 0) FROM said;
