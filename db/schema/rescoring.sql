-- Rescoring: images that were accepted before, scored again by another model version. A request
-- wants a selection, as `wanted` wants a whole source and all that comes to it; what is to be done
-- for it is ordinary work, so that an image is scored once whoever wants it.

-- What a person asked for: all images that were accepted by then, those of some days, or a list.
CREATE TABLE rescoring (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_version_id integer NOT NULL REFERENCES model_version (id),
    -- Images up to this one have been enlisted; NULL once all of them have, or it was cancelled.
    enlisted_to bigint DEFAULT 0,
    -- The newest image by then: what comes later is no part of it.
    newest_image_id bigint NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    cancelled_at timestamptz,
    -- Days of acquisition, in UTC, both included; NULL, as each of them: without an end.
    first_day date,
    last_day date,
    is_list boolean NOT NULL,
    -- How many entries of the list name no valid image.
    unknown integer NOT NULL DEFAULT 0,
    requested_by text NOT NULL,
    cancelled_by text,
    -- Prevents a list of which a part would be left out.
    CONSTRAINT ck_rescoring_selection CHECK (NOT is_list OR num_nonnulls(first_day, last_day) = 0),
    CONSTRAINT ck_rescoring_days CHECK (first_day <= last_day),
    -- Prevents a cancellation by nobody, and one that goes on enlisting.
    CONSTRAINT ck_rescoring_cancelled CHECK ((cancelled_at IS NULL) = (cancelled_by IS NULL)),
    CONSTRAINT ck_rescoring_ended CHECK (cancelled_at IS NULL OR enlisted_to IS NULL)
);

-- The images of a list. They go once they have been enlisted, and wait for no other request.
CREATE TABLE rescoring_image (
    rescoring_id integer NOT NULL REFERENCES rescoring (id),
    image_id bigint NOT NULL,
    PRIMARY KEY (rescoring_id, image_id)
);

-- What became of the images of a request, counted by triggers: waiting, gone (at its source), failed,
-- scored, dropped (withdrawn, superseded, forgotten or cancelled); and by whoever enlists them:
-- before (scored, or wanted by another request, when this one came to them).
CREATE TABLE rescoring_count (
    rescoring_id integer NOT NULL REFERENCES rescoring (id),
    what text NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (rescoring_id, what)
);

-- NULL: wanted by a source alone.
ALTER TABLE work ADD COLUMN rescoring_id integer REFERENCES rescoring (id);
CREATE INDEX ix_work_rescoring ON work (rescoring_id, source_id) WHERE rescoring_id IS NOT NULL;

-- Each has a function of its own for each operation, as the counters of `counts.sql`; a statement on
-- work that no request wants, such as any of a pass, ends at the first line.
CREATE PROCEDURE count_rescoring(operation text, tables text, changed text, query text)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(
        'CREATE FUNCTION count_rescoring_%1$s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
        SET search_path FROM CURRENT AS $count$ BEGIN
            IF NOT EXISTS (SELECT FROM %2$s WHERE rescoring_id IS NOT NULL) THEN RETURN NULL; END IF;
            INSERT INTO rescoring_count AS kept (rescoring_id, what, n)
            SELECT rescoring_id, what, sum(sign)
            FROM (%3$s) AS counted (rescoring_id, what, sign)
            WHERE rescoring_id IS NOT NULL
            GROUP BY 1, 2 HAVING sum(sign) <> 0
            ON CONFLICT (rescoring_id, what) DO UPDATE SET n = kept.n + excluded.n;
            RETURN NULL;
        END $count$', operation, changed, query
    );
    EXECUTE format(
        'CREATE TRIGGER count_rescoring_%1$s AFTER %1$s ON work REFERENCING %2$s
        FOR EACH STATEMENT EXECUTE FUNCTION count_rescoring_%1$s()', operation, tables
    );
END $$;

CREATE FUNCTION rescoring_fate(state work_state, reason text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN state <> 'failed' THEN 'waiting' WHEN reason = 'vanished' THEN 'gone'
    ELSE 'failed' END;

CALL count_rescoring('insert', 'NEW TABLE AS after_rows', 'after_rows', $$
    SELECT rescoring_id, rescoring_fate(state, reason), 1 FROM after_rows
$$);
CALL count_rescoring(
    'update',
    'NEW TABLE AS after_rows OLD TABLE AS before_rows',
    '(SELECT rescoring_id FROM before_rows UNION ALL SELECT rescoring_id FROM after_rows) AS either',
    $$
    SELECT rescoring_id, rescoring_fate(state, reason), 1 FROM after_rows
    UNION ALL SELECT rescoring_id, rescoring_fate(state, reason), -1 FROM before_rows
    UNION ALL SELECT before_rows.rescoring_id, 'dropped', 1
    FROM before_rows JOIN after_rows USING (object_id, model_version_id)
    WHERE after_rows.rescoring_id IS DISTINCT FROM before_rows.rescoring_id
$$);
CALL count_rescoring('delete', 'OLD TABLE AS before_rows', 'before_rows', $$
    SELECT rescoring_id, rescoring_fate(state, reason), -1 FROM before_rows
    UNION ALL SELECT rescoring_id,
        CASE WHEN EXISTS (
            SELECT FROM object JOIN score USING (image_id)
            WHERE object.id = before_rows.object_id
                AND score.model_version_id = before_rows.model_version_id
        ) THEN 'scored' ELSE 'dropped' END, 1
    FROM before_rows
$$);
DROP PROCEDURE count_rescoring(text, text, text, text);
