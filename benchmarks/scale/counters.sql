-- Lets the sequences go on after the built rows, says that nothing is left to enlist, and counts the
-- rows into the counters that triggers keep from here on.
SELECT setval(pg_get_serial_sequence('patient', 'id'), coalesce(max(id), 1)) FROM patient;
SELECT setval(pg_get_serial_sequence('study', 'id'), max(id)) FROM study;
SELECT setval(pg_get_serial_sequence('image', 'id'), max(id)) FROM image;
SELECT setval(pg_get_serial_sequence('object', 'id'), max(id)) FROM object;
SELECT setval(pg_get_serial_sequence('sighting', 'id'), max(id)) FROM sighting;

UPDATE wanted SET enlisted_to = NULL;

INSERT INTO tally (source_id, model_version_id, what, reason, n)
SELECT source_id, 0, CAST(state AS text), '', count(*) FROM object GROUP BY source_id, state
UNION ALL SELECT source_id, 0, 'seen', '', count(*) FROM object GROUP BY source_id
UNION ALL SELECT image.source_id, model_version_id, 'scored', coalesce(out_of_distribution, ''),
    count(*)
FROM score JOIN image ON image.id = score.image_id
GROUP BY image.source_id, model_version_id, out_of_distribution;
