-- Who was made to leave a room and may not come back by themselves.
CREATE TABLE bans (
    room UUID NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id UUID NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (room, user_id)
);
