-- Bridges for readers, and what people chose for courses: a course that goes on across a change of
-- the model version is computed when it is read, by whoever reads it.

CREATE OR REPLACE VIEW bridges AS
SELECT
    bridge.id AS bridge_id,
    former.key AS former_version,
    newer.key AS current_version,
    bridge.learned_at,
    bridge.patients,
    bridge.films,
    bridge.content
FROM bridge
JOIN model_version AS former ON former.id = bridge.former_id
JOIN model_version AS newer ON newer.id = bridge.current_id;

CREATE OR REPLACE VIEW course_choices AS
SELECT
    patient.patient_key,
    course_choice.episode_days,
    course_choice.baseline_image_id,
    event_start(event.starts_at, event.starts_is_date, event.zone) AS treatment_at,
    event.calendar_known
FROM course_choice
JOIN patient ON patient.id = course_choice.patient_id AND patient.merged_into_id IS NULL
-- After a split an event of whoever was merged into this person is somebody else's.
LEFT JOIN (event JOIN patient AS treated ON treated.id = event.patient_id)
    ON event.id = course_choice.baseline_event_id AND NOT event.is_removed
        AND treated.person_id = course_choice.patient_id;

COMMENT ON VIEW bridges IS
    'How scores of one model version become those of another, the newest last: order by bridge_id. Research use only, not for diagnosis.';
COMMENT ON VIEW course_choices IS
    'What people chose for the courses of single patients: episodes and baselines.';

CALL describe_columns('{bridges}', ARRAY[
    ['bridge_id', 'Our own number of the bridge, which a course names'],
    ['former_version', 'The model version whose scores are converted'],
    ['current_version', 'The model version as whose scores they are shown'],
    ['learned_at', 'When it was learned'],
    ['patients', 'Patients whom it was learned from'],
    ['films', 'Their images that both versions scored, all in distribution'],
    ['content', 'The line of each score with its errors and its range, in points']
]);
CALL describe_columns('{course_choices}', ARRAY[
    ['patient_key', 'The patient''s pseudonym'],
    ['episode_days', 'After how many days without an image an episode ends; NULL: as of all others'],
    ['baseline_image_id', 'The image that others are compared with; NULL: not chosen'],
    ['treatment_at', 'The start of the treatment whose last image before it is the baseline; NULL: not chosen'],
    ['calendar_known', 'Whether that is a date, and not a number of days since an unknown day 0']
]);
