CREATE TABLE rooms (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    private BOOLEAN NOT NULL,
    topic TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Public names are unique; a private room's name must not be guessable from a refusal.
CREATE UNIQUE INDEX rooms_public_name ON rooms (name) WHERE NOT private;
CREATE INDEX rooms_name ON rooms (name);

CREATE TABLE members (
    room UUID NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id UUID NOT NULL,
    role TEXT NOT NULL,
    joined_at BIGINT NOT NULL,
    PRIMARY KEY (room, user_id)
);

CREATE INDEX members_user ON members (user_id);
