-- Messages among the events, in the order in which they came in: what is counted, searched and shown to people.
CREATE TABLE said (
    id INTEGER NOT NULL PRIMARY KEY,
    room BLOB NOT NULL,
    pos INTEGER NOT NULL,
    author BLOB NOT NULL,
    at INTEGER NOT NULL,
    gone INTEGER NOT NULL
) STRICT;

-- Also all that counting needs, so that it reads nothing else.
CREATE INDEX said_place ON said (room, pos, author, gone);

-- Whom messages name, as long as they are there.
CREATE TABLE mentions (
    user_id BLOB NOT NULL,
    room BLOB NOT NULL,
    pos INTEGER NOT NULL,
    PRIMARY KEY (user_id, room, pos)
) STRICT, WITHOUT ROWID;

CREATE INDEX mentions_place ON mentions (room, pos);

-- Messages to which something was done since, as they are now. Most messages have no row here.
CREATE TABLE folds (
    room BLOB NOT NULL,
    pos INTEGER NOT NULL,
    pinned INTEGER NOT NULL,
    fold TEXT NOT NULL,
    PRIMARY KEY (room, pos)
) STRICT, WITHOUT ROWID;

CREATE INDEX folds_pinned ON folds (room, pos) WHERE pinned = 1;

-- The words of messages by `said.id`; the texts themselves are only in `events`.
CREATE VIRTUAL TABLE words USING fts5 (
    body, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 0'
);

INSERT INTO said (id, room, pos, author, at, gone)
SELECT row_number() OVER (ORDER BY at, pos), room, pos, author, at, 0
FROM events WHERE json_extract(what, '$.kind') = 'said';

INSERT INTO words (rowid, body)
SELECT said.id, json_extract(events.what, '$.body')
FROM said JOIN events ON events.room = said.room AND events.pos = said.pos;
