-- What is kept for whoever watches the site, and the deletion of what people looked at.

-- Where time goes: the seconds that images spent in each stage, over all runs. Added up at the end of
-- each share of a run; what a killed share spent is missing.
CREATE TABLE stage_time (
    source_id integer NOT NULL REFERENCES source (id),
    model_version_id integer NOT NULL REFERENCES model_version (id),
    stage text NOT NULL CONSTRAINT ck_stage_time_stage CHECK (
        stage IN ('read', 'decode', 'network', 'write')
    ),
    images bigint NOT NULL,
    seconds float8 NOT NULL CONSTRAINT ck_stage_time_seconds CHECK (
        0 <= seconds AND seconds < 'infinity'
    ),
    CONSTRAINT pk_stage_time PRIMARY KEY (source_id, model_version_id, stage)
);

-- Deletes lookups that are older, the oldest first, and returns how many; one line among the
-- corrections stays. None of the last year, whoever asks: a worker could otherwise hide who looked at
-- whom. Who may call it is in roles.sql.
CREATE FUNCTION expire_lookups(age interval, most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    cutoff CONSTANT timestamptz := clock_timestamp() - age;
    deleted bigint;
BEGIN
    -- By the time, not the age: of one with months, PostgreSQL takes each to have 30 days.
    IF cutoff IS NULL OR cutoff > clock_timestamp() - interval '365 days' THEN
        RAISE EXCEPTION 'lookups are kept for a year at least' USING ERRCODE = '42501';
    END IF;
    PERFORM set_config('severity.what', 'lookups expired', true);
    DELETE FROM lookup WHERE id IN (
        SELECT id FROM lookup
        -- They are numbered in the order of their time: nothing behind the first young one is read.
        WHERE id < coalesce(
            (SELECT id FROM lookup WHERE at >= cutoff ORDER BY id LIMIT 1), 9223372036854775807
        )
        ORDER BY id LIMIT most
    );
    GET DIAGNOSTICS deleted = ROW_COUNT;
    IF deleted > 0 THEN
        INSERT INTO correction (who, why, what, after) VALUES (
            session_user, 'retention', 'lookups expired',
            jsonb_build_object('lookups', deleted, 'before', cutoff)
        );
    END IF;
    RETURN deleted;
END $$;
