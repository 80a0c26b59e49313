-- What a PACS says that it has, so that no film is fetched twice and each that is missing is known.
-- Nothing here names a film but by a digest that is keyed with the site's secret.

CREATE TYPE pacs_state AS ENUM ('named', 'fetched', 'failed');

-- An archive that is asked for its films.
CREATE TABLE pacs (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Prevents an archive from being known as two, each with half of what was fetched.
    location text NOT NULL CONSTRAINT uq_pacs_location UNIQUE
);

-- A film (SOP instance) that a PACS named, and how far it is on its way to us. Rows of old study
-- dates are deleted.
CREATE TABLE pacs_instance (
    pacs_id integer NOT NULL REFERENCES pacs (id),
    study_date date NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    state pacs_state NOT NULL DEFAULT 'named',
    -- How often it was asked for in vain.
    tries smallint NOT NULL DEFAULT 0,
    modality text NOT NULL,
    -- Why it was not given, the last time.
    reason text,
    -- Names it as the name of its file does, once that is in the drop folder.
    instance text NOT NULL CONSTRAINT ck_pacs_instance_digest CHECK (instance ~ '^[0-9a-f]{24}$'),
    -- Prevents a film from being fetched as two.
    CONSTRAINT pk_pacs_instance PRIMARY KEY (pacs_id, instance),
    -- Prevents a failure without a reason, and a reason that outlives its failure.
    CONSTRAINT ck_pacs_instance_reason CHECK ((state = 'failed') = (reason IS NOT NULL))
);
CREATE INDEX ix_pacs_instance_day ON pacs_instance (pacs_id, study_date);

CREATE INDEX ix_sighting_instance ON sighting (arrived_instance(object_key))
    WHERE arrived_instance(object_key) IS NOT NULL;
