-- Bridges: how scores of one model version become those of another. Learned from films that both
-- scored; appended, and never changed: a course that rests on one names it.

CREATE TABLE bridge (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    former_id integer NOT NULL REFERENCES model_version (id),
    current_id integer NOT NULL REFERENCES model_version (id),
    -- What it was learned from.
    patients integer NOT NULL,
    films integer NOT NULL,
    learned_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    learned_by text NOT NULL,
    -- The line of each score, its errors and its range (`severity.bridging`).
    content jsonb NOT NULL,
    -- Prevents a bridge from a version to itself.
    CONSTRAINT ck_bridge_versions CHECK (former_id <> current_id)
);
CREATE INDEX ix_bridge_current ON bridge (current_id, id);
