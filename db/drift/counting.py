"""Counting the films that triggers left: into the sums of their nights, and into repeats."""

from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.orm import Session

_COUNTING = 7_205_991_846_306_021_003  # an arbitrary constant of this project
_PORTION = 5_000


def count_due(session: Session, *, portion: int = _PORTION) -> int:
    """Count films that are due: what came, went or was corrected since the last call.

    Safe to repeat and to interrupt: each portion is counted whole or stays due.

    Returns
    -------
    How many rows were counted; fewer than ``portion`` once nothing is due.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _COUNTING})
    rows = session.execute(_COUNT, {"portion": portion}).all()
    by_version: dict[int, list[int]] = {}
    for image_id, model_version_id in rows:
        by_version.setdefault(model_version_id, []).append(image_id)
    for model_version_id, images in by_version.items():
        _find_repeats(session, {"model": model_version_id, "images": images})
    return len(rows)


def _find_repeats(session: Session, values: Mapping[str, object]) -> None:
    """Find the repeats of the persons whose images these are, or were, again."""
    touched = list(session.scalars(_TOUCHED, values))
    films = list(session.scalars(_OF_THEIR_PERSONS, {"images": touched}))
    of_persons = {"model": values["model"], "images": sorted({*touched, *films})}
    session.execute(_TAKE_PAIRS, of_persons)
    session.execute(_ADD_PAIRS, of_persons)


# Adds up the rows of `counted`, in millionths. An outlier of any size counts as the largest that is
# plausible: squares would not fit otherwise.
_ADD_UP = """
    INSERT INTO drift_night AS kept
        (model_version_id, device_id, day, view, measure, reference, films, total, squares)
    SELECT model_version_id, device_id, day, view, measure, reference, sum(sign),
        sum(sign * CAST(round(CAST(value * 1e6 AS numeric)) AS bigint)),
        sum(sign * CAST(round(CAST(value * value * 1e6 AS numeric)) AS bigint))
    FROM counted
    GROUP BY model_version_id, device_id, day, view, measure, reference
    ON CONFLICT ON CONSTRAINT pk_drift_night DO UPDATE SET
        films = kept.films + excluded.films, total = kept.total + excluded.total,
        squares = kept.squares + excluded.squares
"""

_COUNT = text(
    f"""
    WITH taken AS (
        DELETE FROM drift_due
        WHERE id IN (SELECT id FROM drift_due ORDER BY id LIMIT :portion)
        RETURNING *
    ), counted AS (
        SELECT model_version_id, device_id, day, view, sign, measure, reference,
            greatest(least(value, 100), -100) AS value
        FROM taken CROSS JOIN LATERAL (
            VALUES
                ('geographic_extent', '', geographic_extent),
                ('opacity', '', opacity),
                (
                    'distance', distance_reference,
                    -- A distance of nothing has no logarithm.
                    CASE WHEN distance IS NOT NULL THEN ln(greatest(distance, 1e-6)) END
                )
        ) AS measured (measure, reference, value)
        WHERE value IS NOT NULL AND sign <> 0
    ), added AS ({_ADD_UP})
    SELECT image_id, model_version_id FROM taken
    """  # noqa: S608 - a constant
)

_TOUCHED = text(
    """
    SELECT unnest(CAST(:images AS bigint[]))
    UNION SELECT image_id FROM repeat_pair WHERE earlier_id = ANY (CAST(:images AS bigint[]))
    UNION SELECT earlier_id FROM repeat_pair WHERE image_id = ANY (CAST(:images AS bigint[]))
    """
)

_OF_THEIR_PERSONS = text(
    """
    SELECT image.id
    FROM patient JOIN study ON study.patient_id = patient.id JOIN image ON image.study_id = study.id
    WHERE person_id = ANY (ARRAY(
        SELECT person_id
        FROM image JOIN study ON study.id = image.study_id JOIN patient ON patient.id = patient_id
        WHERE image.id = ANY (CAST(:images AS bigint[]))
    ))
    """
)

_TAKE_PAIRS = text(
    f"""
    WITH counted AS (
        DELETE FROM repeat_pair
        WHERE image_id = ANY (CAST(:images AS bigint[])) AND model_version_id = :model
        RETURNING model_version_id, device_id, day, view, 'error' AS measure, '' AS reference,
            error AS value, -1 AS sign
    )
    {_ADD_UP}
    """  # noqa: S608 - a constant
)

_ADD_PAIRS = text(
    f"""
    WITH films AS (
        SELECT image.id AS image_id, score.model_version_id, device_id, view, acquired_at,
            is_date_alone(acquired_source)
                OR lag(is_date_alone(acquired_source)) OVER one_after_another AS by_date,
            geographic_extent_raw AS extent,
            lag(image.id) OVER one_after_another AS earlier_id,
            lag(geographic_extent_raw) OVER one_after_another AS earlier_extent,
            lag(acquired_at) OVER one_after_another AS earlier_at
        FROM image
        JOIN score ON score.image_id = image.id AND score.model_version_id = :model
        JOIN study ON study.id = image.study_id
        JOIN patient ON patient.id = study.patient_id
        WHERE image.id = ANY (CAST(:images AS bigint[]))
            AND standing = 'valid' AND NOT simulated AND out_of_distribution IS NULL
            AND acquired_source NOT IN ('unknown', 'sidecar_offset')
        WINDOW one_after_another AS (
            PARTITION BY person_id, device_id, view ORDER BY acquired_at, image.id
        )
    ), counted AS (
        INSERT INTO repeat_pair
            (image_id, earlier_id, model_version_id, device_id, day, view, error)
        SELECT image_id, earlier_id, model_version_id, coalesce(device_id, 0),
            CAST(acquired_at AT TIME ZONE 'UTC' AS date), view, sqrt(abs(extent - earlier_extent))
        FROM films
        -- Of a film of which the date alone is known, and one of the next day, nobody knows.
        WHERE acquired_at - earlier_at <= interval '24 hours'
            AND (NOT by_date OR acquired_at - earlier_at < interval '23 hours')
        RETURNING model_version_id, device_id, day, view, 'error' AS measure, '' AS reference,
            error AS value, 1 AS sign
    )
    {_ADD_UP}
    """  # noqa: S608 - a constant
)
