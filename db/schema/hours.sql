-- What came and what was done in each hour: read by whoever watches the site, instead of counting
-- scores. Kept by triggers like the tally, in the transaction of what they count, and never taken
-- back: what was scored was scored, whatever is withdrawn or forgotten later.

CREATE TABLE hour_count (
    hour timestamptz NOT NULL,
    source_id integer NOT NULL REFERENCES source (id),
    -- 0 for what comes in: no run is needed to see it.
    run_id integer NOT NULL,
    -- `received`: objects that were seen for the first time. `rejected`, `scored`: by a run.
    what text NOT NULL CONSTRAINT ck_hour_count_what CHECK (
        what IN ('received', 'rejected', 'scored')
    ),
    n bigint NOT NULL,
    CONSTRAINT pk_hour_count PRIMARY KEY (hour, source_id, run_id, what)
);
CREATE INDEX ix_hour_count_run ON hour_count (run_id) WHERE run_id <> 0;

CREATE FUNCTION count_received() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO hour_count AS kept (hour, source_id, run_id, what, n)
    SELECT date_trunc('hour', clock_timestamp()), source_id, 0, 'received', count(*)
    FROM after_rows GROUP BY source_id
    ON CONFLICT ON CONSTRAINT pk_hour_count DO UPDATE SET n = kept.n + excluded.n;
    RETURN NULL;
END $$;
CREATE TRIGGER hour_received AFTER INSERT ON object REFERENCING NEW TABLE AS after_rows
FOR EACH STATEMENT EXECUTE FUNCTION count_received();

CREATE FUNCTION count_rejected() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO hour_count AS kept (hour, source_id, run_id, what, n)
    SELECT date_trunc('hour', clock_timestamp()), after_rows.source_id, after_rows.run_id,
        'rejected', count(*)
    FROM after_rows JOIN before_rows USING (id)
    WHERE before_rows.state = 'received' AND after_rows.state = 'rejected'
        AND after_rows.run_id IS NOT NULL
    GROUP BY after_rows.source_id, after_rows.run_id
    ON CONFLICT ON CONSTRAINT pk_hour_count DO UPDATE SET n = kept.n + excluded.n;
    RETURN NULL;
END $$;
CREATE TRIGGER hour_rejected AFTER UPDATE ON object
REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
FOR EACH STATEMENT EXECUTE FUNCTION count_rejected();

CREATE FUNCTION count_scored() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO hour_count AS kept (hour, source_id, run_id, what, n)
    SELECT date_trunc('hour', clock_timestamp()), run.source_id, run.id, 'scored', count(*)
    FROM after_rows JOIN run ON run.id = after_rows.run_id
    GROUP BY run.source_id, run.id
    ON CONFLICT ON CONSTRAINT pk_hour_count DO UPDATE SET n = kept.n + excluded.n;
    RETURN NULL;
END $$;
CREATE TRIGGER hour_scored AFTER INSERT ON score REFERENCING NEW TABLE AS after_rows
FOR EACH STATEMENT EXECUTE FUNCTION count_scored();
