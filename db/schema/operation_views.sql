-- What whoever watches the site sees: what comes in, what is done, what waits, what is rejected, and
-- whether a machine changed. No file's name, and no patient.

CREATE OR REPLACE VIEW throughput AS
SELECT
    hour_count.hour,
    source.location AS source,
    model_version.key AS model_version,
    coalesce(sum(n) FILTER (WHERE what = 'received'), 0)::bigint AS received,
    coalesce(sum(n) FILTER (WHERE what = 'scored'), 0)::bigint AS scored,
    coalesce(sum(n) FILTER (WHERE what = 'rejected'), 0)::bigint AS rejected,
    source.name AS source_name,
    coalesce(sum(n) FILTER (WHERE what = 'accepted'), 0)::bigint AS accepted
FROM hour_count
JOIN source ON source.id = hour_count.source_id
LEFT JOIN run ON run.id = hour_count.run_id
LEFT JOIN model_version ON model_version.id = run.model_version_id
GROUP BY hour_count.hour, source.id, model_version.id;

CREATE OR REPLACE VIEW runs AS
SELECT
    run.id AS run_id,
    source.location AS source,
    model_version.key AS model_version,
    CAST(run.state AS text) AS state,
    run.software,
    run.started_at,
    run.ended_at,
    counted.scored,
    counted.rejected,
    source.name AS source_name,
    CAST(run.kind AS text) AS kind
FROM run
JOIN source ON source.id = run.source_id
JOIN model_version ON model_version.id = run.model_version_id
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(n) FILTER (WHERE what = 'scored'), 0)::bigint AS scored,
        coalesce(sum(n) FILTER (WHERE what = 'rejected'), 0)::bigint AS rejected
    FROM hour_count WHERE hour_count.run_id = run.id AND run_id <> 0
) AS counted;

-- By source and model version what is to be scored next, and since when it lies there.
CREATE OR REPLACE VIEW oldest_waiting AS
SELECT
    source.location AS source,
    model_version.key AS model_version,
    (SELECT min(seen_at) FROM sighting WHERE sighting.object_id = first.object_id) AS waiting_since,
    source.name AS source_name
FROM wanted
JOIN source ON source.id = wanted.source_id
JOIN model_version ON model_version.id = wanted.model_version_id
CROSS JOIN LATERAL (
    SELECT object_id FROM work
    WHERE work.source_id = wanted.source_id AND work.model_version_id = wanted.model_version_id
        AND state = 'waiting'
    ORDER BY id LIMIT 1
) AS first;

CREATE OR REPLACE VIEW rejections AS
SELECT
    object.id AS object_id,
    source.location AS source,
    object.reason,
    coalesce(object.detail, '') AS detail,
    object.decided_at,
    object.dismissed_at,
    source.name AS source_name
FROM object JOIN source ON source.id = object.source_id
WHERE object.state = 'rejected';

CREATE OR REPLACE VIEW devices AS
SELECT device.id AS device_id, manufacturer, model, station_key FROM device;

CREATE OR REPLACE VIEW drift_nights AS
SELECT
    model_version.key AS model_version,
    measure,
    device_id,
    CAST(view AS text) AS view,
    day,
    films,
    CAST(total / 1e6 AS float8) AS total,
    CAST(squares / 1e6 AS float8) AS squares,
    reference
FROM drift_night JOIN model_version ON model_version.id = model_version_id
WHERE films > 0 AND day >= coalesce((SELECT drift_start.day FROM drift_start), '-infinity');

CREATE OR REPLACE VIEW drift_restarts AS
SELECT at, who, why, CAST(after ->> 'day' AS date) AS day
FROM correction WHERE what = 'drift restarted';

CREATE OR REPLACE VIEW drift_reports AS
SELECT
    model_version.key AS model_version,
    drawn_at,
    finding,
    finding ->> 'cause' AS cause,
    CAST(finding ->> 'since' AS date) AS since,
    finding ->> 'text' AS meaning
FROM drift_report JOIN model_version ON model_version.id = model_version_id;

COMMENT ON VIEW throughput IS
    'What came in, was scored and was rejected in each hour, by source and model version: filter by hour.';
COMMENT ON VIEW runs IS 'Each run over a source by one model version: order by run_id DESC.';
COMMENT ON VIEW oldest_waiting IS
    'What is to be scored next, by source and model version, and since when it lies there; no row where nothing waits.';
COMMENT ON VIEW rejections IS
    'The rejected files, without their names: order by decided_at DESC, object_id DESC.';
COMMENT ON VIEW devices IS 'What takes images, by the names that it gives itself.';
COMMENT ON VIEW drift_nights IS
    'Sums of each night by device and view, of which control charts are drawn (docs/drift.md): from the last restart on.';
COMMENT ON VIEW drift_restarts IS 'Each time that a person let the charts of drift learn anew, and why.';
COMMENT ON VIEW drift_reports IS 'What the charts of each model version said when they were last drawn.';

CALL describe_columns('{throughput}', ARRAY[
    ['hour', 'The beginning of the hour'],
    ['source', 'Where the files lie'],
    ['model_version', 'The model version that scored; NULL for what came in'],
    ['received', 'Files that were seen for the first time'],
    ['accepted', 'Files that were accepted as images, whatever scores them'],
    ['scored', 'Images that were scored, again for each model version'],
    ['rejected', 'Files that were rejected'],
    ['source_name', 'What the site calls the source']
]);
CALL describe_columns('{runs}', ARRAY[
    ['run_id', 'Our own number of the run'],
    ['source', 'Where the files lie'],
    ['model_version', 'The model version that scored'],
    ['state', 'running, finished, failed, or abandoned: its process died'],
    ['software', 'The program and its version'],
    ['started_at', 'When it started'],
    ['ended_at', 'When it ended; NULL while it runs'],
    ['scored', 'Images that it scored'],
    ['rejected', 'Files that it rejected'],
    ['source_name', 'What the site calls the source'],
    ['kind', 'pass, look (nothing is scored), rescore or backfill']
]);
CALL describe_columns('{oldest_waiting}', ARRAY[
    ['source', 'Where the files lie'],
    ['model_version', 'The model version that they wait for'],
    ['waiting_since', 'When the first of them was seen'],
    ['source_name', 'What the site calls the source']
]);
CALL describe_columns('{rejections}', ARRAY[
    ['object_id', 'Our own number of the file, by which it is released or dismissed'],
    ['source', 'Where it lies'],
    ['reason', 'The code that states why'],
    ['detail', 'What exactly; names no patient'],
    ['decided_at', 'When it was rejected'],
    ['dismissed_at', 'When a person marked it as seen to; NULL if nobody did'],
    ['source_name', 'What the site calls the source']
]);
CALL describe_columns('{devices}', ARRAY[
    ['device_id', 'Our own number of the device'],
    ['manufacturer', 'As the device names it'],
    ['model', 'As the device names it'],
    ['station_key', 'The key of its station, whose name is not stored']
]);
CALL describe_columns('{drift_nights}', ARRAY[
    ['model_version', 'The model version that scored'],
    ['measure', 'geographic_extent, opacity, distance or error'],
    ['device_id', 'The device, 0 where none is known'],
    ['view', 'The projection'],
    ['day', 'The day of acquisition, in UTC'],
    ['films', 'Images, or pairs of them for the error'],
    ['total', 'The sum of their values'],
    ['squares', 'The sum of the squares of their values'],
    ['reference', 'The reference distribution of a distance; else empty']
]);
CALL describe_columns('{drift_restarts}', ARRAY[
    ['at', 'When it was decided'],
    ['who', 'Who decided'],
    ['why', 'The reason that was given'],
    ['day', 'From which night on charts learn, in UTC; NULL: from the first one']
]);
CALL describe_columns('{drift_reports}', ARRAY[
    ['model_version', 'The model version that scored'],
    ['drawn_at', 'When its charts were last drawn'],
    ['finding', 'What is out of control; NULL while nothing is'],
    ['cause', 'patients or machine; NULL while all is in control'],
    ['since', 'Since when'],
    ['meaning', 'The same in a sentence']
]);
