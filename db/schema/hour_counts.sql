-- What is counted of each hour, by triggers: renewed when a program learns to count more.

CREATE OR REPLACE FUNCTION count_received() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO hour_count AS kept (hour, source_id, run_id, what, n)
    SELECT date_trunc('hour', clock_timestamp()), source_id, 0, 'received', count(*)
    FROM after_rows GROUP BY source_id
    ON CONFLICT ON CONSTRAINT pk_hour_count DO UPDATE SET n = kept.n + excluded.n;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER hour_received AFTER INSERT ON object REFERENCING NEW TABLE AS after_rows
FOR EACH STATEMENT EXECUTE FUNCTION count_received();

CREATE OR REPLACE FUNCTION count_judged() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO hour_count AS kept (hour, source_id, run_id, what, n)
    SELECT date_trunc('hour', clock_timestamp()), after_rows.source_id, after_rows.run_id,
        CAST(after_rows.state AS text), count(*)
    FROM after_rows JOIN before_rows USING (id)
    WHERE before_rows.state = 'received' AND after_rows.state <> 'received'
        AND after_rows.run_id IS NOT NULL
    GROUP BY after_rows.source_id, after_rows.run_id, after_rows.state
    ON CONFLICT ON CONSTRAINT pk_hour_count DO UPDATE SET n = kept.n + excluded.n;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER hour_judged AFTER UPDATE ON object
REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
FOR EACH STATEMENT EXECUTE FUNCTION count_judged();

CREATE OR REPLACE FUNCTION count_scored() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO hour_count AS kept (hour, source_id, run_id, what, n)
    SELECT date_trunc('hour', clock_timestamp()), run.source_id, run.id, 'scored', count(*)
    FROM after_rows JOIN run ON run.id = after_rows.run_id
    GROUP BY run.source_id, run.id
    ON CONFLICT ON CONSTRAINT pk_hour_count DO UPDATE SET n = kept.n + excluded.n;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER hour_scored AFTER INSERT ON score REFERENCING NEW TABLE AS after_rows
FOR EACH STATEMENT EXECUTE FUNCTION count_scored();
