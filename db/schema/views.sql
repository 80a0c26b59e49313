-- What readers and dashboards see: pseudonyms, times and scores, and no identifier of the hospital.
-- The current text of each view; `db upgrade` applies it, so columns are added at the ends.

-- Says what columns of views contain, which are alike in all of these: an array of [column, meaning],
-- where `score_` stands for `extent_` and `opacity_`.
CREATE OR REPLACE PROCEDURE describe_columns(views text[], meanings text[]) LANGUAGE plpgsql AS $$
DECLARE
    named record;
BEGIN
    FOR named IN
        SELECT of_view, regexp_replace(meanings[place][1], '^score_', score) AS of_column,
            meanings[place][2] AS meaning
        FROM unnest(views) AS of_view
        CROSS JOIN generate_subscripts(meanings, 1) AS place
        CROSS JOIN unnest('{extent_,opacity_}'::text[]) AS score
    LOOP
        EXECUTE format('COMMENT ON COLUMN %I.%I IS %L', named.of_view, named.of_column, named.meaning);
    END LOOP;
END $$;

-- Linear between the knots of a prediction interval's margins; beyond the ends they stay as they
-- are there (`severity.reliability.calibration.Margins`).
CREATE OR REPLACE FUNCTION margin_at(points float8, margins jsonb, side text) RETURNS float8
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    knots jsonb := margins -> 'predicted';
    at_knots jsonb := margins -> side;
    last integer := jsonb_array_length(margins -> 'predicted') - 1;
    knot float8;
    next_knot float8;
    here float8;
BEGIN
    IF margins IS NULL OR points <= (knots ->> 0)::float8 THEN
        RETURN (at_knots ->> 0)::float8;
    END IF;
    FOR i IN 0 .. last - 1 LOOP
        knot := (knots ->> i)::float8;
        next_knot := (knots ->> (i + 1))::float8;
        IF points < next_knot THEN
            here := (at_knots ->> i)::float8;
            RETURN here
                + ((at_knots ->> (i + 1))::float8 - here) / (next_knot - knot) * (points - knot);
        END IF;
    END LOOP;
    RETURN (at_knots ->> last)::float8;
END $$;

-- NULL without a calibration.
CREATE OR REPLACE FUNCTION interval_low(points float8, margins jsonb, scale jsonb) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN margins IS NOT NULL THEN
        greatest(points - margin_at(points, margins, 'below'), (scale ->> 'lowest')::float8)
    END
$$;
CREATE OR REPLACE FUNCTION interval_high(points float8, margins jsonb, scale jsonb) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN margins IS NOT NULL THEN
        least(points + margin_at(points, margins, 'above'), (scale ->> 'highest')::float8)
    END
$$;

-- What the left lung has of a score; NULL where the model draws no lungs.
CREATE OR REPLACE FUNCTION left_part(points float8, of_right real) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- The right lung's points were rounded when they were stored.
    SELECT CASE WHEN of_right IS NOT NULL THEN greatest(points - of_right, 0) END
$$;

-- NULL where either is unknown.
CREATE OR REPLACE FUNCTION direction(change float8, smallest float8) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN change > smallest THEN 'worse' WHEN change < -smallest THEN 'better'
        WHEN abs(change) <= smallest THEN 'stable' END
$$;

-- Whether no time of day is known, only the date (`severity.domain.TimeSource`).
CREATE OR REPLACE FUNCTION is_date_alone(source time_source) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT source IN (
        'acquisition_datetime_date', 'acquisition_date', 'content_date', 'series_date',
        'study_date', 'sidecar_date', 'corrected_date'
    )
$$;

-- Which patient's trend the images of each patient count in: its own, or that of the patient whom
-- it was merged into.
CREATE OR REPLACE VIEW patients AS
SELECT patient.patient_key, person.patient_key AS person_key, patient.unissued_key
FROM patient JOIN patient AS person ON person.id = patient.person_id;

-- The images of a person that were recorded under the key of a patient who was merged into it.
CREATE OR REPLACE VIEW merged_image AS
SELECT
    person.patient_key,
    patient.patient_key AS merged_key,
    image.id AS image_id,
    -- The last time that it came to be of this person: by a merge of its own, or of whom it was of.
    (
        WITH RECURSIVE merged AS (
            SELECT patient.id, patient.merged_into_id
            UNION
            SELECT into_whom.id, into_whom.merged_into_id
            FROM merged JOIN patient AS into_whom ON into_whom.id = merged.merged_into_id
        )
        SELECT max(at) FROM merged JOIN correction ON correction.patient_id = merged.id
        WHERE merged.merged_into_id IS NOT NULL AND before ? 'merged_into_id'
    ) AS merged_at
FROM patient AS person
JOIN patient ON patient.person_id = person.id AND patient.id <> person.id
JOIN study ON study.patient_id = patient.id
JOIN image ON image.study_id = study.id AND image.standing = 'valid';

-- Persons of whom one identifier exists with an issuer and without: they may be one. The other's key.
-- Each half by itself from the person's key, by which it is asked for.
CREATE OR REPLACE VIEW same_identifier AS
SELECT person.patient_key, other_person.patient_key AS other_key
FROM patient AS person
JOIN patient AS issued ON issued.person_id = person.id
JOIN patient AS bare ON bare.patient_key = issued.unissued_key
JOIN patient AS other_person ON other_person.id = bare.person_id
WHERE other_person.id <> person.id
UNION
SELECT person.patient_key, other_person.patient_key AS other_key
FROM patient AS person
JOIN patient AS bare ON bare.person_id = person.id
JOIN patient AS issued ON issued.unissued_key = bare.patient_key
JOIN patient AS other_person ON other_person.id = issued.person_id
WHERE other_person.id <> person.id;

-- A model version with the calibration that its trends speak by.
CREATE OR REPLACE VIEW model_versions AS
SELECT
    model_version.key AS model_version,
    name,
    weights_sha256,
    head_sha256,
    preprocessing,
    precision,
    scales,
    model_version.registered_at,
    calibration.sha256 AS calibration_sha256,
    (calibration.content #>> '{geographic_extent,error,smallest_detectable_change}')::float8
        AS extent_smallest_detectable_change,
    (calibration.content #>> '{opacity,error,smallest_detectable_change}')::float8
        AS opacity_smallest_detectable_change,
    calibration.content AS calibration,
    -- By the counter: of a version without any, all scores would be read.
    EXISTS (
        SELECT FROM tally
        WHERE tally.model_version_id = model_version.id AND what = 'scored' AND n > 0
    ) AS has_scores,
    -- The parameter set that its courses rest on, and how many points of change matter.
    course_parameters.sha256 AS course_parameters_sha256,
    course_parameters.origin AS course_parameters_origin,
    (course_parameters.content #>> '{geographic_extent,margin}')::float8 AS extent_margin,
    (course_parameters.content #>> '{opacity,margin}')::float8 AS opacity_margin,
    course_parameters.content AS course_parameters
FROM model_version
LEFT JOIN calibration ON calibration.id = model_version.calibration_id
LEFT JOIN course_parameters ON course_parameters.id = model_version.course_parameters_id;

-- Each observation of a patient by one model version, with its changes. An image that is out of
-- distribution is compared with none: its window is one of its own.
--
-- Images whose order nobody knows share a place in time (`slot`): those of one instant, and all of a
-- day of which one image has a date alone. They are not compared with each other, and nothing is
-- compared with one of several: no baseline, and no previous image, is picked among them.
CREATE OR REPLACE VIEW patient_trend AS
SELECT
    patient_key,
    model_version,
    calendar_known,
    acquired_at,
    acquired_source,
    place,
    view,
    simulated,
    geographic_extent,
    opacity,
    days_since_baseline,
    extent_from_baseline,
    opacity_from_baseline,
    extent_from_previous,
    opacity_from_previous,
    extent_from_peak,
    opacity_from_peak,
    view_changed,
    scored_at,
    extent_low,
    extent_high,
    opacity_low,
    opacity_high,
    distance,
    out_of_distribution,
    extent_smallest_detectable_change,
    opacity_smallest_detectable_change,
    calibration_sha256,
    image_id,
    -- The baseline has no direction from itself.
    CASE WHEN slot > 1 THEN
        direction(extent_from_baseline, extent_smallest_detectable_change)
    END AS extent_direction_from_baseline,
    direction(extent_from_previous, extent_smallest_detectable_change)
        AS extent_direction_from_previous,
    CASE WHEN slot > 1 THEN
        direction(opacity_from_baseline, opacity_smallest_detectable_change)
    END AS opacity_direction_from_baseline,
    direction(opacity_from_previous, opacity_smallest_detectable_change)
        AS opacity_direction_from_previous,
    time_of_day_known,
    -- By which a date alone, stored as its midnight, is shown.
    acquired_zone,
    unlike_processing
FROM (
    SELECT
        slotted.*,
        CASE WHEN out_of_distribution IS NULL AND first_value(in_slot) OVER course = 1 THEN
            geographic_extent - first_value(geographic_extent) OVER course
        END AS extent_from_baseline,
        CASE WHEN out_of_distribution IS NULL AND first_value(in_slot) OVER course = 1 THEN
            opacity - first_value(opacity) OVER course
        END AS opacity_from_baseline,
        CASE WHEN out_of_distribution IS NULL AND count(*) OVER slot_before = 1 THEN
            geographic_extent - max(geographic_extent) OVER slot_before
        END AS extent_from_previous,
        CASE WHEN out_of_distribution IS NULL AND count(*) OVER slot_before = 1 THEN
            opacity - max(opacity) OVER slot_before
        END AS opacity_from_previous,
        CASE WHEN out_of_distribution IS NULL THEN
            geographic_extent - max(geographic_extent) OVER slots
        END AS extent_from_peak,
        CASE WHEN out_of_distribution IS NULL THEN
            opacity - max(opacity) OVER slots
        END AS opacity_from_peak,
        -- From the image that it is compared with.
        out_of_distribution IS NULL AND count(*) OVER slot_before = 1
            AND view <> max(view) OVER slot_before AS view_changed
    FROM (
        SELECT ordered.*, count(*) OVER (PARTITION BY
            patient_key, model_version, calendar_known, out_of_distribution IS NULL, slot
        ) AS in_slot
        FROM (
            SELECT observed.*, count(*) FILTER (WHERE begins_slot) OVER (
                PARTITION BY
                    patient_key, model_version, calendar_known, out_of_distribution IS NULL
                ORDER BY place
            ) AS slot
            FROM (
                SELECT
                    person.patient_key,
                    model_version.key AS model_version,
                    -- Days since an unknown day 0 and calendar dates are two axes: never joined.
                    image.acquired_source <> 'sidecar_offset' AS calendar_known,
                    image.acquired_at,
                    image.acquired_source,
                    image.acquired_zone,
                    NOT is_date_alone(image.acquired_source) AS time_of_day_known,
                    -- Orders images of one time; the hospital's identifiers stay inside.
                    row_number() OVER course AS place,
                    image.view,
                    image.simulated,
                    score.geographic_extent,
                    score.opacity,
                    extract(epoch FROM image.acquired_at - coalesce(
                        min(image.acquired_at) FILTER (WHERE score.out_of_distribution IS NULL)
                            OVER whole_course,
                        min(image.acquired_at) OVER whole_course
                    )) / 86400 AS days_since_baseline,
                    coalesce(
                        image.acquired_at > max(image.acquired_at) OVER comparable_before
                        -- A day of the calendar may have 23 hours.
                        AND image.acquired_at >= coalesce(
                            max(image.acquired_at) FILTER (
                                WHERE is_date_alone(image.acquired_source)
                            ) OVER comparable_before,
                            '-infinity'
                        ) + CASE WHEN is_date_alone(image.acquired_source)
                            THEN interval '23 hours' ELSE interval '24 hours' END,
                        true
                    ) AS begins_slot,
                    score.scored_at,
                    interval_low(
                        score.geographic_extent,
                        calibration.content #> '{geographic_extent,margins}',
                        model_version.scales -> 'geographic_extent'
                    ) AS extent_low,
                    interval_high(
                        score.geographic_extent,
                        calibration.content #> '{geographic_extent,margins}',
                        model_version.scales -> 'geographic_extent'
                    ) AS extent_high,
                    interval_low(
                        score.opacity,
                        calibration.content #> '{opacity,margins}',
                        model_version.scales -> 'opacity'
                    ) AS opacity_low,
                    interval_high(
                        score.opacity,
                        calibration.content #> '{opacity,margins}',
                        model_version.scales -> 'opacity'
                    ) AS opacity_high,
                    score.distance,
                    score.out_of_distribution,
                    score.unlike_processing,
                    (calibration.content
                        #>> '{geographic_extent,error,smallest_detectable_change}')::float8
                        AS extent_smallest_detectable_change,
                    (calibration.content #>> '{opacity,error,smallest_detectable_change}')::float8
                        AS opacity_smallest_detectable_change,
                    -- The calibration that intervals and directions speak by.
                    calibration.sha256 AS calibration_sha256,
                    -- Our own, by which an image is corrected.
                    image.id AS image_id
                FROM score
                JOIN image ON image.id = score.image_id AND image.standing = 'valid'
                JOIN study ON study.id = image.study_id
                JOIN patient ON patient.id = study.patient_id
                JOIN patient AS person ON person.id = patient.person_id
                JOIN model_version ON model_version.id = score.model_version_id
                LEFT JOIN calibration ON calibration.id = model_version.calibration_id
                WHERE image.acquired_at IS NOT NULL
                WINDOW
                    whole_course AS (
                        PARTITION BY
                            person.patient_key, model_version.key,
                            image.acquired_source <> 'sidecar_offset'
                    ),
                    course AS (whole_course ORDER BY image.acquired_at, image.image_uid),
                    comparable_before AS (
                        PARTITION BY
                            person.patient_key, model_version.key,
                            image.acquired_source <> 'sidecar_offset',
                            score.out_of_distribution IS NULL
                        ORDER BY image.acquired_at, image.image_uid
                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                    )
            ) AS observed
        ) AS ordered
    ) AS slotted
    WINDOW
        comparable AS (
            PARTITION BY patient_key, model_version, calendar_known, out_of_distribution IS NULL
        ),
        course AS (comparable ORDER BY place),
        slots AS (comparable ORDER BY slot),
        slot_before AS (comparable ORDER BY slot GROUPS BETWEEN 1 PRECEDING AND 1 PRECEDING)
) AS compared;

-- How many valid scores each patient has by each model version, and how many of them have no time.
CREATE OR REPLACE VIEW scored_patients AS
SELECT
    person.patient_key,
    model_version.key AS model_version,
    count(*) AS images,
    count(*) FILTER (WHERE image.acquired_at IS NULL) AS undated
FROM score
JOIN image ON image.id = score.image_id AND image.standing = 'valid'
JOIN study ON study.id = image.study_id
JOIN patient ON patient.id = study.patient_id
JOIN patient AS person ON person.id = patient.person_id
JOIN model_version ON model_version.id = score.model_version_id
GROUP BY person.patient_key, model_version.key;

-- What became of all that was ever seen in each source: seen = accepted + rejected + unread.
CREATE OR REPLACE VIEW source_balance AS
SELECT
    source.location AS source,
    coalesce(sum(n) FILTER (WHERE what IN ('seen', 'obstacle')), 0)::bigint AS seen,
    coalesce(sum(n) FILTER (WHERE what = 'accepted'), 0)::bigint AS accepted,
    coalesce(sum(n) FILTER (WHERE what = 'rejected'), 0)::bigint AS rejected,
    coalesce(sum(n) FILTER (WHERE what IN ('received', 'obstacle')), 0)::bigint AS unread,
    coalesce(sum(n) FILTER (WHERE what = 'copy'), 0)::bigint AS copies,
    -- Without files that were just written: they need a second look, and nobody's attention.
    coalesce(sum(n) FILTER (WHERE what = 'obstacle' AND reason <> 'unsettled'), 0)::bigint
        AS obstacles,
    coalesce(sum(n) FILTER (WHERE what = 'withdrawn'), 0)::bigint AS withdrawn,
    source.name AS source_name
FROM source
-- The places in an archive are its source's.
JOIN source AS place ON source.id IN (place.id, place.archive_of_id)
LEFT JOIN tally ON tally.source_id = place.id AND tally.model_version_id = 0
WHERE source.archive_of_id IS NULL
GROUP BY source.id;

-- What became of the accepted images of each source by each model version that is wanted there:
-- accepted = scored + waiting + failed + withdrawn.
CREATE OR REPLACE VIEW balance AS
SELECT
    by_source.source,
    model_version.key AS model_version,
    by_source.seen,
    by_source.accepted,
    by_source.rejected,
    by_source.unread,
    by_source.copies,
    by_source.obstacles,
    by_source.withdrawn,
    coalesce(sum(n) FILTER (WHERE what = 'scored'), 0)::bigint AS scored,
    -- Objects that have not been enlisted for it yet wait too.
    coalesce(sum(n) FILTER (WHERE what = 'waiting'), 0)::bigint AS waiting,
    coalesce(sum(n) FILTER (WHERE what = 'failed'), 0)::bigint AS failed,
    coalesce(sum(n) FILTER (WHERE what = 'scored' AND reason <> ''), 0)::bigint
        AS out_of_distribution,
    wanted.enlisted_to IS NULL AS is_enlisted,
    by_source.source_name,
    coalesce(sum(n) FILTER (WHERE what = 'unlike_processing'), 0)::bigint AS unlike_processing
FROM wanted
JOIN source ON source.id = wanted.source_id
JOIN source_balance AS by_source ON by_source.source = source.location
JOIN model_version ON model_version.id = wanted.model_version_id
LEFT JOIN tally ON tally.source_id = wanted.source_id
    AND tally.model_version_id = wanted.model_version_id
GROUP BY by_source.source, by_source.seen, by_source.accepted, by_source.rejected,
    by_source.unread, by_source.copies, by_source.obstacles, by_source.withdrawn,
    by_source.source_name, model_version.id, wanted.enlisted_to;

-- Why objects were rejected, images failed and places could not be read, as counts.
CREATE OR REPLACE VIEW reasons AS
SELECT
    source.location AS source,
    model_version.key AS model_version,
    what,
    reason,
    n AS objects,
    source.name AS source_name
FROM tally
JOIN source ON source.id = tally.source_id
LEFT JOIN model_version ON model_version.id = tally.model_version_id
WHERE what IN ('rejected', 'failed', 'obstacle') AND n > 0;

-- The check of the pseudonym secret: a digest from which nothing follows.
CREATE OR REPLACE VIEW pseudonym_check AS SELECT site.pseudonym_check FROM site;

COMMENT ON VIEW patients IS
    'Which patient''s trend and course the images of each patient count in: of merged patients, those of the last.';
COMMENT ON VIEW merged_image IS
    'The images that count in a course because their patient was merged into another.';
COMMENT ON VIEW same_identifier IS
    'Patients of whom one identifier exists with an issuer and without: they may be one person.';
COMMENT ON VIEW model_versions IS
    'The model versions that were ever used here, each with the calibration and the parameter set that it speaks by now.';
COMMENT ON VIEW patient_trend IS
    'Each dated, valid image of a patient by one model version, compared with the baseline, the image before and the peak: order by calendar_known, place. Research use only, not for diagnosis.';
COMMENT ON VIEW scored_patients IS 'How many images of each patient count, by model version.';
COMMENT ON VIEW source_balance IS
    'What became of all that was ever seen in each source: seen = accepted + rejected + unread.';
COMMENT ON VIEW balance IS
    'What became of the accepted images of each source, by model version that is wanted there: accepted = scored + waiting + failed + withdrawn.';
COMMENT ON VIEW reasons IS
    'Why files were rejected, images failed and places could not be read, as counts: order by objects DESC.';
COMMENT ON VIEW pseudonym_check IS
    'The fingerprint of the pseudonym secret, by which a program knows whether it has the right one.';

CALL describe_columns('{patients}', ARRAY[
    ['patient_key', 'The patient''s pseudonym'],
    ['person_key', 'The pseudonym of the patient in whose trend the images count'],
    ['unissued_key', 'The pseudonym that the same identifier has without an issuer; empty if the site knows no issuer']
]);
CALL describe_columns('{merged_image}', ARRAY[
    ['patient_key', 'The pseudonym of the patient in whose course the image counts'],
    ['merged_key', 'That of the patient whose image it is'],
    ['image_id', 'Our own number of the image'],
    ['merged_at', 'When it came to that patient by a merge']
]);
CALL describe_columns('{same_identifier}', ARRAY[
    ['patient_key', 'The patient''s pseudonym'],
    ['other_key', 'That of the other patient']
]);
CALL describe_columns('{model_versions}', ARRAY[
    ['model_version', 'Its key, which names all that can move a score'],
    ['name', 'The model, as `model list` names it'],
    ['weights_sha256', 'The SHA-256 of the backbone''s weights'],
    ['head_sha256', 'The SHA-256 of the head'],
    ['preprocessing', 'What happens between the decoded image and the network, by name'],
    ['precision', 'The arithmetic of the network: fp32 or bf16'],
    ['scales', 'The lowest and highest value of each score, in points'],
    ['registered_at', 'When it was first used here'],
    ['calibration_sha256', 'The SHA-256 of its calibration; NULL if it has none'],
    ['score_smallest_detectable_change', 'The change that measurement error alone exceeds in 5 of 100 pairs of images, in points'],
    ['calibration', 'What is known of the errors of its scores'],
    ['has_scores', 'Whether it scored anything here'],
    ['course_parameters_sha256', 'The SHA-256 of the parameter set of its courses; NULL if it has none'],
    ['course_parameters_origin', 'Where that was learned: shipped, site, or calibration (not learned for this model version)'],
    ['score_margin', 'The change that matters, in points'],
    ['course_parameters', 'The parameter set']
]);
CALL describe_columns('{patient_trend}', ARRAY[
    ['patient_key', 'The patient''s pseudonym; of merged patients that of the one whom they count as'],
    ['model_version', 'The model version that scored'],
    ['calendar_known', 'Whether times are dates, and not days since an unknown day 0, counted from 2000-01-01'],
    ['acquired_at', 'When the image was taken; the beginning of the day where only the date is known'],
    ['acquired_source', 'The attribute or the column of a sidecar that the time was read from'],
    ['place', 'The place of the image among those of the patient, from 1'],
    ['view', 'The projection: PA, AP, AP supine or unknown'],
    ['simulated', 'Whether the image is simulated, so that this is no patient'],
    ['geographic_extent', 'The score of this image alone, in points'],
    ['opacity', 'The score of this image alone, in points'],
    ['days_since_baseline', 'Days since the first image in distribution; negative before it'],
    ['score_from_baseline', 'The change since the baseline, in points; NULL where an image is compared with none'],
    ['score_from_previous', 'The change since the image before, in points'],
    ['score_from_peak', 'The distance from the highest value so far, in points; 0 at the peak'],
    ['view_changed', 'Whether the image before has another projection, so that the change says less'],
    ['scored_at', 'When the image was scored'],
    ['score_low', 'The low end of the 90 % prediction interval, in points; NULL without a calibration'],
    ['score_high', 'The high end of the 90 % prediction interval, in points'],
    ['distance', 'How far the image is from known frontal images: out of distribution above 1'],
    ['out_of_distribution', 'Why the image is out of distribution, and compared with no other; NULL if it is not'],
    ['unlike_processing', 'How the image is processed unlike those that models were trained on: enhanced or flat. It is compared all the same; NULL if it is not, or was not checked'],
    ['score_smallest_detectable_change', 'The change that measurement error alone exceeds in 5 of 100 pairs of images, in points'],
    ['calibration_sha256', 'The calibration that intervals and directions speak by'],
    ['image_id', 'Our own number of the image, by which it is corrected'],
    ['score_direction_from_baseline', 'worse or better beyond the smallest detectable change, stable within it; NULL where it is not known'],
    ['score_direction_from_previous', 'The same since the image before'],
    ['time_of_day_known', 'Whether more than the date is known'],
    ['acquired_zone', 'The time zone that the time was read in']
]);
CALL describe_columns('{scored_patients}', ARRAY[
    ['patient_key', 'The patient''s pseudonym; of merged patients that of the one whom they count as'],
    ['model_version', 'The model version that scored'],
    ['images', 'Valid images'],
    ['undated', 'Those of them without a time, which are in no trend and no course']
]);
CALL describe_columns('{source_balance}', ARRAY[
    ['source', 'Where the files lie'],
    ['seen', 'All contents and unreadable places that were ever seen there'],
    ['accepted', 'Contents that were accepted as images'],
    ['rejected', 'Contents that were rejected'],
    ['unread', 'What waits to be read, and what cannot be read'],
    ['copies', 'Further places with the same content, which count nowhere else'],
    ['obstacles', 'Places that cannot be read, without files that were just written'],
    ['withdrawn', 'Accepted images that a person took out of all trends'],
    ['source_name', 'What the site calls the source']
]);
CALL describe_columns('{balance}', ARRAY[
    ['source', 'Where the files lie'],
    ['model_version', 'The model version that is wanted there'],
    ['seen', 'As in source_balance'],
    ['accepted', 'As in source_balance'],
    ['rejected', 'As in source_balance'],
    ['unread', 'As in source_balance'],
    ['copies', 'As in source_balance'],
    ['obstacles', 'As in source_balance'],
    ['withdrawn', 'As in source_balance'],
    ['scored', 'Accepted images that have a score by it'],
    ['waiting', 'Accepted images that it has yet to score'],
    ['failed', 'Accepted images that it could not score'],
    ['out_of_distribution', 'Scored images that are out of distribution'],
    ['is_enlisted', 'Whether all that was seen before is on its list; until then waiting grows'],
    ['source_name', 'What the site calls the source'],
    ['unlike_processing', 'Scored images that are processed unlike those that models were trained on']
]);
CALL describe_columns('{reasons}', ARRAY[
    ['source', 'Where the files lie'],
    ['model_version', 'The model version that failed; NULL for what holds of a file itself'],
    ['what', 'rejected, failed, or obstacle: a place that cannot be read'],
    ['reason', 'The code that states why'],
    ['objects', 'How many'],
    ['source_name', 'What the site calls the source']
]);
CALL describe_columns('{pseudonym_check}', ARRAY[
    ['pseudonym_check', 'A digest from which nothing follows']
]);
