-- Courses for readers and dashboards. Each column says what it contains; so do `\d+` and Grafana's
-- query builder.

CREATE OR REPLACE VIEW patient_course AS
SELECT
    person.patient_key,
    model_version.key AS model_version,
    calendar_known,
    episode,
    acquired_at,
    days AS days_since_baseline,
    is_baseline,
    view_of(view) AS view,
    simulated,
    out_of_distribution,
    geographic_extent,
    opacity,
    extent_level,
    extent_low,
    extent_high,
    extent_smoothed_level,
    extent_smoothed_low,
    extent_smoothed_high,
    extent_worse,
    extent_better,
    extent_within,
    verdict_text(extent_verdict) AS extent_verdict,
    opacity_level,
    opacity_low,
    opacity_high,
    opacity_smoothed_level,
    opacity_smoothed_low,
    opacity_smoothed_high,
    opacity_worse,
    opacity_better,
    opacity_within,
    verdict_text(opacity_verdict) AS opacity_verdict,
    -- Not joined: each relation more would take half as long again to plan as the rest to run.
    (SELECT sha256 FROM course_parameters WHERE id = course.parameters_id) AS parameters_sha256,
    (SELECT origin FROM course_parameters WHERE id = course.parameters_id) AS parameters_origin,
    image_id,
    geographic_extent_raw,
    opacity_raw,
    time_of_day_known,
    acquired_zone,
    unlike_processing
FROM course
JOIN patient AS person ON person.id = course.person_id
JOIN model_version ON model_version.id = course.model_version_id
-- At once without an image that a person withdrew; levels follow with the next update.
WHERE NOT EXISTS (
    SELECT FROM image WHERE image.id = course.image_id AND image.standing <> 'valid'
);

CREATE OR REPLACE VIEW worklist AS
SELECT
    summary.patient_key,
    summary.model_version,
    verdict_text(extent_verdict) AS verdict,
    summary.latest_at,
    CASE WHEN summary.calendar_known THEN
        CAST(extract(epoch FROM now() - summary.latest_at) AS float8) / 86400
    END AS days_since_latest,
    summary.baseline_at,
    summary.days AS days_since_baseline,
    summary.films,
    summary.films_in_episode,
    summary.episode,
    summary.calendar_known,
    view_of(latest_view) AS latest_view,
    NOT summary.latest_eligible AS latest_out_of_distribution,
    extent_baseline_level,
    extent_latest_level,
    extent_latest_low,
    extent_latest_high,
    extent_peak_level,
    extent_worse,
    extent_better,
    extent_within,
    verdict_text(extent_verdict) AS extent_verdict,
    opacity_baseline_level,
    opacity_latest_level,
    opacity_latest_low,
    opacity_latest_high,
    opacity_peak_level,
    opacity_worse,
    opacity_better,
    opacity_within,
    verdict_text(opacity_verdict) AS opacity_verdict,
    -- Not joined: a page is read from an index in order.
    (SELECT sha256 FROM course_parameters WHERE id = summary.parameters_id) AS parameters_sha256,
    (SELECT origin FROM course_parameters WHERE id = summary.parameters_id) AS parameters_origin,
    summary.groups,
    summary.worklist_order,
    summary.latest_unlike_processing
FROM patient_summary AS summary
WHERE summary.parameters_id IS NOT NULL;

CREATE OR REPLACE VIEW patient_list AS
SELECT patient_key, model_version, latest_at, calendar_known, films FROM patient_summary;

CREATE OR REPLACE VIEW waiting_image AS
SELECT person.patient_key, model_version.key AS model_version, image.id AS image_id
FROM patient AS person
JOIN patient AS recorded ON recorded.person_id = person.id
JOIN study ON study.patient_id = recorded.id
JOIN image ON image.study_id = study.id AND image.standing = 'valid'
JOIN object ON object.image_id = image.id
JOIN work ON work.object_id = object.id AND work.is_judged AND work.state <> 'failed'
JOIN model_version ON model_version.id = work.model_version_id;

-- Two questions, each of an index of its own: in the middle of a refit everybody is due.
CREATE OR REPLACE VIEW due_course AS
SELECT person.patient_key, model_version.key AS model_version
FROM patient AS person CROSS JOIN model_version
WHERE EXISTS (
    SELECT FROM course_due AS due
    WHERE due.person_id = person.id AND due.model_version_id = model_version.id
) OR EXISTS (
    SELECT FROM patient AS recorded
    JOIN study ON study.patient_id = recorded.id
    JOIN image ON image.study_id = study.id
    JOIN course_due AS due ON due.image_id = image.id
    WHERE recorded.person_id = person.id AND due.model_version_id = model_version.id
);

-- Linear between the ends of a tenth of a point, in which levels lie anywhere.
CREATE OR REPLACE VIEW cohort_course AS
SELECT
    model_version.key AS model_version,
    by_day.score,
    by_day.day,
    by_day.films,
    least(by_day.lower_quartile, scale.highest) AS lower_quartile,
    least(by_day.median, scale.highest) AS median,
    least(by_day.upper_quartile, scale.highest) AS upper_quartile
FROM (
    SELECT
        model_version_id,
        score,
        day,
        max(films)::bigint AS films,
        min((bin + (0.25 * films - below) / n) / 10)
                FILTER (WHERE below < 0.25 * films AND 0.25 * films <= below + n)
            AS lower_quartile,
        min((bin + (0.5 * films - below) / n) / 10)
                FILTER (WHERE below < 0.5 * films AND 0.5 * films <= below + n)
            AS median,
        min((bin + (0.75 * films - below) / n) / 10)
                FILTER (WHERE below < 0.75 * films AND 0.75 * films <= below + n)
            AS upper_quartile
    FROM (
        SELECT
            model_version_id,
            score,
            day,
            bin::float8 AS bin,
            n::float8 AS n,
            (sum(n) OVER up_to - n)::float8 AS below,
            (sum(n) OVER of_day)::float8 AS films
        FROM (
            SELECT model_version_id, score, day, bin, sum(n) AS n
            FROM cohort_level WHERE n > 0 GROUP BY model_version_id, score, day, bin
        ) AS all_parts
        WINDOW
            of_day AS (PARTITION BY model_version_id, score, day),
            up_to AS (of_day ORDER BY bin)
    ) AS bins
    GROUP BY model_version_id, score, day
) AS by_day
JOIN model_version ON model_version.id = by_day.model_version_id
CROSS JOIN LATERAL (
    SELECT (model_version.scales -> by_day.score ->> 'highest')::float8 AS highest
) AS scale;

COMMENT ON VIEW patient_course IS
    'The course of each patient by one model version, a row for each dated, valid image: order by calendar_known DESC, acquired_at, image_id. Research use only, not for diagnosis.';
COMMENT ON VIEW worklist IS
    'Each patient''s latest episode by one model version, compared with its baseline: order by worklist_order, patient_key. Research use only, not for diagnosis.';
COMMENT ON VIEW patient_list IS
    'The patients with a dated, valid image scored by a model version, for lists to choose from: order by latest_at DESC.';
COMMENT ON VIEW waiting_image IS
    'The accepted, valid images that a model version has not scored yet: courses lack them. Whose the files are that nobody has read is not known. Filter by patient_key and model_version.';
COMMENT ON VIEW due_course IS
    'Whose courses do not show the newest scores, corrections, treatments or choices yet: the end of the next pass computes them. Filter by patient_key and model_version.';
COMMENT ON VIEW cohort_course IS
    'Quartiles of the levels of all patients, by day since the baseline of their episode. It describes whoever had an image on that day, and no effect of anything. Research use only, not for diagnosis.';

CALL describe_columns('{patient_course}', ARRAY[
    ['patient_key', 'The patient''s pseudonym; of merged patients that of the one whom they count as'],
    ['model_version', 'The model version that scored; a course never joins two'],
    ['calendar_known', 'Whether the time is a date, and not a number of days since an unknown day 0; a course never joins the two'],
    ['episode', 'Which episode of the patient, from 1: another begins after a gap without images'],
    ['acquired_at', 'When the image was taken'],
    ['time_of_day_known', 'Whether the time is more than a date; if not, acquired_at is the midnight of that date, and the images of that day are in no order'],
    ['acquired_zone', 'The time zone that the time was read in; a date alone is to be shown in it'],
    ['days_since_baseline', 'Days since the baseline of the episode; since its first image if no image is in distribution'],
    ['is_baseline', 'Whether the others of the episode are compared with this image'],
    ['view', 'The projection: PA, AP, AP supine, unknown'],
    ['simulated', 'Made by painting opacities into a real image: never a patient'],
    ['out_of_distribution', 'Why the image is unlike those that scores rest on; its score does not move the level. NULL if it is not'],
    ['unlike_processing', 'How the image is processed unlike those that models were trained on: enhanced or flat. Its score moves the level all the same; NULL if it is not, or was not checked'],
    ['geographic_extent', 'The score of this image alone, in points'],
    ['opacity', 'The score of this image alone, in points'],
    ['score_level', 'The level at this image, of the images so far, in points; NULL before the first image of the episode that is in distribution'],
    ['score_low', 'The low end of the band that contains that level with 90 % probability'],
    ['score_high', 'The high end of the band that contains that level with 90 % probability'],
    ['score_smoothed_level', 'The level at this image, of all images of the episode, in points'],
    ['score_smoothed_low', 'The low end of the band of 90 % of that level'],
    ['score_smoothed_high', 'The high end of the band of 90 % of that level'],
    ['score_worse', 'The probability that the level is above that at the baseline by more than the margin, of the images so far; NULL up to the baseline'],
    ['score_better', 'The probability that it is below by more than the margin'],
    ['score_within', 'The probability that it is neither'],
    ['score_verdict', 'worse, better, unchanged or cannot tell; NULL up to the baseline'],
    ['parameters_sha256', 'The parameter set that the course rests on'],
    ['parameters_origin', 'Where that was learned: shipped, site, or calibration (not learned for this model version)'],
    ['image_id', 'Our own number of the image, by which it is corrected'],
    ['geographic_extent_raw', 'Geographic extent before it was clipped to its scale: what levels rest on, in points'],
    ['opacity_raw', 'The same of opacity']
]);
CALL describe_columns('{worklist}', ARRAY[
    ['patient_key', 'The patient''s pseudonym'],
    ['model_version', 'The model version that scored'],
    ['verdict', 'The verdict of geographic extent, the leading score'],
    ['latest_at', 'When the latest image was taken'],
    ['days_since_latest', 'Days since then; NULL if no date is known'],
    ['baseline_at', 'When the baseline was taken; NULL if no image of the episode is in distribution'],
    ['days_since_baseline', 'Days from the baseline to the latest image'],
    ['films', 'Dated, valid images of the patient, on the calendar if any image has a date'],
    ['films_in_episode', 'Those of the latest episode'],
    ['episode', 'Which episode of the patient that is, from 1'],
    ['calendar_known', 'Whether times are dates, and not days since an unknown day 0'],
    ['latest_view', 'The projection of the latest image'],
    ['latest_out_of_distribution', 'Whether the latest image is unlike those that scores rest on'],
    ['latest_unlike_processing', 'Whether the latest image is processed unlike those that models were trained on'],
    ['score_baseline_level', 'The level at the baseline, of the images up to it, in points'],
    ['score_latest_level', 'The level at the latest image, in points'],
    ['score_latest_low', 'The low end of its band of 90 %'],
    ['score_latest_high', 'The high end of its band of 90 %'],
    ['score_peak_level', 'The highest level in the episode, each of the images up to it'],
    ['score_worse', 'The probability that the latest level is above that at the baseline by more than the margin'],
    ['score_better', 'The probability that it is below by more than the margin'],
    ['score_within', 'The probability that it is neither'],
    ['score_verdict', 'worse, better, unchanged or cannot tell; NULL if nothing follows the baseline'],
    ['parameters_sha256', 'The parameter set that the course rests on'],
    ['parameters_origin', 'Where that was learned: shipped, site, or calibration (not learned for this model version)'],
    ['groups', 'The groups that the patient belongs to, as arm=placebo; NULL without any. Filter by groups @> ARRAY[''arm=placebo'']'],
    ['worklist_order', 'Sort by it, then by patient_key: who is most probably worse comes first, then who has no verdict, the latest image first']
]);
CALL describe_columns('{patient_list}', ARRAY[
    ['patient_key', 'The patient''s pseudonym'],
    ['model_version', 'The model version that scored'],
    ['latest_at', 'When the latest image was taken'],
    ['calendar_known', 'Whether that is a date'],
    ['films', 'Dated, valid images of the patient']
]);
CALL describe_columns('{waiting_image}', ARRAY[
    ['patient_key', 'The patient''s pseudonym; of merged patients that of the one whom they count as'],
    ['model_version', 'The model version that shall score the image'],
    ['image_id', 'Our own number of the image']
]);
CALL describe_columns('{due_course}', ARRAY[
    ['patient_key', 'The patient''s pseudonym; of merged patients that of the one whom they count as'],
    ['model_version', 'The model version whose course is due']
]);
CALL describe_columns('{cohort_course}', ARRAY[
    ['model_version', 'The model version that scored'],
    ['score', 'geographic_extent or opacity'],
    ['day', 'Whole days since the baseline of an episode'],
    ['films', 'Images in distribution on that day, of all episodes; a patient counts once for each'],
    ['lower_quartile', 'A quarter of their levels lie below it, in points; levels are those of all images of their episode'],
    ['median', 'Half of their levels lie below it, in points'],
    ['upper_quartile', 'Three quarters of their levels lie below it, in points']
]);
