"""Scores get intervals and an out-of-distribution check, model versions measurement errors.

Intervals, the distance from the reference distribution and triage are NULL in scores that were
written before, and stay so: they are measured only when an image is scored. Views gain columns
at their ends; an image that is out of distribution is shown, but left out of comparisons.

Revision ID: 0003
"""

from alembic import op

revision = "0003"
down_revision = "0002"

# One statement a table: no row is rewritten, and the constraints share one reading of it.
SCORE = """
ALTER TABLE score
    ADD COLUMN extent_low float8,
    ADD COLUMN extent_high float8,
    ADD COLUMN opacity_low float8,
    ADD COLUMN opacity_high float8,
    ADD COLUMN likeness_reference varchar,
    ADD COLUMN likeness_distance float8,
    ADD COLUMN unlike varchar,
    ADD COLUMN triage jsonb,
    -- Prevent an interval with one end, which would be read as open.
    ADD CONSTRAINT ck_score_extent_ends CHECK (num_nulls(extent_low, extent_high) <> 1),
    ADD CONSTRAINT ck_score_opacity_ends CHECK (num_nulls(opacity_low, opacity_high) <> 1),
    -- Prevent an interval that its own score lies outside of, and NaN for an end.
    ADD CONSTRAINT ck_score_extent_interval CHECK (
        0 <= extent_low AND extent_low <= geographic_extent
        AND geographic_extent <= extent_high AND extent_high <= 8
    ),
    ADD CONSTRAINT ck_score_opacity_interval CHECK (
        0 <= opacity_low AND opacity_low <= opacity
        AND opacity <= opacity_high AND opacity_high <= 8
    ),
    -- Prevents a distance without the reference distribution that it is from.
    ADD CONSTRAINT ck_score_likeness CHECK (
        num_nulls(likeness_reference, likeness_distance) <> 1
    ),
    -- Prevents NaN and infinity, with which every image would be out of distribution.
    ADD CONSTRAINT ck_score_distance CHECK (
        0 <= likeness_distance AND likeness_distance < 'infinity'
    ),
    -- Prevents an image within the limit, or without a distance, from being flagged.
    ADD CONSTRAINT ck_score_unlike CHECK (
        unlike IS NULL OR coalesce(likeness_distance > 1, false)
    )
"""

MODEL_VERSION = """
ALTER TABLE model_version
    ADD COLUMN calibration_sha256 varchar,
    ADD COLUMN measurement_error jsonb,
    -- Prevents a calibrated version without its errors: the row is never updated, so its
    -- trends would have no direction for good.
    ADD CONSTRAINT ck_model_version_calibrated CHECK (
        (calibration_sha256 IS NULL) = (measurement_error IS NULL)
    )
"""


def _smallest(score: str) -> str:
    return f"CAST(measurement_error #>> '{{{score},smallest_detectable_change}}' AS float8)"


def _direction(change: str, smallest: str) -> str:
    """Return SQL for the direction of a change; NULL where either is unknown."""
    return (
        f"CASE WHEN {change} > {smallest} THEN 'worse'"
        f" WHEN {change} < -{smallest} THEN 'better'"
        f" WHEN abs({change}) <= {smallest} THEN 'stable' END"
    )


def _directions(score: str) -> str:
    smallest = f"{score}_smallest_detectable_change"
    return f"""
    -- The baseline has no previous one, and no direction from itself.
    CASE WHEN {score}_from_previous IS NOT NULL THEN
        {_direction(f"{score}_from_baseline", smallest)}
    END AS {score}_direction_from_baseline,
    {_direction(f"{score}_from_previous", smallest)} AS {score}_direction_from_previous"""


# An image that is out of distribution is compared with none: its window is one of its own.
PATIENT_TREND = f"""
CREATE OR REPLACE VIEW patient_trend AS
SELECT compared.*,{_directions("extent")},{_directions("opacity")}
FROM (
    SELECT
        patient.patient_key,
        model_version.key AS model_version,
        -- Days since an unknown day 0 and calendar dates are two axes: never joined.
        score.acquired_source <> 'sidecar_offset' AS calendar_known,
        score.acquired_at,
        score.acquired_source,
        -- Orders images of one time; their identifiers stay inside.
        row_number() OVER course AS place,
        image.view,
        image.simulated,
        score.geographic_extent,
        score.opacity,
        extract(epoch FROM score.acquired_at - coalesce(
            min(score.acquired_at) FILTER (WHERE score.unlike IS NULL) OVER whole_course,
            min(score.acquired_at) OVER whole_course
        )) / 86400 AS days_since_baseline,
        CASE WHEN score.unlike IS NULL THEN
            score.geographic_extent - first_value(score.geographic_extent) OVER alike
        END AS extent_from_baseline,
        CASE WHEN score.unlike IS NULL THEN
            score.opacity - first_value(score.opacity) OVER alike
        END AS opacity_from_baseline,
        CASE WHEN score.unlike IS NULL THEN
            score.geographic_extent - lag(score.geographic_extent) OVER alike
        END AS extent_from_previous,
        CASE WHEN score.unlike IS NULL THEN
            score.opacity - lag(score.opacity) OVER alike
        END AS opacity_from_previous,
        CASE WHEN score.unlike IS NULL THEN
            score.geographic_extent - max(score.geographic_extent) OVER alike
        END AS extent_from_peak,
        CASE WHEN score.unlike IS NULL THEN
            score.opacity - max(score.opacity) OVER alike
        END AS opacity_from_peak,
        -- From the image that it is compared with.
        score.unlike IS NULL AND coalesce(image.view <> lag(image.view) OVER alike, false)
            AS view_changed,
        score.scored_at,
        score.extent_low,
        score.extent_high,
        score.opacity_low,
        score.opacity_high,
        score.likeness_distance,
        score.unlike,
        {_smallest("geographic_extent")} AS extent_smallest_detectable_change,
        {_smallest("opacity")} AS opacity_smallest_detectable_change
    FROM score
    JOIN image ON image.id = score.image_id
    JOIN patient ON patient.id = score.patient_id
    JOIN model_version ON model_version.id = score.model_version_id
    WHERE score.acquired_at IS NOT NULL
    WINDOW
        whole_course AS (
            PARTITION BY
                patient.patient_key, model_version.key, score.acquired_source <> 'sidecar_offset'
        ),
        course AS (whole_course ORDER BY score.acquired_at, image.image_uid),
        alike AS (
            PARTITION BY
                patient.patient_key, model_version.key, score.acquired_source <> 'sidecar_offset',
                score.unlike IS NULL
            ORDER BY score.acquired_at, image.image_uid
        )
) AS compared
"""  # noqa: S608 - no value of a user is in it

BALANCE = """
CREATE OR REPLACE VIEW balance AS
SELECT
    model_version.key AS model_version,
    (
        SELECT count(*) FROM ledger WHERE ledger.model_version_id = model_version.id
    ) AS seen,
    (
        SELECT count(*) FROM score WHERE score.model_version_id = model_version.id
    ) AS scored,
    (
        SELECT count(*) FROM ledger
        WHERE ledger.model_version_id = model_version.id AND state = 'quarantined'
    ) AS rejected,
    (
        SELECT count(*) FROM ledger
        WHERE ledger.model_version_id = model_version.id AND state IN ('waiting', 'claimed')
    ) AS pending,
    (
        SELECT count(*) FROM score
        WHERE score.model_version_id = model_version.id AND unlike IS NOT NULL
    ) AS unlike
FROM model_version
"""

MODEL_VERSIONS = f"""
CREATE OR REPLACE VIEW model_versions AS
SELECT key AS model_version, name, weights_sha256, head_sha256, preprocessing, precision, scales,
    registered_at, calibration_sha256,
    {_smallest("geographic_extent")} AS extent_smallest_detectable_change,
    {_smallest("opacity")} AS opacity_smallest_detectable_change
FROM model_version
"""  # noqa: S608 - no value of a user is in it


def upgrade() -> None:
    for statement in (SCORE, MODEL_VERSION, PATIENT_TREND, BALANCE, MODEL_VERSIONS):
        op.execute(statement)
