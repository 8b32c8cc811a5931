-- Work that a change causes, written in the transaction of that change. Rows of one lane run one after the other.
CREATE TABLE tasks (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id UUID NOT NULL UNIQUE,
    lane UUID,
    payload TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    lease_until BIGINT NOT NULL DEFAULT 0,
    fence BIGINT NOT NULL DEFAULT 0,
    attempts BIGINT NOT NULL DEFAULT 0,
    error TEXT,
    dead_at BIGINT
);

CREATE INDEX tasks_due ON tasks (due_at) WHERE dead_at IS NULL;
CREATE INDEX tasks_lane ON tasks (lane, seq) WHERE lane IS NOT NULL;
