-- What a monitoring system reads each minute: few rows, whatever the number of scores.

CREATE OR REPLACE VIEW source_runs AS
SELECT
    source.location AS source,
    finished.ended_at AS last_success_at,
    received.hour AS last_received_hour,
    (
        SELECT count(*) FROM run
        WHERE run.source_id = source.id AND run.kind = 'pass'
            AND run.state IN ('failed', 'abandoned') AND run.id > coalesce(finished.id, 0)
    ) AS failures_since,
    CASE WHEN ended.state <> 'finished' THEN ended.ended_at END AS failed_at,
    latest.started_at AS last_run_at
FROM source
-- All from the end of an index, the latest first.
LEFT JOIN LATERAL (
    SELECT run.id, run.ended_at FROM run
    WHERE run.source_id = source.id AND run.kind = 'pass' AND run.state = 'finished'
    ORDER BY run.id DESC LIMIT 1
) AS finished ON true
LEFT JOIN LATERAL (
    SELECT run.state, run.ended_at FROM run
    WHERE run.source_id = source.id AND run.kind = 'pass' AND run.state <> 'running'
    ORDER BY run.id DESC LIMIT 1
) AS ended ON true
LEFT JOIN LATERAL (
    SELECT run.started_at FROM run WHERE run.source_id = source.id ORDER BY run.id DESC LIMIT 1
) AS latest ON true
LEFT JOIN LATERAL (
    SELECT hour_count.hour FROM hour_count
    WHERE hour_count.source_id = source.id AND what = 'received'
    ORDER BY hour_count.hour DESC LIMIT 1
) AS received ON true
-- Nothing passes over an archive.
WHERE source.archive_of_id IS NULL;

CREATE OR REPLACE VIEW stage_times AS
SELECT source.location AS source, model_version.key AS model_version, stage, images, seconds
FROM stage_time
JOIN source ON source.id = source_id
JOIN model_version ON model_version.id = model_version_id;

-- Of the latest episode of each patient; from an index alone.
CREATE OR REPLACE VIEW course_verdicts AS
SELECT model_version, coalesce(verdict_text(extent_verdict), 'no verdict') AS verdict,
    count(*) AS patients
FROM patient_summary WHERE parameters_id IS NOT NULL
GROUP BY model_version, verdict_text(extent_verdict);

COMMENT ON VIEW source_runs IS
    'When each source was last passed over with success, and when something last arrived there.';
COMMENT ON VIEW stage_times IS
    'The seconds that images spent in each stage, by source and model version, over all runs.';
COMMENT ON VIEW course_verdicts IS
    'How many patients have which verdict of extent in their latest episode, by model version.';

CALL describe_columns('{source_runs}', ARRAY[
    ['source', 'Where the files lie'],
    ['last_success_at', 'When the last pass ended that finished; NULL before the first'],
    ['last_received_hour', 'The hour in which a file was last seen for the first time'],
    ['failures_since', 'Passes since then that failed or died'],
    ['failed_at', 'When the last pass ended, if it failed or died; else NULL'],
    ['last_run_at', 'When a run over it last began, of whatever kind; NULL before the first']
]);
CALL describe_columns('{stage_times}', ARRAY[
    ['source', 'Where the files lie'],
    ['model_version', 'The model version that scored'],
    ['stage', 'read (from the source), decode (with preparing), network or write (to the database)'],
    ['images', 'How many passed it'],
    ['seconds', 'The sum of their times; several are in a stage at once']
]);
CALL describe_columns('{course_verdicts}', ARRAY[
    ['model_version', 'The model version that scored'],
    ['verdict', 'worse, better, unchanged, cannot tell, or no verdict'],
    ['patients', 'How many have it']
]);
