-- Treatment: what was done to a patient, when; the groups that a patient belongs to; and how the
-- level of the scores was around the start of each event.

CREATE TYPE event_kind AS ENUM ('drug', 'procedure', 'stay', 'other');

-- A drug, a procedure, a stay. What used to be called event is a correction.
CREATE TABLE event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    patient_id bigint NOT NULL REFERENCES patient (id),
    -- The beginning of the day where only a date is known.
    starts_at timestamptz NOT NULL,
    -- NULL while it goes on, or if its end is not known. The beginning of its last day where only a
    -- date is known.
    ends_at timestamptz,
    kind event_kind NOT NULL,
    starts_is_date boolean NOT NULL,
    ends_is_date boolean NOT NULL DEFAULT false,
    -- Days since the patient's day 0 and calendar dates are two axes: never joined.
    calendar_known boolean NOT NULL DEFAULT true,
    -- By a person who found it wrong. The row stays, lest the next import bring it back.
    is_removed boolean NOT NULL DEFAULT false,
    -- The time zone that times without one were read in, and whose days its dates are.
    zone text NOT NULL,
    label text NOT NULL,
    -- The system that it was imported from, as the person who imported it named it.
    source text NOT NULL,
    -- The key of idempotence: importing the same file every night is harmless.
    CONSTRAINT uq_event UNIQUE (patient_id, starts_at, kind, label, source, calendar_known),
    -- Prevents an event that ends before it starts. A last day, which has up to 25 hours, begins
    -- before a start in it.
    CONSTRAINT ck_event_end CHECK (
        starts_at <= ends_at
            + CASE WHEN ends_is_date AND NOT starts_is_date THEN interval '25 hours' ELSE '0' END
    ),
    -- Prevents a date of an end that is none.
    CONSTRAINT ck_event_end_date CHECK (ends_at IS NOT NULL OR NOT ends_is_date),
    -- Prevents an event that no curve could be named by, and a document in place of a name.
    CONSTRAINT ck_event_label CHECK (label <> '' AND length(label) <= 200),
    CONSTRAINT ck_event_source CHECK (source <> '' AND length(source) <= 200)
);
CREATE INDEX ix_event_label ON event (label, kind);

-- The treatments that events are of: a number for each curve.
CREATE TABLE event_label (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind event_kind NOT NULL,
    label text NOT NULL,
    -- Prevents two curves of one treatment.
    CONSTRAINT uq_event_label UNIQUE (label, kind)
);

CREATE FUNCTION note_labels() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO event_label (kind, label)
    SELECT DISTINCT kind, label FROM added_events
    WHERE NOT EXISTS (
        SELECT FROM event_label AS known
        WHERE known.kind = added_events.kind AND known.label = added_events.label
    )
    ORDER BY label, kind
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER note_labels AFTER INSERT ON event REFERENCING NEW TABLE AS added_events
FOR EACH STATEMENT EXECUTE FUNCTION note_labels();

-- A group of a patient: the arm of a trial, whether in intensive care.
CREATE TABLE patient_attribute (
    patient_id bigint NOT NULL REFERENCES patient (id),
    name text NOT NULL CONSTRAINT ck_patient_attribute_name
        CHECK (name <> '' AND length(name) <= 100),
    value text NOT NULL CONSTRAINT ck_patient_attribute_value
        CHECK (value <> '' AND length(value) <= 200),
    source text NOT NULL,
    -- By a person, who decides for good: an import does not bring it back.
    is_removed boolean NOT NULL DEFAULT false,
    -- Prevents a patient from being in two arms at once.
    CONSTRAINT pk_patient_attribute PRIMARY KEY (patient_id, name)
);
-- Which groups there are is read from its few distinct entries.
CREATE INDEX ix_patient_attribute_group ON patient_attribute (name, value);

-- As people and worklists name a group.
CREATE FUNCTION group_name(name text, value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ SELECT name || '=' || value $$;

-- The groups of a person; NULL without any. Of merged patients with two values of one name the
-- person's own comes first.
CREATE FUNCTION groups_of(person bigint) RETURNS text[] LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT array_agg(group_name(name, value) ORDER BY name)
        FROM (
            SELECT DISTINCT ON (name) name, value
            FROM patient JOIN patient_attribute ON patient_id = patient.id
            WHERE person_id = person AND NOT is_removed
            ORDER BY name, patient_id <> person, value
        ) AS own
    );
END $$;

-- How the level was just before an event (day 0) and days after, by one model version; kept by the
-- update of courses (`flows.events.responses`), from all films of the episode.
CREATE TABLE response (
    event_id bigint NOT NULL REFERENCES event (id) ON DELETE CASCADE,
    -- Of the update that wrote it: with it the rows of a person go and come.
    person_id bigint NOT NULL,
    model_version_id integer NOT NULL REFERENCES model_version (id),
    parameters_id integer NOT NULL,
    label_id integer NOT NULL,
    day smallint NOT NULL,
    -- The last film of the episode lies before this day.
    is_extrapolated boolean NOT NULL,
    -- In points. The low and high ends are those of a band of 90 %.
    extent_level real NOT NULL,
    extent_low real NOT NULL,
    extent_high real NOT NULL,
    opacity_level real NOT NULL,
    opacity_low real NOT NULL,
    opacity_high real NOT NULL,
    -- From the level just before, and the probabilities that it is beyond the margin: NULL on day 0.
    extent_change real,
    extent_change_low real,
    extent_change_high real,
    extent_better real,
    extent_worse real,
    extent_within real,
    opacity_change real,
    opacity_change_low real,
    opacity_change_high real,
    opacity_better real,
    opacity_worse real,
    opacity_within real,
    -- Prevents a second answer for one day. By person: an event that was of another counts there too
    -- until both are computed.
    CONSTRAINT pk_response PRIMARY KEY (event_id, model_version_id, day, person_id),
    -- Prevents a change from itself, and an answer without one.
    CONSTRAINT ck_response_change CHECK (
        num_nulls(
            extent_change, extent_change_low, extent_change_high, extent_better, extent_worse,
            extent_within, opacity_change, opacity_change_low, opacity_change_high,
            opacity_better, opacity_worse, opacity_within
        ) = CASE WHEN day = 0 THEN 12 ELSE 0 END
    ),
    -- Prevents NaN, which is greater than any number here.
    CONSTRAINT ck_response_probabilities CHECK (
        day = 0 OR (
            extent_better BETWEEN 0 AND 1 AND extent_worse BETWEEN 0 AND 1
            AND extent_within BETWEEN 0 AND 1 AND opacity_better BETWEEN 0 AND 1
            AND opacity_worse BETWEEN 0 AND 1 AND opacity_within BETWEEN 0 AND 1
        )
    )
);
CREATE INDEX ix_response_person ON response (person_id, model_version_id);
-- All that the curve of a label needs, so that 20,000 treatments among millions are read at once.
CREATE INDEX ix_response_label ON response (label_id, model_version_id, day)
    INCLUDE (
        person_id, extent_level, extent_change, extent_better, extent_worse,
        opacity_level, opacity_change, opacity_better, opacity_worse
    )
    WHERE NOT is_extrapolated;

-- A change of an event or a group is a correction; the first import is none.
CREATE TRIGGER record_event AFTER UPDATE ON event FOR EACH ROW
WHEN (OLD.* IS DISTINCT FROM NEW.*)
EXECUTE FUNCTION record_correction('starts_is_date ends_at ends_is_date is_removed');

CREATE TRIGGER record_patient_attribute AFTER UPDATE ON patient_attribute FOR EACH ROW
WHEN ((OLD.value, OLD.is_removed) <> (NEW.value, NEW.is_removed))
EXECUTE FUNCTION record_correction('value is_removed');

-- What makes a person due (`courses.sql`): events that come, change and go, and merges of patients
-- who have any.

CREATE FUNCTION make_treated_due() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM make_person_due(array(
        SELECT DISTINCT person_id FROM changed_events JOIN patient ON patient.id = patient_id
    ));
    RETURN NULL;
END $$;

CREATE TRIGGER due_insert AFTER INSERT ON event REFERENCING NEW TABLE AS changed_events
FOR EACH STATEMENT EXECUTE FUNCTION make_treated_due();
CREATE TRIGGER due_update AFTER UPDATE ON event REFERENCING NEW TABLE AS changed_events
FOR EACH STATEMENT EXECUTE FUNCTION make_treated_due();

-- At once, so that no curve has to ask whether its events count.
CREATE FUNCTION erase_removed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM response WHERE event_id = NEW.id;
    RETURN NULL;
END $$;

CREATE TRIGGER erase_removed AFTER UPDATE ON event FOR EACH ROW WHEN (NEW.is_removed)
EXECUTE FUNCTION erase_removed();

CREATE FUNCTION make_merged_treatments_due() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM event WHERE patient_id = NEW.id) THEN
        PERFORM make_person_due(ARRAY[OLD.person_id, NEW.person_id]);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER due_treatments AFTER UPDATE ON patient FOR EACH ROW
WHEN (OLD.person_id <> NEW.person_id)
EXECUTE FUNCTION make_merged_treatments_due();

-- As a person reads it: 2020-03-05T14:30:00Z, 2020-03-05 where only the date is known, or day 3 since
-- the patient's day 0, which is stored as this date.
CREATE FUNCTION event_time(at timestamptz, is_date boolean, calendar_known boolean, zone text)
RETURNS text LANGUAGE sql STABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE
        WHEN NOT calendar_known
            THEN 'day ' || (extract(epoch FROM at - '2000-01-01Z'::timestamptz) / 86400)::float8
        WHEN is_date THEN to_char(at AT TIME ZONE zone, 'YYYY-MM-DD')
        ELSE to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    END
$$;

-- Images up to then were taken before the event. Where only its date is known, all images of that
-- day: the one that led to the treatment is among them more often than not.
CREATE FUNCTION event_start(at timestamptz, is_date boolean, zone text)
RETURNS timestamptz LANGUAGE sql STABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE
        WHEN is_date THEN (at AT TIME ZONE zone + interval '1 day - 1 second') AT TIME ZONE zone
        ELSE at
    END
$$;
