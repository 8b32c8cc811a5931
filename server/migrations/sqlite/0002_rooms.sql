CREATE TABLE rooms (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    private INTEGER NOT NULL,
    topic TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Public names are unique; a private room's name must not be guessable from a refusal.
CREATE UNIQUE INDEX rooms_public_name ON rooms (name) WHERE private = 0;
CREATE INDEX rooms_name ON rooms (name);

CREATE TABLE members (
    room BLOB NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id BLOB NOT NULL,
    role TEXT NOT NULL,
    joined_at INTEGER NOT NULL,
    PRIMARY KEY (room, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX members_user ON members (user_id);
