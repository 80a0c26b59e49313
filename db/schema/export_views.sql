-- What exports read beside courses and responses, and what each lung has. Each column says what it contains: exports write
-- that into their data dictionary.

-- Every score, also those of images that count no longer or have no time.
CREATE OR REPLACE VIEW scored_image AS
SELECT
    person.patient_key,
    model_version.key AS model_version,
    image.id AS image_id,
    image.standing,
    image.acquired_source NOT IN ('sidecar_offset', 'unknown') AS calendar_known,
    image.acquired_at,
    image.acquired_at IS NOT NULL AND image.acquired_source <> 'sidecar_offset'
        AND NOT is_date_alone(image.acquired_source) AS time_of_day_known,
    image.acquired_source,
    image.acquired_zone,
    image.view,
    image.simulated,
    device.manufacturer AS device_manufacturer,
    device.model AS device_model,
    score.geographic_extent,
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
    score.geographic_extent_raw,
    score.opacity,
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
    score.opacity_raw,
    score.out_of_distribution,
    score.distance,
    score.scored_at,
    calibration.sha256 AS calibration_sha256,
    score.unlike_processing,
    score.right_extent,
    left_part(score.geographic_extent, score.right_extent) AS left_extent,
    score.right_opacity,
    left_part(score.opacity, score.right_opacity) AS left_opacity,
    score.right_upper,
    score.right_middle,
    score.right_lower,
    score.left_upper,
    score.left_middle,
    score.left_lower
FROM score
JOIN image ON image.id = score.image_id
JOIN study ON study.id = image.study_id
JOIN patient ON patient.id = study.patient_id
JOIN patient AS person ON person.id = patient.person_id
JOIN model_version ON model_version.id = score.model_version_id
LEFT JOIN calibration ON calibration.id = model_version.calibration_id
LEFT JOIN device ON device.id = image.device_id;

-- Apart from courses, which are planned for each page.
CREATE OR REPLACE VIEW patient_lungs AS
SELECT
    patient_key,
    model_version,
    image_id,
    calendar_known,
    acquired_at,
    out_of_distribution,
    right_extent,
    left_extent,
    right_opacity,
    left_opacity,
    right_upper,
    right_middle,
    right_lower,
    left_upper,
    left_middle,
    left_lower
FROM scored_image
WHERE right_extent IS NOT NULL AND acquired_at IS NOT NULL AND standing = 'valid';

-- Of merged patients the person's own group comes first, else the first by name: as `groups_of` has it.
CREATE OR REPLACE VIEW group_membership AS
SELECT DISTINCT ON (person.patient_key, attribute.name)
    person.patient_key,
    attribute.name AS group_name,
    attribute.value AS group_value,
    attribute.source
FROM patient_attribute AS attribute
JOIN patient ON patient.id = attribute.patient_id
JOIN patient AS person ON person.id = patient.person_id
WHERE NOT attribute.is_removed
ORDER BY person.patient_key, attribute.name, patient.id <> person.id, attribute.value,
    patient.id;

COMMENT ON VIEW scored_image IS
    'Each score of each image, also of images that were withdrawn or superseded, or have no time: see standing. Research use only, not for diagnosis.';
COMMENT ON VIEW patient_lungs IS
    'What each lung has of both scores, and which zones are opaque, a row for each dated, valid image of a model version that draws lungs: order by calendar_known DESC, acquired_at, image_id. Research use only, not for diagnosis.';
COMMENT ON VIEW group_membership IS
    'The groups of each patient, such as the arm of a trial.';

CALL describe_columns('{scored_image}', ARRAY[
    ['patient_key', 'The patient''s pseudonym; of merged patients that of the one whom they count as'],
    ['model_version', 'The model version that scored; its scores are never joined with those of another'],
    ['image_id', 'Our own number of the image, by which it is corrected'],
    ['standing', 'valid; withdrawn by a person; or superseded by the whole or the right file. Only valid images count in courses'],
    ['calendar_known', 'Whether the time is a date, and not unknown or a number of days since an unknown day 0'],
    ['acquired_at', 'When the image was taken; NULL if that is not known'],
    ['time_of_day_known', 'Whether the time is more than a date; if not, acquired_at is the midnight of that date'],
    ['acquired_source', 'The attribute or sidecar column that the time was read from; corrected if a person stated it'],
    ['acquired_zone', 'The time zone that the time was read in; a date alone is to be shown in it'],
    ['view', 'The projection: PA, AP, AP supine, unknown'],
    ['simulated', 'Made by painting opacities into a real image: never a patient'],
    ['device_manufacturer', 'Who made the device that took the image, as it names itself; NULL where the file names no device'],
    ['device_model', 'The model of that device, as it names itself'],
    ['geographic_extent', 'The score of this image alone: how much of the lungs is involved, in points of 0 to 8. More is worse'],
    ['extent_low', 'The low end of its 90 % prediction interval, in points; NULL without a calibration'],
    ['extent_high', 'The high end of its 90 % prediction interval, in points'],
    ['geographic_extent_raw', 'Geographic extent before it was clipped to its scale, in points'],
    ['opacity', 'The score of this image alone: how dense the opacities are, in points of the model''s scale. More is worse'],
    ['opacity_low', 'The low end of its 90 % prediction interval, in points; NULL without a calibration'],
    ['opacity_high', 'The high end of its 90 % prediction interval, in points'],
    ['opacity_raw', 'Opacity before it was clipped to its scale, in points'],
    ['out_of_distribution', 'Why the image is unlike those that scores rest on: its score is not reliable. NULL if it is not'],
    ['unlike_processing', 'How the image is processed unlike those that models were trained on: enhanced or flat; NULL if it is not, or was not checked'],
    ['distance', 'How far the image is from the reference distribution, in units of the limit; NULL if it was not measured'],
    ['scored_at', 'When the score was computed'],
    ['calibration_sha256', 'The calibration that intervals are from; NULL without one']
]);
CALL describe_columns('{patient_lungs}', ARRAY[
    ['patient_key', 'The patient''s pseudonym; of merged patients that of the one whom they count as'],
    ['model_version', 'The model version that scored'],
    ['image_id', 'Our own number of the image'],
    ['calendar_known', 'Whether the time is a date, and not a number of days since an unknown day 0'],
    ['acquired_at', 'When the image was taken'],
    ['out_of_distribution', 'Why the image is unlike those that scores rest on: no part of its score is reliable. NULL if it is not']
]);
CALL describe_columns('{patient_lungs,scored_image}', ARRAY[
    ['right_extent', 'What the patient''s right lung has of geographic_extent, in points of 0 to 4; NULL where the model draws no lungs'],
    ['left_extent', 'What the left lung has of it'],
    ['right_opacity', 'What the right lung has of opacity, in points: half of the scale at most'],
    ['left_opacity', 'What the left lung has of it'],
    ['right_upper', 'Which share of the upper third of the right lung is opaque as the model draws it, 0 to 1. A coarse map and no score'],
    ['right_middle', 'The same of the middle third'],
    ['right_lower', 'The same of the lower third'],
    ['left_upper', 'The same of the upper third of the left lung'],
    ['left_middle', 'The same of the middle third'],
    ['left_lower', 'The same of the lower third']
]);
CALL describe_columns('{group_membership}', ARRAY[
    ['patient_key', 'The patient''s pseudonym; of merged patients that of the one whom they count as'],
    ['group_name', 'The grouping, such as arm, as it was imported'],
    ['group_value', 'The group'],
    ['source', 'The system that it was imported from']
]);
