"""Quartiles of the levels of many patients: by day, by group, around the start of treatments."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

DAYS = 60
"""Whole days since the baseline that curves are read for; few episodes are longer."""
MOST_PATIENTS = 2000
"""Patients that curves by group rest on, shared by the groups: no counter is kept for these."""
MOST_GROUPS = 50
"""Groups of one grouping that have a curve: names that number patients are no groups."""


@dataclass(frozen=True)
class CohortDay:
    """The levels of one day, in points: how many, and their quartiles.

    ``count`` is of images, or of treatments after whose start the day lies. ``change_median`` is
    that of the change since just before the treatment, None on day 0 and where there is none.
    """

    day: int
    count: int
    lower_quartile: float
    median: float
    upper_quartile: float
    change_median: float | None = None


@dataclass(frozen=True)
class Treatment:
    """What events are of: a kind (drug, procedure, stay, other) and a label."""

    kind: str
    label: str


Curve = tuple[CohortDay, ...]
"""Days in order."""


def by_day(session: Session, model_version: str, score: str) -> Curve:
    """Return the levels of all patients by day since the baseline of their episode."""
    values = {"model": model_version, "score": score, "days": DAYS}
    return _curve(session.execute(_BY_DAY, values))


def by_group(session: Session, model_version: str, name: str) -> dict[str, dict[str, Curve]]:
    """Return the same for each score and each group of a grouping.

    Of at most `MOST_PATIENTS` patients, the same number of each group.

    Parameters
    ----------
    name
        Of the grouping, such as ``arm``.
    """
    groups = session.execute(_GROUPS, {"name": name, "most": MOST_GROUPS}).all()
    values = {
        "model": model_version,
        "groups": [group for group, _ in groups],
        "values": [value for _, value in groups],
        "days": DAYS,
        "most": MOST_PATIENTS // max(len(groups), 1),
    }
    rows = session.execute(_BY_GROUP, values).all()
    return {
        score: _curves(row[1:] for row in rows if row.score == score)
        for score in ("geographic_extent", "opacity")
    }


def after_treatment(
    session: Session, model_version: str, score: str, treatment: Treatment
) -> Curve:
    """Return the levels just before all treatments of one label (day 0), and days after."""
    return _curve(session.execute(_AFTER, _values(model_version, score, treatment)))


def after_treatment_by_group(
    session: Session, model_version: str, score: str, treatment: Treatment, *, name: str
) -> dict[str, Curve]:
    """Return the same for each group of a grouping."""
    values = _values(model_version, score, treatment) | {"name": name}
    return _curves(session.execute(_AFTER_BY_GROUP, values))


def treatments(session: Session) -> list[Treatment]:
    """List the treatments that any patient had, by label."""
    return [Treatment(*row) for row in session.execute(_TREATMENTS)]


def groupings(session: Session) -> list[str]:
    """List the groupings that patients have groups of, such as ``arm``."""
    return list(session.scalars(_GROUPINGS))


def _values(model_version: str, score: str, treatment: Treatment) -> dict[str, object]:
    return {
        "model": model_version,
        "score": score,
        "kind": treatment.kind,
        "label": treatment.label,
    }


def _curve(rows: Iterable[Row[Any]]) -> Curve:
    return tuple(CohortDay(*row) for row in rows)


def _curves(rows: Iterable[Sequence[Any]]) -> dict[str, Curve]:
    """Return curves by group, from rows that begin with it."""
    by_value: dict[str, list[CohortDay]] = {}
    for value, *day in rows:
        by_value.setdefault(value, []).append(CohortDay(*day))
    return {value: tuple(days) for value, days in by_value.items()}


_BY_DAY = text(
    """
    SELECT day, films, lower_quartile, median, upper_quartile FROM cohort_course
    WHERE model_version = :model AND score = :score AND day <= :days
    ORDER BY day
    """
)


_GROUPS = text(
    'SELECT "group", value FROM patient_groups WHERE name = :name ORDER BY value LIMIT :most'
)

# By patient, whose images lie together: all of a site would take minutes.
_BY_GROUP = text(
    """
    WITH member AS MATERIALIZED (
        SELECT value, patient_key
        FROM unnest(CAST(:groups AS text[]), CAST(:values AS text[])) AS named (of_group, value)
        CROSS JOIN LATERAL (
            SELECT patient_key FROM worklist
            WHERE model_version = :model AND groups @> ARRAY[of_group] LIMIT :most
        ) AS patient
    ), levels AS MATERIALIZED (
        SELECT value, CAST(floor(days) AS integer) AS day, extent, opacity
        FROM member CROSS JOIN LATERAL (
            SELECT days_since_baseline AS days, extent_smoothed_level AS extent,
                opacity_smoothed_level AS opacity
            FROM patient_course AS course
            WHERE course.patient_key = member.patient_key AND model_version = :model
                AND out_of_distribution IS NULL
            OFFSET 0
        ) AS own
        WHERE days >= 0 AND days < :days + 1 AND extent IS NOT NULL
    ), quartile AS (
        SELECT value, day, count(*) AS films,
            percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY extent) AS extent,
            percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY opacity) AS opacity
        FROM levels GROUP BY value, day
    )
    SELECT score, value, day, films, points[1], points[2], points[3]
    FROM quartile
    CROSS JOIN LATERAL (
        VALUES ('geographic_extent', extent), ('opacity', opacity)
    ) AS by_score (score, points)
    ORDER BY value, day
    """
)

_AFTER = text(
    """
    SELECT day, treatments, lower_quartile, median, upper_quartile, change_median
    FROM cohort_response
    WHERE model_version = :model AND score = :score AND kind = CAST(:kind AS event_kind)
        AND label = :label
    ORDER BY day
    """
)

_AFTER_BY_GROUP = text(
    """
    SELECT group_value, day, treatments, lower_quartile, median, upper_quartile, change_median
    FROM cohort_response_by_group
    WHERE model_version = :model AND score = :score AND kind = CAST(:kind AS event_kind)
        AND label = :label AND group_name = :name
    ORDER BY group_value, day
    """
)

_TREATMENTS = text("SELECT CAST(kind AS text), label FROM event_labels ORDER BY label, kind")

_GROUPINGS = text("SELECT DISTINCT name FROM patient_groups ORDER BY name")
