CREATE TABLE events (
    room BLOB NOT NULL,
    pos INTEGER NOT NULL,
    prev INTEGER,
    id BLOB NOT NULL,
    at INTEGER NOT NULL,
    author BLOB NOT NULL,
    name TEXT NOT NULL,
    cid BLOB NOT NULL,
    what TEXT NOT NULL,
    PRIMARY KEY (room, pos),
    UNIQUE (room, author, cid)
) STRICT, WITHOUT ROWID;

-- The head of a room: how many events, and a chain hash over them.
CREATE TABLE heads (
    room BLOB NOT NULL PRIMARY KEY,
    pos INTEGER NOT NULL,
    n INTEGER NOT NULL,
    h BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Up to where the log was taken in, of which generation of it. Changes with the rows, in one transaction.
CREATE TABLE progress (
    part INTEGER NOT NULL PRIMARY KEY,
    epoch TEXT NOT NULL,
    pos INTEGER NOT NULL
) STRICT;

-- Records that could not be read: kept, so that nothing is lost by passing over them.
CREATE TABLE dead_letters (
    part INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    at INTEGER NOT NULL,
    key TEXT NOT NULL,
    payload TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (part, pos)
) STRICT, WITHOUT ROWID;
