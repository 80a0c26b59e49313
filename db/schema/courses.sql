-- Courses: what a person's images say of the level behind them. All of it but the choices of people
-- follows from scores, images and parameter sets, and is computed anew from these
-- (`db.courses`, `flows.courses`).

-- All numbers behind the courses of one model version. A changed set is another set.
CREATE TABLE course_parameters (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_version_id integer NOT NULL REFERENCES model_version (id),
    -- How much it was learned from; 0 where it was not learned.
    patients integer NOT NULL,
    films integer NOT NULL,
    registered_at timestamptz NOT NULL DEFAULT now(),
    -- Learned from public series, learned at this site, or assumed from the calibration.
    origin text NOT NULL CONSTRAINT ck_course_parameters_origin CHECK (
        origin IN ('shipped', 'site', 'calibration')
    ),
    sha256 text NOT NULL,
    -- What it was derived from by what settings, hashed; NULL if it was learned here. A threshold
    -- takes seconds to simulate, so that each derivation is looked up before it is done again.
    derivation text,
    content jsonb NOT NULL,
    CONSTRAINT uq_course_parameters_sha256 UNIQUE (model_version_id, sha256),
    CONSTRAINT uq_course_parameters_model_version UNIQUE (id, model_version_id)
);

ALTER TABLE model_version
    ADD COLUMN course_parameters_id integer,
    -- Prevents the courses of a model version from being computed by the parameters of another.
    ADD CONSTRAINT fk_model_version_course_parameters
    FOREIGN KEY (course_parameters_id, id) REFERENCES course_parameters (id, model_version_id);

-- What a person chose for one patient. It holds while the patient is merged into no other.
CREATE TABLE course_choice (
    patient_id bigint PRIMARY KEY REFERENCES patient (id),
    -- NULL, as each column: not chosen.
    episode_days float8 CONSTRAINT ck_course_choice_episode CHECK (
        0 < episode_days AND episode_days < 'infinity'
    ),
    -- Of its episode. Without a foreign key: an image that is gone is no baseline.
    baseline_image_id bigint,
    -- The treatment whose last eligible image before its start is the baseline.
    baseline_event_id bigint REFERENCES event (id),
    -- Prevents two baselines of one patient.
    CONSTRAINT ck_course_choice_baseline CHECK (
        num_nonnulls(baseline_image_id, baseline_event_id) < 2
    )
);

-- Whose courses must be computed anew, in the order in which they became due. Appended to by
-- triggers, and without a unique key: closing a batch never waits for what computes courses.
CREATE TABLE course_due (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The person, or an image whose person it is by then: closing a batch looks nobody up.
    person_id bigint,
    image_id bigint,
    model_version_id integer NOT NULL,
    CONSTRAINT ck_course_due_who CHECK (num_nonnulls(person_id, image_id) = 1)
);
-- Whether a patient is due is asked for each page, also while millions are.
CREATE INDEX ix_course_due_person ON course_due (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX ix_course_due_image ON course_due (image_id) WHERE image_id IS NOT NULL;

-- Persons are divided into parts, so that as many transactions write courses at once as there are
-- parts: each holds the locks of its own (`lock_courses`), and touches no row of another part.
CREATE FUNCTION part_of(person_id bigint) RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN mod(person_id, 4)::smallint;

-- Always in the order of the parts, lest two wait for each other.
CREATE FUNCTION lock_courses(parts integer[] DEFAULT '{0,1,2,3}') RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7205992, part)
    FROM generate_series(0, 3) AS part WHERE part = ANY (parts);
END $$;

-- In bodies that are read once, and not by whoever restores a backup, with a path of its own.
CREATE FUNCTION verdict_text(code smallint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ('{worse,better,unchanged,"cannot tell"}'::text[])[code + 1];

CREATE FUNCTION view_of(code smallint) RETURNS projection
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ('{PA,AP,"AP supine",unknown}'::projection[])[code + 1];

-- The level at each dated, valid image, with what is shown of the image beside it: a person's rows lie
-- together, while their images and scores lie wherever they came in. Without foreign keys: whoever
-- erases scores erases these.
CREATE TABLE course (
    image_id bigint NOT NULL,
    person_id bigint NOT NULL,
    acquired_at timestamptz NOT NULL,
    -- Since the baseline of the episode; since its first image, if it has no baseline.
    days float8 NOT NULL,
    -- The image's own score.
    geographic_extent float8 NOT NULL,
    opacity float8 NOT NULL,
    geographic_extent_raw float8 NOT NULL,
    opacity_raw float8 NOT NULL,
    model_version_id integer NOT NULL,
    parameters_id integer NOT NULL,
    -- In points, within the scale: of the images so far with a band that contains the level with
    -- 90 %, and of all images of the episode. NULL where none of the episode is eligible.
    extent_level real,
    extent_low real,
    extent_high real,
    extent_smoothed_level real,
    extent_smoothed_low real,
    extent_smoothed_high real,
    -- The probability that the level is worse (better) than at the baseline by more than the margin,
    -- and that it is neither, of the images so far. NULL up to the baseline.
    extent_worse real,
    extent_better real,
    extent_within real,
    opacity_level real,
    opacity_low real,
    opacity_high real,
    opacity_smoothed_level real,
    opacity_smoothed_low real,
    opacity_smoothed_high real,
    opacity_worse real,
    opacity_better real,
    opacity_within real,
    -- 0 worse, 1 better, 2 unchanged, 3 cannot tell (`verdict_text`).
    extent_verdict smallint,
    opacity_verdict smallint,
    -- From 1, on each of the two axes of time.
    episode smallint NOT NULL,
    -- 0 PA, 1 AP, 2 AP supine, 3 unknown (`view_of`).
    view smallint NOT NULL,
    -- Days since an unknown day 0 and calendar dates are two axes: never joined.
    calendar_known boolean NOT NULL,
    is_baseline boolean NOT NULL,
    simulated boolean NOT NULL,
    time_of_day_known boolean NOT NULL,
    acquired_zone text NOT NULL,
    -- Such images have the level of their time, and do not move it.
    out_of_distribution text,
    -- Such images move the level.
    unlike_processing text,
    -- By person: an image that was moved or merged counts for whom it left until they are computed
    -- too, as their summary does.
    CONSTRAINT pk_course PRIMARY KEY (person_id, model_version_id, image_id),
    -- Prevents NaN (which is greater than any number here) and levels outside their band.
    CONSTRAINT ck_course_extent CHECK (
        0 <= extent_low AND extent_low <= extent_level AND extent_level <= extent_high
        AND extent_high <= 8
    ),
    CONSTRAINT ck_course_opacity CHECK (
        0 <= opacity_low AND opacity_low <= opacity_level AND opacity_level <= opacity_high
        AND opacity_high <= 8
    ),
    -- Prevents half a level ...
    CONSTRAINT ck_course_level CHECK (
        num_nulls(
            extent_level, extent_low, extent_high,
            extent_smoothed_level, extent_smoothed_low, extent_smoothed_high,
            opacity_level, opacity_low, opacity_high,
            opacity_smoothed_level, opacity_smoothed_low, opacity_smoothed_high
        ) IN (0, 12)
    ),
    -- ... and a verdict without its probabilities.
    CONSTRAINT ck_course_verdict CHECK (
        num_nulls(
            extent_worse, extent_better, extent_within, extent_verdict,
            opacity_worse, opacity_better, opacity_within, opacity_verdict
        ) IN (0, 8)
    )
);

-- The latest episode of each person by each model version: on the calendar, if any image has a date.
-- By a version without parameters only what needs none.
CREATE TABLE patient_summary (
    person_id bigint NOT NULL,
    baseline_at timestamptz,
    latest_at timestamptz NOT NULL,
    -- Since the baseline, as in `course`.
    days float8,
    model_version_id integer NOT NULL,
    parameters_id integer,
    -- On this axis of time.
    films integer NOT NULL,
    films_in_episode integer,
    -- The level at the baseline, of the images up to it; NULL without one.
    extent_baseline_level real,
    extent_latest_level real,
    extent_latest_low real,
    extent_latest_high real,
    -- The highest level of the images so far in the episode.
    extent_peak_level real,
    extent_worse real,
    extent_better real,
    extent_within real,
    opacity_baseline_level real,
    opacity_latest_level real,
    opacity_latest_low real,
    opacity_latest_high real,
    opacity_peak_level real,
    opacity_worse real,
    opacity_better real,
    opacity_within real,
    -- The verdicts at the latest image.
    extent_verdict smallint,
    opacity_verdict smallint,
    episode smallint,
    -- 0 PA, 1 AP, 2 AP supine, 3 unknown (`view_of`).
    latest_view smallint NOT NULL,
    calendar_known boolean NOT NULL,
    latest_eligible boolean NOT NULL,
    latest_unlike_processing boolean NOT NULL,
    -- The place in the worklist, then by patient: who is most probably worse first; then who has no
    -- verdict, the latest image first. One ascending order, so that each page is read from where the
    -- last one ended, and hardly ever the same for two, so that PostgreSQL knows how far it is there.
    worklist_order float8 NOT NULL GENERATED ALWAYS AS (
        coalesce(
            -extent_worse,
            1 - extract(epoch FROM latest_at - timestamptz '2000-01-01 00:00Z') / 1e11
        )
    ) STORED,
    -- The keys of the version and the person, by which lists are asked for and ordered: PostgreSQL
    -- does not read the first of a million in order if they are behind a join.
    model_version text NOT NULL,
    patient_key text NOT NULL,
    -- `arm=placebo`; NULL without any.
    groups text[],
    CONSTRAINT pk_patient_summary PRIMARY KEY (person_id, model_version_id),
    -- By the keys too, by which readers ask for one patient.
    CONSTRAINT uq_patient_summary_keys UNIQUE (patient_key, model_version),
    CONSTRAINT ck_patient_summary_parameters CHECK (
        num_nulls(parameters_id, days, films_in_episode, episode) IN (0, 4)
    )
);
-- By each verdict and view apart too, some of which are of few. With all that a worklist is filtered by,
-- so that no row is read that is left out.
CREATE INDEX ix_patient_summary_worklist ON patient_summary
    (model_version, worklist_order, patient_key)
    INCLUDE (latest_at, groups, extent_verdict, latest_view, calendar_known)
    WHERE parameters_id IS NOT NULL;
CREATE INDEX ix_patient_summary_verdict ON patient_summary
    (model_version, verdict_text(extent_verdict), worklist_order, patient_key)
    INCLUDE (latest_at, groups, extent_verdict, latest_view, calendar_known)
    WHERE parameters_id IS NOT NULL;
CREATE INDEX ix_patient_summary_view ON patient_summary
    (model_version, view_of(latest_view), worklist_order, patient_key)
    INCLUDE (latest_at, groups, extent_verdict, latest_view, calendar_known)
    WHERE parameters_id IS NOT NULL;
CREATE INDEX ix_patient_summary_latest ON patient_summary (model_version, latest_at DESC)
    INCLUDE (patient_key, films, calendar_known);
CREATE INDEX ix_patient_summary_groups ON patient_summary USING gin (groups)
    WHERE groups IS NOT NULL;
-- Else the planner takes a group of one in ten thousand for one of half of the patients, and reads
-- the whole worklist for a page of it.
ALTER TABLE patient_summary ALTER COLUMN groups SET STATISTICS 1000;

CREATE FUNCTION name_person() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    NEW.patient_key := (SELECT patient_key FROM patient WHERE id = NEW.person_id);
    NEW.groups := groups_of(NEW.person_id);
    RETURN NEW;
END $$;

CREATE TRIGGER name_person BEFORE INSERT ON patient_summary
FOR EACH ROW EXECUTE FUNCTION name_person();

-- Groups that are imported meanwhile; those of merged patients follow with the next update.
CREATE FUNCTION renew_groups() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM changed_groups) THEN
        -- An update that is under way would write what it has read.
        PERFORM lock_courses();
        UPDATE patient_summary SET groups = groups_of(person_id)
        WHERE person_id IN (
            SELECT person_id FROM changed_groups JOIN patient ON patient.id = patient_id
        );
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER renew_insert AFTER INSERT ON patient_attribute
REFERENCING NEW TABLE AS changed_groups FOR EACH STATEMENT EXECUTE FUNCTION renew_groups();
CREATE TRIGGER renew_update AFTER UPDATE ON patient_attribute
REFERENCING NEW TABLE AS changed_groups FOR EACH STATEMENT EXECUTE FUNCTION renew_groups();
CREATE TRIGGER renew_delete AFTER DELETE ON patient_attribute
REFERENCING OLD TABLE AS changed_groups FOR EACH STATEMENT EXECUTE FUNCTION renew_groups();

-- How many images have their level (of all images of their episode) in each tenth of a point, by
-- day since the baseline: so that quartiles of a million patients are read and not computed.
CREATE TABLE cohort_level (
    model_version_id integer NOT NULL,
    day integer NOT NULL,
    n bigint NOT NULL,
    -- Tenths of a point, rounded down.
    bin smallint NOT NULL,
    -- Of whose persons: with one row for all, updates of different parts would wait for each other.
    part smallint NOT NULL,
    score text NOT NULL CONSTRAINT ck_cohort_level_score CHECK (
        score IN ('geographic_extent', 'opacity')
    ),
    CONSTRAINT pk_cohort_level PRIMARY KEY (model_version_id, score, day, bin, part)
) WITH (fillfactor = 50);

CREATE FUNCTION count_levels() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
DECLARE
    sign integer := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
    INSERT INTO cohort_level AS kept (model_version_id, score, day, bin, part, n)
    -- Before its baseline an episode has begun for nobody.
    SELECT model_version_id, 'geographic_extent', floor(days), floor(extent_smoothed_level * 10),
        part_of(person_id), sign * count(*)
    FROM changed_courses WHERE out_of_distribution IS NULL AND days >= 0 GROUP BY 1, 3, 4, 5
    UNION ALL SELECT model_version_id, 'opacity', floor(days), floor(opacity_smoothed_level * 10),
        part_of(person_id), sign * count(*)
    FROM changed_courses WHERE out_of_distribution IS NULL AND days >= 0 GROUP BY 1, 3, 4, 5
    ON CONFLICT ON CONSTRAINT pk_cohort_level DO UPDATE SET n = kept.n + excluded.n;
    RETURN NULL;
END $$;

CREATE TRIGGER count_insert AFTER INSERT ON course REFERENCING NEW TABLE AS changed_courses
FOR EACH STATEMENT EXECUTE FUNCTION count_levels();
CREATE TRIGGER count_delete AFTER DELETE ON course REFERENCING OLD TABLE AS changed_courses
FOR EACH STATEMENT EXECUTE FUNCTION count_levels();
-- Prevents levels that are counted no longer, or not yet.
CREATE TRIGGER never_updated BEFORE UPDATE ON course
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What makes a person due: scores that come and go, corrections of images, merges, choices. Each
-- for the persons before and after the change.

-- By the versions that scored the persons' images; treatments call it too.
CREATE FUNCTION make_person_due(persons bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO course_due (person_id, model_version_id)
    SELECT DISTINCT person_id, model_version_id
    FROM patient
    JOIN study ON study.patient_id = patient.id
    JOIN image ON image.study_id = study.id
    JOIN score ON score.image_id = image.id
    WHERE person_id = ANY (persons);
END $$;

CREATE FUNCTION make_scored_due() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO course_due (image_id, model_version_id)
    SELECT image_id, model_version_id FROM changed_scores;
    RETURN NULL;
END $$;

CREATE FUNCTION make_erased_due() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO course_due (person_id, model_version_id)
    SELECT DISTINCT person_id, model_version_id
    FROM changed_scores
    JOIN image ON image.id = image_id
    JOIN study ON study.id = study_id
    JOIN patient ON patient.id = patient_id;
    RETURN NULL;
END $$;

CREATE TRIGGER due_insert AFTER INSERT ON score REFERENCING NEW TABLE AS changed_scores
FOR EACH STATEMENT EXECUTE FUNCTION make_scored_due();
CREATE TRIGGER due_delete AFTER DELETE ON score REFERENCING OLD TABLE AS changed_scores
FOR EACH STATEMENT EXECUTE FUNCTION make_erased_due();

CREATE FUNCTION make_corrected_due() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO course_due (person_id, model_version_id)
    SELECT DISTINCT person_id, model_version_id
    FROM before_rows AS before
    JOIN after_rows AS after USING (id)
    JOIN score ON score.image_id = id
    JOIN study ON study.id IN (before.study_id, after.study_id)
    JOIN patient ON patient.id = study.patient_id
    WHERE (
        before.study_id, before.acquired_at, before.acquired_source, before.acquired_zone,
        before.view, before.standing, before.simulated,
        before.image_uid -- orders images of one time
    ) IS DISTINCT FROM (
        after.study_id, after.acquired_at, after.acquired_source, after.acquired_zone,
        after.view, after.standing, after.simulated,
        after.image_uid
    );
    RETURN NULL;
END $$;

CREATE TRIGGER due_update AFTER UPDATE ON image
REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
FOR EACH STATEMENT EXECUTE FUNCTION make_corrected_due();

-- By the versions that scored the patient's images, for whoever they counted in and count in now.
CREATE FUNCTION make_merged_due() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO course_due (person_id, model_version_id)
    SELECT DISTINCT person.id, model_version_id
    FROM study
    JOIN image ON image.study_id = study.id
    JOIN score ON score.image_id = image.id
    CROSS JOIN LATERAL (VALUES (OLD.person_id), (NEW.person_id)) AS person (id)
    WHERE study.patient_id = NEW.id;
    RETURN NULL;
END $$;

CREATE TRIGGER due_update AFTER UPDATE ON patient FOR EACH ROW
WHEN (OLD.person_id <> NEW.person_id)
EXECUTE FUNCTION make_merged_due();

CREATE FUNCTION make_chosen_due() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM make_person_due(ARRAY[coalesce(NEW.patient_id, OLD.patient_id)]);
    RETURN NULL;
END $$;

CREATE TRIGGER due_choice AFTER INSERT OR UPDATE OR DELETE ON course_choice
FOR EACH ROW EXECUTE FUNCTION make_chosen_due();
CREATE TRIGGER record_choice AFTER INSERT OR UPDATE OR DELETE ON course_choice
FOR EACH ROW EXECUTE FUNCTION record_correction('episode_days baseline_image_id baseline_event_id');
