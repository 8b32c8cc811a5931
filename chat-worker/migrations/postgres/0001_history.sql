CREATE TABLE events (
    room UUID NOT NULL,
    pos BIGINT NOT NULL,
    prev BIGINT,
    id UUID NOT NULL,
    at BIGINT NOT NULL,
    author UUID NOT NULL,
    name TEXT NOT NULL,
    cid UUID NOT NULL,
    what TEXT NOT NULL,
    PRIMARY KEY (room, pos),
    UNIQUE (room, author, cid)
);

-- The head of a room: how many events, and a chain hash over them.
CREATE TABLE heads (
    room UUID NOT NULL PRIMARY KEY,
    pos BIGINT NOT NULL,
    n BIGINT NOT NULL,
    h BYTEA NOT NULL
);

-- Up to where the log was taken in, of which generation of it. Changes with the rows, in one transaction.
CREATE TABLE progress (
    part INTEGER NOT NULL PRIMARY KEY,
    epoch TEXT NOT NULL,
    pos BIGINT NOT NULL
);

-- Records that could not be read: kept, so that nothing is lost by passing over them.
CREATE TABLE dead_letters (
    part INTEGER NOT NULL,
    pos BIGINT NOT NULL,
    at BIGINT NOT NULL,
    key TEXT NOT NULL,
    payload TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (part, pos)
);
