-- Verified accounts only: whoever has a row here has shown that the address is theirs.
CREATE TABLE users (
    id BLOB NOT NULL PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password TEXT NOT NULL,
    bio TEXT NOT NULL DEFAULT '',
    tz TEXT NOT NULL DEFAULT '',
    role TEXT NOT NULL CHECK (role IN ('user', 'admin')),
    photo TEXT,
    created_at INTEGER NOT NULL
) STRICT;

-- Sign-ups that wait for their own link or code. Several may wait for one address: the one whose link is used wins.
CREATE TABLE signups (
    id BLOB NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    password TEXT NOT NULL,
    link_print BLOB NOT NULL UNIQUE,
    link_until INTEGER NOT NULL,
    code_print BLOB NOT NULL UNIQUE,
    code_until INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX signups_email ON signups (email, created_at);
CREATE INDEX signups_age ON signups (created_at);

CREATE TABLE sessions (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    device TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;

CREATE INDEX sessions_user ON sessions (user_id, created_at);

-- One family a session. A spent token stays, so that its second use is recognised.
CREATE TABLE refresh_tokens (
    print BLOB NOT NULL PRIMARY KEY,
    session_id BLOB NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    made_at INTEGER NOT NULL,
    spent_at INTEGER
) STRICT;

CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);

-- What happens once in the life of a hub, such as its first account.
CREATE TABLE milestones (
    name TEXT NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT;
