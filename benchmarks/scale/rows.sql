-- The rows of scored images %(first)s to %(last)s, as the product would have left them. Written in
-- order, while all indexes exist: identifiers and hashes come in no order, so that the indexes are
-- as full as they would have become, and not as if they had just been built. Triggers do not run.
SET LOCAL session_replication_role = replica;

CREATE TEMPORARY TABLE batch ON COMMIT DROP AS
SELECT
    n,
    -- Every twentieth image belongs to the study before it.
    n - CASE WHEN mod(n, 20) = 0 THEN 1 ELSE 0 END AS study_n,
    md5('image' || n) AS digits,
    timestamptz '2015-01-01 08:00Z' + make_interval(secs => 30.25 * n) AS at,
    mod(n, 50) = 0 AS is_inverted,
    random() * 8 AS extent
FROM generate_series(CAST(%(first)s AS bigint), CAST(%(last)s AS bigint)) AS n;

-- Ten images a patient.
INSERT INTO patient (id, patient_key) OVERRIDING SYSTEM VALUE
SELECT n / 10, 'p-' || left(md5('patient' || n / 10), 20) FROM batch WHERE mod(n, 10) = 0;

INSERT INTO study (id, patient_id, study_uid) OVERRIDING SYSTEM VALUE
SELECT
    n,
    -- A patient's images come years apart.
    1 + mod(hashint8extended(n, 0) & 9223372036854775807, %(patients)s),
    '1.2.840.113619.2.' || 1 + mod(n, 9) || '.' || translate(md5('study' || n), 'abcdef', '123456')
FROM batch WHERE study_n = n;

INSERT INTO image
    (id, study_id, acquired_at, source_id, acquired_source, view, simulated, acquired_zone,
    image_uid, pixel_sha256) OVERRIDING SYSTEM VALUE
SELECT n, study_n, at, %(source)s, 'acquisition_date_and_time',
    CASE WHEN mod(n, 3) = 0 THEN 'AP' ELSE 'PA' END::projection, false, 'Europe/Berlin',
    '1.2.840.113619.2.' || 1 + mod(n, 9) || '.' || translate(digits, 'abcdef', '123456'),
    sha256(CAST('pixels' || n AS bytea))
FROM batch;

INSERT INTO object
    (id, image_id, source_id, run_id, decided_at, state, content_sha256, record_sha256)
    OVERRIDING SYSTEM VALUE
SELECT n, n, %(source)s, %(run)s, at, 'accepted', sha256(CAST('content' || n AS bytea)), ''
FROM batch;

INSERT INTO sighting
    (id, object_id, seen_at, source_id, key_digest, fingerprint, object_key) OVERRIDING SYSTEM VALUE
SELECT n, n, at, %(source)s, CAST(md5(object_key) AS uuid),
    CAST(md5('fingerprint' || n) AS uuid), object_key
FROM batch, concat(to_char(at, 'YYYY/MM/DD/'), digits, '.dcm') AS object_key;

INSERT INTO score
    (image_id, model_version_id, run_id, scored_at, geographic_extent, opacity,
    geographic_extent_raw, opacity_raw, distance, distance_reference, out_of_distribution,
    processing_distance, processing_reference)
SELECT n, %(model)s, %(run)s, at, extent, extent * 0.7, extent, extent * 0.7,
    CASE WHEN is_inverted THEN 1 + random() ELSE random() END, 'frontal-2-01234567',
    CASE WHEN is_inverted THEN 'inverted' END, random(), 'processing-1-01234567'
FROM batch;

INSERT INTO score_output (image_id, model_version_id, output_names_id, numbers)
SELECT n, %(model)s, %(names)s,
    -- It mentions the image, else one array would serve all.
    ARRAY(SELECT CAST(random() * 6 - 3 + n * 0 AS real) FROM generate_series(1, 18))
FROM batch;
