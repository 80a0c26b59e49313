-- Corrections: who changed what that was decided before, when and why. Written by triggers, so
-- that nothing can be corrected without a trace; appended to, and never changed.

CREATE TABLE correction (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- The person or the run that changed it, and why, as `db.corrections` was told.
    who text NOT NULL,
    why text NOT NULL,
    what text NOT NULL,
    -- Without foreign keys: what is forgotten leaves its correction.
    object_id bigint,
    image_id bigint,
    patient_id bigint,
    before jsonb,
    after jsonb
);
CREATE INDEX ix_correction_object ON correction (object_id) WHERE object_id IS NOT NULL;
CREATE INDEX ix_correction_image ON correction (image_id) WHERE image_id IS NOT NULL;
CREATE INDEX ix_correction_patient ON correction (patient_id) WHERE patient_id IS NOT NULL;

CREATE FUNCTION setting_or(name text, otherwise text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(current_setting(name, true), ''), otherwise)
$$;

-- The arguments of each trigger: the column with the id, and the columns that are corrected.
CREATE FUNCTION record_correction() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
DECLARE
    columns text[] := string_to_array(TG_ARGV[0], ' ');
    old_row jsonb := to_jsonb(OLD);
    new_row jsonb := to_jsonb(NEW);
    before jsonb;
    after jsonb;
BEGIN
    SELECT jsonb_object_agg(name, old_row -> name), jsonb_object_agg(name, new_row -> name)
    INTO before, after
    FROM unnest(columns) AS name
    -- A row that is inserted or deleted is one of nothing but NULL before or after that.
    WHERE coalesce(old_row -> name, 'null') <> coalesce(new_row -> name, 'null');
    IF TG_TABLE_NAME = 'source' THEN
        before := before || jsonb_build_object('location', old_row -> 'location');
    ELSIF TG_TABLE_NAME IN ('event', 'patient_attribute') THEN
        before := before || jsonb_strip_nulls(jsonb_build_object(
            'event', old_row -> 'id', 'name', old_row -> 'name'
        ));
    END IF;
    INSERT INTO correction (who, why, what, object_id, image_id, patient_id, before, after)
    VALUES (
        setting_or('severity.who', session_user),
        setting_or('severity.why', ''),
        setting_or('severity.what', TG_TABLE_NAME || ' changed'),
        CASE TG_TABLE_NAME
            WHEN 'object' THEN (old_row ->> 'id')::bigint
            WHEN 'work' THEN (old_row ->> 'object_id')::bigint
        END,
        CASE TG_TABLE_NAME WHEN 'image' THEN (old_row ->> 'id')::bigint END,
        CASE WHEN TG_TABLE_NAME = 'patient' THEN (old_row ->> 'id')::bigint
            ELSE (coalesce(new_row, old_row) ->> 'patient_id')::bigint
        END,
        before,
        after
    );
    RETURN NULL;
END $$;

-- A decision that is changed; the first one is no correction.
CREATE TRIGGER record_object AFTER UPDATE ON object FOR EACH ROW
WHEN (
    OLD.state <> 'received'
    AND (OLD.state, OLD.reason, OLD.image_id, OLD.dismissed_at)
        IS DISTINCT FROM (NEW.state, NEW.reason, NEW.image_id, NEW.dismissed_at)
)
EXECUTE FUNCTION record_correction('state reason detail image_id replaces_id dismissed_at');

CREATE TRIGGER record_image AFTER UPDATE ON image FOR EACH ROW
WHEN (OLD.* IS DISTINCT FROM NEW.*)
EXECUTE FUNCTION record_correction(
    'study_id acquired_at acquired_source acquired_zone view standing device_id simulated image_uid'
);

CREATE TRIGGER record_patient AFTER UPDATE ON patient FOR EACH ROW
WHEN (OLD.merged_into_id IS DISTINCT FROM NEW.merged_into_id)
EXECUTE FUNCTION record_correction('merged_into_id');

CREATE TRIGGER record_source AFTER UPDATE ON source FOR EACH ROW
WHEN (OLD.zone IS DISTINCT FROM NEW.zone)
EXECUTE FUNCTION record_correction('zone');

-- A person lets it be tried again; what vanished comes back by itself.
CREATE TRIGGER record_work AFTER UPDATE ON work FOR EACH ROW
WHEN (OLD.state = 'failed' AND NEW.state <> 'failed' AND OLD.reason <> 'vanished')
EXECUTE FUNCTION record_correction('state reason detail crashes');

-- What was written is never changed. A patient is forgotten by deleting, which only the owner of
-- the tables may.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME USING ERRCODE = '42501';
END $$;

CREATE TRIGGER never_updated BEFORE UPDATE ON score
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER never_updated BEFORE UPDATE ON correction
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER never_deleted BEFORE DELETE ON correction
FOR EACH STATEMENT WHEN (setting_or('severity.what', '') <> 'patient forgotten')
EXECUTE FUNCTION refuse_change();
