-- Treatments and responses for readers and dashboards. Each column says what it contains.

CREATE OR REPLACE VIEW patient_event AS
SELECT
    person.patient_key,
    event.id AS event_id,
    event.kind,
    event.label,
    event.source,
    event.calendar_known,
    event.starts_at,
    event.ends_at,
    event_time(event.starts_at, starts_is_date, calendar_known, zone) AS start_time,
    event_time(event.ends_at, ends_is_date, calendar_known, zone) AS end_time,
    event.zone
FROM event
JOIN patient ON patient.id = event.patient_id
JOIN patient AS person ON person.id = patient.person_id
WHERE NOT is_removed;

-- From one entry of the index to the next that differs: there are few groups, of many patients.
CREATE OR REPLACE VIEW patient_groups AS
WITH RECURSIVE named AS (
    (SELECT name, value FROM patient_attribute WHERE NOT is_removed ORDER BY name, value LIMIT 1)
    UNION ALL
    SELECT following.*
    FROM named CROSS JOIN LATERAL (
        SELECT name, value FROM patient_attribute AS other
        WHERE (other.name, other.value) > (named.name, named.value) AND NOT is_removed
        ORDER BY name, value LIMIT 1
    ) AS following
)
SELECT group_name(name, value) AS "group", name, value FROM named;

CREATE OR REPLACE VIEW event_labels AS SELECT event_label.kind, event_label.label FROM event_label;

CREATE OR REPLACE VIEW event_response AS
SELECT
    person.patient_key,
    model_version.key AS model_version,
    event.id AS event_id,
    event.kind,
    event.label,
    event.source,
    event.calendar_known,
    event.starts_at,
    event.ends_at,
    event_time(event.starts_at, starts_is_date, calendar_known, zone) AS start_time,
    event_time(event.ends_at, ends_is_date, calendar_known, zone) AS end_time,
    response.day,
    response.is_extrapolated,
    extent_level,
    extent_low,
    extent_high,
    extent_change,
    extent_change_low,
    extent_change_high,
    extent_better,
    extent_worse,
    extent_within,
    opacity_level,
    opacity_low,
    opacity_high,
    opacity_change,
    opacity_change_low,
    opacity_change_high,
    opacity_better,
    opacity_worse,
    opacity_within,
    parameters.sha256 AS parameters_sha256,
    parameters.origin AS parameters_origin
FROM response
JOIN event ON event.id = response.event_id
JOIN patient AS person ON person.id = response.person_id
JOIN model_version ON model_version.id = response.model_version_id
JOIN course_parameters AS parameters ON parameters.id = response.parameters_id;

-- By day from the start: over all treatments of a label, and by each group of a grouping. Two views, since
-- PostgreSQL would look the groups up for a curve that needs none.
DO $do$
DECLARE
    named record;
BEGIN
    FOR named IN
        SELECT *
        FROM (
            VALUES
                ('cohort_response', '', 'response'),
                (
                    'cohort_response_by_group',
                    'group_name, group_value,',
                    -- A group is looked up once for each person, who has a row on day 0 in any case:
                    -- hence what looks superfluous to a planner. Of merged patients the person's own
                    -- comes first.
                    '(
                        WITH told AS MATERIALIZED (
                            SELECT label_id, model_version_id, false AS is_extrapolated, person_id, day,
                                extent_level, extent_change, extent_better, extent_worse,
                                opacity_level, opacity_change, opacity_better, opacity_worse
                            FROM response
                            WHERE label_id = event_label.id AND model_version_id = model_version.id
                                AND NOT is_extrapolated
                        ),
                        person AS MATERIALIZED (
                            SELECT DISTINCT person_id FROM told WHERE day = 0
                        )
                        SELECT told.*, group_name, group_value
                        FROM told
                        JOIN (
                            SELECT person_id, name, value
                            FROM person
                            CROSS JOIN LATERAL (
                                SELECT name, value FROM patient_attribute
                                WHERE patient_id = person_id AND NOT is_removed OFFSET 0
                            ) AS own
                            UNION ALL
                            SELECT person.person_id, name, min(value)
                            FROM person
                            JOIN patient AS member ON member.merged_last_id = person.person_id
                            JOIN patient_attribute AS theirs ON theirs.patient_id = member.id
                            WHERE NOT theirs.is_removed AND NOT EXISTS (
                                SELECT FROM patient_attribute AS own
                                WHERE own.patient_id = person.person_id AND own.name = theirs.name
                                    AND NOT own.is_removed
                            )
                            GROUP BY person.person_id, name
                        ) AS person_group (person_id, group_name, group_value) USING (person_id)
                    ) AS response'
                )
        ) AS views (name, groups, tables)
    LOOP
        EXECUTE format(
            $view$
            CREATE OR REPLACE VIEW %1$I AS
            SELECT
                model_version.key AS model_version,
                score,
                event_label.kind,
                event_label.label,
                %2$s
                day,
                treatments,
                patients,
                levels[1] AS lower_quartile,
                levels[2] AS median,
                levels[3] AS upper_quartile,
                changes[1] AS change_lower_quartile,
                changes[2] AS change_median,
                changes[3] AS change_upper_quartile,
                better,
                worse
            FROM event_label
            CROSS JOIN model_version
            CROSS JOIN LATERAL (
                SELECT
                    score,
                    %2$s
                    day,
                    count(*) AS treatments,
                    count(DISTINCT person_id) AS patients,
                    percentile_cont('{0.25,0.5,0.75}'::float8[])
                        WITHIN GROUP (ORDER BY level) AS levels,
                    percentile_cont('{0.25,0.5,0.75}'::float8[])
                        WITHIN GROUP (ORDER BY change) AS changes,
                    avg(by_score.better) AS better,
                    avg(by_score.worse) AS worse
                FROM %3$s
                CROSS JOIN LATERAL (
                    VALUES
                        (
                            'geographic_extent', extent_level, extent_change, extent_better,
                            extent_worse
                        ),
                        ('opacity', opacity_level, opacity_change, opacity_better, opacity_worse)
                ) AS by_score (score, level, change, better, worse)
                WHERE label_id = event_label.id AND model_version_id = model_version.id
                    AND NOT is_extrapolated
                GROUP BY score, %2$s day
            ) AS told
            $view$,
            named.name, named.groups, named.tables
        );
    END LOOP;
END $do$;

COMMENT ON VIEW patient_event IS
    'The treatments of each patient, with or without responses. Research use only, not for diagnosis.';
COMMENT ON VIEW patient_groups IS
    'The groups that patients belong to, such as the arm of a trial.';
COMMENT ON VIEW event_labels IS
    'The treatments that any patient ever had: what responses are asked for by.';
COMMENT ON VIEW event_response IS
    'How the level was just before a treatment (day 0) and days after its start, by one model version: order by starts_at, event_id, day. It describes, and is no effect of the treatment: who is treated is sicker, or believed to be (confounding by indication), and would change without it too. Research use only, not for diagnosis.';
COMMENT ON VIEW cohort_response IS
    'Quartiles over all treatments of one label, by day from their start: order by day. It describes whoever still had images, and is no effect of the treatment: patients with and without it differ before it starts (confounding by indication). Research use only, not for diagnosis.';
COMMENT ON VIEW cohort_response_by_group IS
    'Quartiles over all treatments of one label, by group and by day from their start: order by group_value, day. It describes whoever still had images, and is no effect of the treatment: patients with and without it differ before it starts (confounding by indication). Research use only, not for diagnosis.';

CALL describe_columns('{patient_event,event_response}', ARRAY[
    ['patient_key', 'The patient''s pseudonym; of merged patients that of the one whom they count as'],
    ['event_id', 'Our own number of the event, by which it is removed'],
    ['kind', 'drug, procedure, stay or other'],
    ['label', 'What it was, as it was imported'],
    ['source', 'The system that it was imported from'],
    ['calendar_known', 'Whether times are dates, and not days since an unknown day 0'],
    ['starts_at', 'When it started; the beginning of the day where only the date is known'],
    ['ends_at', 'When it ended; NULL if it goes on, or its end is not known'],
    ['start_time', 'The start as it was stated: a time in UTC, a date, or a day since day 0'],
    ['end_time', 'The end as it was stated']
]);
CALL describe_columns('{patient_event}', ARRAY[
    ['zone', 'The time zone that its dates, and times without one, were read in']
]);
CALL describe_columns('{event_labels}', ARRAY[
    ['kind', 'drug, procedure, stay or other'],
    ['label', 'What it was, as it was imported']
]);
CALL describe_columns('{patient_groups}', ARRAY[
    ['group', 'Name and value together, as the worklist has them: arm=placebo'],
    ['name', 'The grouping, such as arm, as it was imported'],
    ['value', 'The group']
]);
CALL describe_columns('{event_response}', ARRAY[
    ['model_version', 'The model version that scored'],
    ['day', 'Days from the start: 0 (just before), 1, 3, 7, 14. Where only its date is known, from the end of that day'],
    ['is_extrapolated', 'Whether the last image of the episode in distribution lies before this day: the level is then carried on, not seen'],
    ['score_level', 'The level on that day, of all images of the episode, in points'],
    ['score_low', 'The low end of its band of 90 %'],
    ['score_high', 'The high end of its band of 90 %'],
    ['score_change', 'How far the level lies above the level just before, in points, not limited to the scale; NULL on day 0'],
    ['score_change_low', 'The low end of the band of 90 % of the change'],
    ['score_change_high', 'The high end of the band of 90 % of the change'],
    ['score_better', 'The probability that the level is below the level just before by more than the margin; NULL on day 0'],
    ['score_worse', 'The probability that it is above by more than the margin'],
    ['score_within', 'The probability that it is neither'],
    ['parameters_sha256', 'The parameter set that the levels rest on'],
    ['parameters_origin', 'Where that was learned: shipped, site, or calibration (not learned for this model version)']
]);
CALL describe_columns('{cohort_response,cohort_response_by_group}', ARRAY[
    ['model_version', 'The model version that scored'],
    ['score', 'geographic_extent or opacity'],
    ['kind', 'drug, procedure, stay or other'],
    ['label', 'What the treatments were'],
    ['day', 'Days from the start: 0 (just before), 1, 3, 7, 14'],
    ['treatments', 'Treatments with an image on that day or later: it falls as patients die, go home, or get no more images'],
    ['patients', 'Their patients'],
    ['lower_quartile', 'A quarter of the levels lie below it, in points'],
    ['median', 'Half of the levels lie below it, in points'],
    ['upper_quartile', 'Three quarters of the levels lie below it, in points'],
    ['change_lower_quartile', 'A quarter of the changes from just before lie below it, in points; NULL on day 0'],
    ['change_median', 'Half of the changes lie below it, in points'],
    ['change_upper_quartile', 'Three quarters of the changes lie below it, in points'],
    ['better', 'The mean probability of a level below that just before by more than the margin; NULL on day 0'],
    ['worse', 'The mean probability of a level above it by more than the margin; NULL on day 0']
]);
CALL describe_columns('{cohort_response_by_group}', ARRAY[
    ['group_name', 'The grouping, such as arm, as it was imported'],
    ['group_value', 'The group']
]);
