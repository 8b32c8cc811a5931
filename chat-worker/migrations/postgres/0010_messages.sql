-- Messages among the events, in the order in which they came in: what is counted, searched and shown to people.
CREATE TABLE said (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    room UUID NOT NULL,
    pos BIGINT NOT NULL,
    author UUID NOT NULL,
    at BIGINT NOT NULL,
    gone BOOLEAN NOT NULL
);

-- Also all that counting needs, so that it reads nothing else.
CREATE INDEX said_place ON said (room, pos, author, gone);

-- Whom messages name, as long as they are there.
CREATE TABLE mentions (
    user_id UUID NOT NULL,
    room UUID NOT NULL,
    pos BIGINT NOT NULL,
    PRIMARY KEY (user_id, room, pos)
);

CREATE INDEX mentions_place ON mentions (room, pos);

-- Messages to which something was done since, as they are now. Most messages have no row here.
CREATE TABLE folds (
    room UUID NOT NULL,
    pos BIGINT NOT NULL,
    pinned BOOLEAN NOT NULL,
    fold TEXT NOT NULL,
    PRIMARY KEY (room, pos)
);

CREATE INDEX folds_pinned ON folds (room, pos) WHERE pinned;

-- The words of messages by `said.id`; the texts themselves are only in `events`.
CREATE TABLE words (
    id BIGINT NOT NULL PRIMARY KEY,
    body TSVECTOR NOT NULL
);

CREATE INDEX words_body ON words USING gin (body);

INSERT INTO said (room, pos, author, at, gone)
SELECT room, pos, author, at, FALSE FROM events WHERE what::json ->> 'kind' = 'said' ORDER BY at, pos;

INSERT INTO words (id, body)
SELECT said.id, to_tsvector('simple', regexp_replace(lower(events.what::json ->> 'body'), '[^[:alnum:]]+', ' ', 'g'))
FROM said JOIN events ON events.room = said.room AND events.pos = said.pos;
