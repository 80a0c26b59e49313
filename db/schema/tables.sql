-- The tables. What must never happen is a constraint, with a comment saying what it prevents.
-- Times are aware; hashes are bytes; columns stand in an order that wastes no space on alignment.

CREATE TYPE object_state AS ENUM ('received', 'accepted', 'rejected');
CREATE TYPE work_state AS ENUM ('waiting', 'claimed', 'failed');
CREATE TYPE standing AS ENUM ('valid', 'withdrawn', 'superseded');
CREATE TYPE run_state AS ENUM ('running', 'finished', 'failed', 'abandoned');
-- A look enters what is new and scores nothing; a rescore and a backfill are asked for by a person.
CREATE TYPE run_kind AS ENUM ('pass', 'look', 'rescore', 'backfill');
CREATE TYPE time_source AS ENUM (
    'acquisition_datetime', 'acquisition_date_and_time', 'content_date_and_time',
    'series_date_and_time', 'study_date_and_time', 'sidecar',
    -- Only the date is known: images of that day are in no order.
    'acquisition_datetime_date', 'acquisition_date', 'content_date', 'series_date', 'study_date',
    'sidecar_date', 'corrected_date',
    'sidecar_offset', 'corrected', 'unknown'
);
CREATE TYPE projection AS ENUM ('PA', 'AP', 'AP supine', 'unknown');

-- Half of a SHA-256, for indexes on long text. UTF-8 makes it the same in every database.
CREATE FUNCTION text_digest(value text) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CAST(encode(substring(sha256(convert_to(value, 'UTF8')), 1, 16), 'hex') AS uuid)
$$;

-- The properties of the whole database, in one row.
CREATE TABLE site (
    id integer PRIMARY KEY CONSTRAINT ck_site_single CHECK (id = 1),
    -- Prevents a second pseudonym secret, under which every patient would start anew.
    pseudonym_check text NOT NULL
);

-- Models

-- One backbone's weights, one head and their preprocessing. Never updated but for its calibration.
CREATE TABLE model_version (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    calibration_id integer,
    -- Prevents two model versions from sharing a name in trends and dashboards.
    key text NOT NULL CONSTRAINT uq_model_version_key UNIQUE,
    name text NOT NULL,
    weights_sha256 text NOT NULL,
    head_sha256 text NOT NULL,
    preprocessing text NOT NULL,
    precision text NOT NULL,
    scales jsonb NOT NULL,
    registered_at timestamptz NOT NULL DEFAULT now()
);

-- What is known of a model version's errors: measured apart, and replaced without a new version.
CREATE TABLE calibration (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_version_id integer NOT NULL REFERENCES model_version (id),
    sha256 text NOT NULL,
    -- By score: the margins of the prediction interval, and the measurement error with the
    -- smallest detectable change that follows from it (`db.calibrations`).
    content jsonb NOT NULL,
    registered_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_calibration_sha256 UNIQUE (model_version_id, sha256),
    CONSTRAINT uq_calibration_model_version UNIQUE (id, model_version_id)
);

ALTER TABLE model_version
    -- Prevents a model version from speaking by the calibration of another.
    ADD CONSTRAINT fk_model_version_calibration
    FOREIGN KEY (calibration_id, id) REFERENCES calibration (id, model_version_id);

-- Sources, and the objects that lie in them

-- A drop folder or a prefix in an object store.
CREATE TABLE source (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The source whose scored files are moved here: it is never listed, and no object counts here.
    archive_of_id integer REFERENCES source (id),
    location text NOT NULL CONSTRAINT uq_source_location UNIQUE,
    -- What the site calls it. Not unique: each machine has its inbox, and a source may move.
    name text NOT NULL,
    -- The time zone that its times without one are read in.
    zone text NOT NULL,
    first_listed_at timestamptz NOT NULL DEFAULT now()
);

-- How far the listing of a source has come: so that a pass goes on where the last one was killed,
-- and lists only what is new where keys arrive in order.
CREATE TABLE listing (
    source_id integer PRIMARY KEY REFERENCES source (id),
    -- Everything up to this key is entered; NULL at the beginning.
    reached_key text,
    -- When the whole listing began that is under way, or whose run was killed; NULL while none is.
    began_at timestamptz,
    -- When the last whole listing began that came to its end; NULL before.
    whole_at timestamptz
);

-- The images of a source that a model version shall score.
CREATE TABLE wanted (
    source_id integer NOT NULL REFERENCES source (id),
    model_version_id integer NOT NULL REFERENCES model_version (id),
    -- Objects up to this one have been enlisted for it; NULL once all of them have.
    enlisted_to bigint DEFAULT 0,
    PRIMARY KEY (source_id, model_version_id)
);

-- One execution of the scoring flow.
CREATE TABLE run (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id integer NOT NULL REFERENCES source (id),
    model_version_id integer NOT NULL REFERENCES model_version (id),
    state run_state NOT NULL DEFAULT 'running',
    kind run_kind NOT NULL DEFAULT 'pass',
    software text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    CONSTRAINT ck_run_ended CHECK ((state = 'running') = (ended_at IS NULL))
);
CREATE INDEX ix_run_running ON run (id) WHERE state = 'running';

-- Patients, studies, images

-- A person, known only by a pseudonym.
CREATE TABLE patient (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The patient that this one was merged into (HL7 ADT A40), and the last of that chain.
    merged_into_id bigint REFERENCES patient (id),
    merged_last_id bigint REFERENCES patient (id),
    -- Whose trends its images count in.
    person_id bigint NOT NULL GENERATED ALWAYS AS (coalesce(merged_last_id, id)) STORED,
    patient_key text NOT NULL,
    -- The key that it would have without an issuer, if it has one: by it, images of the same
    -- identifier with and without an issuer are known, although no identifier is stored.
    unissued_key text,
    -- Prevents two patients from being made of one, by two workers at once. With the id, for whose
    -- sake no row is read.
    CONSTRAINT uq_patient_patient_key UNIQUE (patient_key) INCLUDE (id),
    -- Prevents a chain without an end, and an end without a chain.
    CONSTRAINT ck_patient_merged CHECK ((merged_into_id IS NULL) = (merged_last_id IS NULL)),
    -- Prevents a circle.
    CONSTRAINT ck_patient_circle CHECK (id <> merged_into_id AND id <> merged_last_id)
);
CREATE INDEX ix_patient_person ON patient (person_id);
CREATE INDEX ix_patient_unissued ON patient (unissued_key) WHERE unissued_key IS NOT NULL;
CREATE INDEX ix_patient_merged ON patient (merged_into_id) WHERE merged_into_id IS NOT NULL;
CREATE INDEX ix_patient_merged_last ON patient (merged_last_id) WHERE merged_last_id IS NOT NULL;

-- One visit to imaging.
CREATE TABLE study (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    patient_id bigint NOT NULL REFERENCES patient (id),
    study_uid text NOT NULL
);
-- Prevents one study from being stored twice. By patient too: identifiers lie, and a shared UID must
-- not merge two patients. By a digest, which takes half as much room as the UID.
CREATE UNIQUE INDEX uq_study_study_uid ON study (patient_id, text_digest(study_uid));

-- What takes images, by the names that it gives itself; empty where it gives none.
CREATE TABLE device (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    manufacturer text NOT NULL,
    model text NOT NULL,
    -- A keyed digest: a station may be named after a hospital or a ward.
    station_key text NOT NULL,
    -- Prevents a device from being charted as two.
    CONSTRAINT uq_device UNIQUE (manufacturer, model, station_key)
);

-- One radiograph.
CREATE TABLE image (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    study_id bigint NOT NULL REFERENCES study (id),
    acquired_at timestamptz,
    source_id integer NOT NULL REFERENCES source (id),
    acquired_source time_source NOT NULL,
    view projection NOT NULL,
    -- Withdrawn by a person, or superseded by the whole file of which it was a part.
    standing standing NOT NULL DEFAULT 'valid',
    -- NULL where the file names none. No foreign key: it would be checked for each image, a tenth
    -- of the time of its insertion, and no device is ever deleted.
    device_id integer,
    simulated boolean NOT NULL,
    acquired_zone text NOT NULL,
    image_uid text NOT NULL,
    pixel_sha256 bytea NOT NULL,
    -- Prevents a time from being invented: none without a source, no source without one.
    CONSTRAINT ck_image_time_source CHECK ((acquired_at IS NULL) = (acquired_source = 'unknown')),
    -- Prevents one image from being scored twice under two files ...
    CONSTRAINT uq_image_image_uid EXCLUDE USING hash (image_uid WITH =)
        WHERE (standing <> 'superseded'),
    -- ... or under two identities: the same pixels are the same image. Unique like a B-tree, and
    -- as exact: a hash index takes 40 bytes an image where a B-tree of either takes 80 to 100.
    CONSTRAINT uq_image_pixel_sha256 EXCLUDE USING hash (pixel_sha256 WITH =)
        WHERE (standing <> 'superseded')
);
CREATE INDEX ix_image_study ON image (study_id);
-- What a course must not show, although its row is there until it is computed anew.
CREATE INDEX ix_image_invalid ON image (id) WHERE standing <> 'valid';

-- Whatever lies in a source, by its content. It is judged once, whatever model scores it:
-- received, then accepted as an image or rejected.
CREATE TABLE object (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    image_id bigint REFERENCES image (id),
    -- The object that it superseded; until it is judged, the one that a person lets it supersede.
    replaces_id bigint REFERENCES object (id),
    -- Where it was first seen; it counts there.
    source_id integer NOT NULL REFERENCES source (id),
    run_id integer REFERENCES run (id),
    decided_at timestamptz,
    dismissed_at timestamptz,
    state object_state NOT NULL DEFAULT 'received',
    reason text,
    detail text,
    content_sha256 bytea NOT NULL,
    -- The keyed hash of its sidecar record; empty without one. The record itself, with the
    -- patient's identifier, stays in the sidecar.
    record_sha256 bytea NOT NULL,
    -- The key of idempotence: listing the same content every night is harmless.
    CONSTRAINT uq_object_content UNIQUE (content_sha256, record_sha256),
    -- Prevents a rejection without a reason, and a reason that outlives its rejection.
    CONSTRAINT ck_object_reason CHECK ((state = 'rejected') = (reason IS NOT NULL)),
    -- Prevents "accepted" without an image that can be scored, and a rejection with one.
    CONSTRAINT ck_object_image CHECK ((state = 'accepted') = (image_id IS NOT NULL)),
    CONSTRAINT ck_object_decided CHECK ((state = 'received') = (decided_at IS NULL)),
    CONSTRAINT ck_object_dismissed CHECK (dismissed_at IS NULL OR state = 'rejected')
);
-- Prevents two objects from both counting as the source of an image.
CREATE UNIQUE INDEX uq_object_image ON object (image_id) WHERE image_id IS NOT NULL;
CREATE INDEX ix_object_rejected ON object (source_id, reason, id) WHERE state = 'rejected';

-- One place in a source, and the object that lies there; or what keeps it from being seen.
CREATE TABLE sighting (
    id bigint GENERATED ALWAYS AS IDENTITY,
    object_id bigint REFERENCES object (id),
    seen_at timestamptz NOT NULL DEFAULT now(),
    gone_at timestamptz,
    source_id integer NOT NULL REFERENCES source (id),
    -- Its content was seen under another key before, or in another source; it is not counted again.
    is_copy boolean NOT NULL DEFAULT false,
    -- A digest of the key, which may be longer than any index allows.
    key_digest uuid NOT NULL,
    -- A keyed digest of what is known without reading the object, and of its sidecar record.
    fingerprint uuid NOT NULL,
    object_key text NOT NULL,
    obstacle text,
    -- What is wrong with it, and where in it; names no patient.
    obstacle_detail text,
    CONSTRAINT pk_sighting PRIMARY KEY (source_id, key_digest),
    -- Prevents a place that is neither read nor counted as unread.
    CONSTRAINT ck_sighting_object CHECK ((object_id IS NULL) = (obstacle IS NOT NULL))
);
CREATE INDEX ix_sighting_object ON sighting (object_id);
CREATE INDEX ix_sighting_copy ON sighting (source_id, object_id) WHERE is_copy;

-- What lay in a place before the object that lies there now: a half copy, or what a corrected
-- record said.
CREATE TABLE replaced (
    source_id integer NOT NULL,
    key_digest uuid NOT NULL,
    object_id bigint NOT NULL REFERENCES object (id),
    replaced_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_replaced PRIMARY KEY (source_id, key_digest, object_id),
    CONSTRAINT fk_replaced_sighting FOREIGN KEY (source_id, key_digest)
        REFERENCES sighting (source_id, key_digest) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX ix_replaced_object ON replaced (object_id);

-- Work: what one model version has yet to do with one object: judge it, if nobody has, and score
-- its image. The row goes in the transaction that writes the score or the rejection.
CREATE TABLE work (
    -- The order in which it is claimed. No index has it alone: it would be the wrong one to claim by.
    id bigint GENERATED ALWAYS AS IDENTITY,
    object_id bigint NOT NULL REFERENCES object (id),
    -- Where it is to be read.
    source_id integer NOT NULL REFERENCES source (id),
    -- Where it counts: the source of the object.
    counts_in_id integer NOT NULL REFERENCES source (id),
    model_version_id integer NOT NULL REFERENCES model_version (id),
    run_id integer REFERENCES run (id),
    -- How many workers died while they held it.
    crashes smallint NOT NULL DEFAULT 0,
    state work_state NOT NULL DEFAULT 'waiting',
    -- Its object is accepted: all that is left is to score the image.
    is_judged boolean NOT NULL DEFAULT false,
    reason text,
    detail text,
    -- Prevents an image from waiting twice for one model version.
    CONSTRAINT pk_work PRIMARY KEY (object_id, model_version_id),
    -- Prevents a failure without a reason, and a reason that outlives its failure.
    CONSTRAINT ck_work_reason CHECK ((state = 'failed') = (reason IS NOT NULL)),
    -- Prevents a claim that no run holds, and so no run would ever release.
    CONSTRAINT ck_work_claimant CHECK ((state = 'claimed') = (run_id IS NOT NULL))
);
CREATE INDEX ix_work_waiting ON work (source_id, model_version_id, id) WHERE state = 'waiting';
CREATE INDEX ix_work_suspect ON work (source_id, model_version_id, id)
    WHERE state = 'waiting' AND crashes >= 2;
-- With the id, lest each closing reads all claims that its run has closed before.
CREATE INDEX ix_work_claimed ON work (run_id, id) WHERE state = 'claimed';

-- Scores

-- Both values for one image by one model version. Written once, never updated.
CREATE TABLE score (
    image_id bigint NOT NULL REFERENCES image (id),
    model_version_id integer NOT NULL REFERENCES model_version (id),
    run_id integer NOT NULL REFERENCES run (id),
    scored_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    geographic_extent float8 NOT NULL,
    opacity float8 NOT NULL,
    geographic_extent_raw float8 NOT NULL,
    opacity_raw float8 NOT NULL,
    -- From the reference distribution, in units of the limit.
    distance float8,
    distance_reference text,
    -- Why the image is out of distribution, if it is.
    out_of_distribution text,
    -- From the reference of processing, in units of the limit.
    processing_distance real,
    processing_reference text,
    -- How the processing is unlike that of known images, if it is.
    unlike_processing text,
    -- What the patient's right lung has of both scores, in points; the left has the remainder.
    right_extent real,
    right_opacity real,
    -- Which share of each zone the network draws as opaque.
    right_upper real,
    right_middle real,
    right_lower real,
    left_upper real,
    left_middle real,
    left_lower real,
    -- Prevents a second score of an image, whatever two workers do.
    CONSTRAINT pk_score PRIMARY KEY (image_id, model_version_id),
    -- Prevents NaN (which is greater than any number here) and values beyond every scale.
    CONSTRAINT ck_score_extent CHECK (geographic_extent BETWEEN 0 AND 8),
    CONSTRAINT ck_score_opacity CHECK (opacity BETWEEN 0 AND 8),
    -- Prevents a distance without the reference distribution that it is from.
    CONSTRAINT ck_score_reference CHECK (num_nulls(distance, distance_reference) <> 1),
    -- Prevents NaN and infinity, with which every image would be out of distribution.
    CONSTRAINT ck_score_distance CHECK (0 <= distance AND distance < 'infinity'),
    -- Prevents a lung without the other, and zones without lungs.
    CONSTRAINT ck_score_lungs CHECK (
        num_nulls(
            right_extent, right_opacity, right_upper, right_middle, right_lower, left_upper,
            left_middle, left_lower
        ) IN (0, 8)
    ),
    -- Prevents NaN, and a lung with more than the image has.
    CONSTRAINT ck_score_right CHECK (
        right_extent BETWEEN 0 AND 4 AND right_opacity BETWEEN 0 AND 4
        AND right_extent <= geographic_extent::real AND right_opacity <= opacity::real
    ),
    CONSTRAINT ck_score_zones CHECK (
        least(right_upper, right_middle, right_lower, left_upper, left_middle, left_lower) >= 0
        AND greatest(
            right_upper, right_middle, right_lower, left_upper, left_middle, left_lower
        ) <= 1
    ),
    -- Prevents an image within the limit, or without a distance, from being flagged. Low contrast
    -- is no matter of the distance.
    CONSTRAINT ck_score_flag CHECK (
        out_of_distribution IS NULL
        OR distance IS NOT NULL AND (distance > 1 OR out_of_distribution = 'low_contrast')
    ),
    -- The same of the processing: no distance without its reference, none that is no number, and no
    -- flag within the limit.
    CONSTRAINT ck_score_processing CHECK (
        num_nulls(processing_distance, processing_reference) <> 1
        AND coalesce(0 <= processing_distance AND processing_distance < 'infinity', true)
        AND (unlike_processing IS NULL OR coalesce(processing_distance > 1, false))
    )
);

-- The names of further numbers that a network returns beside the scores.
CREATE TABLE output_names (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- `findings`: raw outputs (logits) of the backbone. `triage`: the probability of each class.
    kind text NOT NULL CONSTRAINT ck_output_names_kind CHECK (kind IN ('findings', 'triage')),
    names text[] NOT NULL,
    CONSTRAINT uq_output_names UNIQUE (kind, names)
);

-- Those numbers. They cannot be computed later without the image; no view shows them.
CREATE TABLE score_output (
    image_id bigint NOT NULL,
    model_version_id integer NOT NULL,
    output_names_id integer NOT NULL REFERENCES output_names (id),
    -- Prevents numbers that are none, of which no later analysis could be trusted.
    numbers real[] NOT NULL CONSTRAINT ck_score_output_numbers CHECK (
        numbers <> '{}' AND array_position(numbers, NULL) IS NULL
        AND NOT numbers && '{NaN, Infinity, -Infinity}'
    ),
    CONSTRAINT pk_score_output PRIMARY KEY (image_id, model_version_id, output_names_id),
    CONSTRAINT fk_score_output_score FOREIGN KEY (image_id, model_version_id)
        REFERENCES score (image_id, model_version_id)
);
