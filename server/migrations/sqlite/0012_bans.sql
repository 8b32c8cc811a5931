-- Who was made to leave a room and may not come back by themselves.
CREATE TABLE bans (
    room BLOB NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (room, user_id)
);
