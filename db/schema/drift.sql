-- Drift of the site: sums of each night by device and view, of which charts are drawn
-- (`severity.drift`). They are counted after each pass (`db.drift`), from what triggers leave here,
-- so that scoring pays for one short list alone, and each night for its new films alone.

-- What is yet to be counted: an image's score that came (sign 1), or went (-1); after a correction
-- both, before and after it. With sign 0 only the repeats of its person are to be found again.
-- Without keys: what scores must never wait for who counts.
CREATE TABLE drift_due (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    image_id bigint NOT NULL,
    model_version_id integer NOT NULL,
    device_id integer NOT NULL,
    day date NOT NULL,
    view projection NOT NULL,
    sign smallint NOT NULL,
    -- NULL where it is out of distribution.
    geographic_extent float8,
    opacity float8,
    distance float8,
    distance_reference text
);

-- An image and the one before it of the same person, view and device, within 24 hours.
CREATE TABLE repeat_pair (
    image_id bigint NOT NULL,
    earlier_id bigint NOT NULL,
    model_version_id integer NOT NULL,
    device_id integer NOT NULL,
    day date NOT NULL,
    view projection NOT NULL,
    -- The root of the absolute difference of their geographic extents.
    error float8 NOT NULL,
    CONSTRAINT pk_repeat_pair PRIMARY KEY (image_id, model_version_id)
);
CREATE INDEX ix_repeat_pair_earlier ON repeat_pair (earlier_id);

CREATE TABLE drift_night (
    model_version_id integer NOT NULL REFERENCES model_version (id),
    -- 0 where none is known.
    device_id integer NOT NULL,
    -- Of acquisition, in UTC.
    day date NOT NULL,
    view projection NOT NULL,
    -- `severity.domain.Measure`.
    measure text NOT NULL,
    -- The reference distribution of a distance; else empty.
    reference text NOT NULL,
    films bigint NOT NULL,
    -- The sums of the values and of their squares, in millionths: what is taken away again after a
    -- correction leaves nothing behind.
    total bigint NOT NULL,
    squares bigint NOT NULL,
    CONSTRAINT pk_drift_night
        PRIMARY KEY (model_version_id, day, device_id, view, measure, reference)
);

-- What the charts of a model version said when they were last drawn.
CREATE TABLE drift_report (
    model_version_id integer PRIMARY KEY REFERENCES model_version (id),
    drawn_at timestamptz NOT NULL DEFAULT now(),
    -- NULL while all is in control.
    finding jsonb
);

-- From which night on charts learn; NULL: from the first. One row, which a person changes.
CREATE TABLE drift_start (
    is_row boolean PRIMARY KEY DEFAULT true CONSTRAINT ck_drift_start_one CHECK (is_row),
    day date
);
INSERT INTO drift_start DEFAULT VALUES;
CREATE TRIGGER record_drift_start AFTER UPDATE ON drift_start FOR EACH ROW
WHEN (OLD.day IS DISTINCT FROM NEW.day)
EXECUTE FUNCTION record_correction('day');

-- The triggers, from what each statement gives: scores and images with a sign.
DO $$
DECLARE
    operation text;
    changed text;
    tables text;
    films text;
BEGIN
    FOR operation, changed, tables, films IN VALUES
        (
            'insert', 'score', 'NEW TABLE AS after_rows',
            '(SELECT *, 1 AS sign FROM after_rows) AS score JOIN image ON image.id = image_id'
        ),
        (
            'delete', 'score', 'OLD TABLE AS before_rows',
            '(SELECT *, -1 AS sign FROM before_rows) AS score JOIN image ON image.id = image_id'
        ),
        (
            'update', 'image', 'NEW TABLE AS after_rows OLD TABLE AS before_rows',
            '(SELECT *, 1 AS sign FROM after_rows UNION ALL SELECT *, -1 FROM before_rows) AS image
            JOIN score ON score.image_id = image.id'
        )
    LOOP
        EXECUTE format(
            'CREATE FUNCTION drift_after_%1$s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
            SET search_path FROM CURRENT AS $due$ BEGIN
                INSERT INTO drift_due
                    (image_id, model_version_id, device_id, day, view, sign, geographic_extent,
                    opacity, distance, distance_reference)
                SELECT image.id, model_version_id, coalesce(device_id, 0),
                    (acquired_at AT TIME ZONE ''UTC'')::date, view, sign,
                    CASE WHEN out_of_distribution IS NULL THEN geographic_extent_raw END,
                    CASE WHEN out_of_distribution IS NULL THEN opacity_raw END,
                    distance, distance_reference
                FROM %2$s
                WHERE standing = ''valid'' AND NOT simulated
                    AND acquired_source NOT IN (''unknown'', ''sidecar_offset'');
                RETURN NULL;
            END $due$', operation, films
        );
        EXECUTE format(
            'CREATE TRIGGER drift_%1$s AFTER %1$s ON %2$I REFERENCING %3$s
            FOR EACH STATEMENT EXECUTE FUNCTION drift_after_%1$s()', operation, changed, tables
        );
    END LOOP;
END $$;

-- Patients who are merged or split: who repeats whom changes, and no sum of films does.
CREATE FUNCTION drift_after_merge() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$ BEGIN
    INSERT INTO drift_due (image_id, model_version_id, device_id, day, view, sign)
    SELECT image.id, model_version_id, 0, '1970-01-01', view, 0
    FROM study JOIN image ON image.study_id = study.id JOIN score ON score.image_id = image.id
    WHERE study.patient_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER drift_merge AFTER UPDATE ON patient FOR EACH ROW
WHEN (OLD.merged_last_id IS DISTINCT FROM NEW.merged_last_id)
EXECUTE FUNCTION drift_after_merge();
