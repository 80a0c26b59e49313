"""Quartiles of the levels of many patients: by day, by group, around the start of treatments."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, TextClause, text
from sqlalchemy.orm import Session

from severity.domain import Scale

DAYS = 60
"""Whole days since the baseline that curves are read for; few episodes are longer."""
MOST_OF_A_GROUP = 2000
"""Patients of one group that its curve rests on: no counter is kept for groups."""


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


def by_group(session: Session, model_version: str, score: str, name: str) -> dict[str, Curve]:
    """Return the same for each group of a grouping, of at most `MOST_OF_A_GROUP` patients each.

    Parameters
    ----------
    name
        Of the grouping, such as ``arm``.
    """
    values = {"model": model_version, "name": name, "days": DAYS, "most": MOST_OF_A_GROUP}
    return _curves(session.execute(_BY_GROUP[score], values))


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


def scales(session: Session, model_version: str) -> dict[str, Scale]:
    """Return the scale of each score of a model version, in points; extent comes first."""
    content = session.scalar(_SCALES, {"model": model_version}) or {}
    return {score: Scale(**ends) for score, ends in sorted(content.items())}


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


def _curves(rows: Iterable[Row[Any]]) -> dict[str, Curve]:
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


def _by_group(column: str) -> TextClause:
    """Return the query by patient, whose images lie together: all of a site would take minutes."""
    return text(
        f"""
        WITH member AS MATERIALIZED (
            SELECT value, patient_key
            FROM patient_groups AS named
            CROSS JOIN LATERAL (
                SELECT patient_key FROM worklist
                WHERE model_version = :model AND groups @> ARRAY[named."group"] LIMIT :most
            ) AS of_group
            WHERE name = :name
        ), levels AS (
            SELECT value, CAST(floor(days_since_baseline) AS integer) AS day, level
            FROM member CROSS JOIN LATERAL (
                SELECT days_since_baseline, {column} AS level FROM patient_course AS course
                WHERE course.patient_key = member.patient_key AND model_version = :model
                    AND out_of_distribution IS NULL
                OFFSET 0
            ) AS own
            WHERE days_since_baseline >= 0 AND days_since_baseline < :days + 1
                AND level IS NOT NULL
        )
        SELECT value, day, count, quartiles[1], quartiles[2], quartiles[3]
        FROM (
            SELECT value, day, count(*) AS count, percentile_cont(ARRAY[0.25, 0.5, 0.75])
                WITHIN GROUP (ORDER BY level) AS quartiles
            FROM levels GROUP BY value, day
        ) AS told
        ORDER BY value, day
        """  # noqa: S608 - a constant
    )


_BY_GROUP = {
    "geographic_extent": _by_group("extent_smoothed_level"),
    "opacity": _by_group("opacity_smoothed_level"),
}

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

_SCALES = text("SELECT scales FROM model_versions WHERE model_version = :model")

_TREATMENTS = text("SELECT CAST(kind AS text), label FROM event_labels ORDER BY label, kind")

_GROUPINGS = text("SELECT DISTINCT name FROM patient_groups ORDER BY name")
