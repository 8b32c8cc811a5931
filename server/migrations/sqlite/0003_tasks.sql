-- Work that a change causes, written in the transaction of that change. Rows of one lane run one after the other.
CREATE TABLE tasks (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    lane BLOB,
    payload TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    lease_until INTEGER NOT NULL DEFAULT 0,
    fence INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    dead_at INTEGER
) STRICT;

CREATE INDEX tasks_due ON tasks (due_at) WHERE dead_at IS NULL;
CREATE INDEX tasks_lane ON tasks (lane, seq) WHERE lane IS NOT NULL;
