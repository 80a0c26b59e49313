"""The worklist: patients by the probability that they are worse, filtered, page by page."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from db.reading import patients
from db.reading.courses import Band
from severity.domain import Verdict, View

RECENT = 12
"""The most levels of one patient that a page shows, for a sparkline."""

GROUPS = 200
"""The most groups that are listed."""

_LONGEST_CURSOR = 400  # characters: a key and a number
_FARTHEST = 1e30  # beyond any order
_NO_PLACE = "that is no place in a worklist"


@dataclass(frozen=True)
class WorklistFilter:
    """Which patients a worklist has: those scored by one model version, in their latest episode.

    Parameters
    ----------
    verdict
        Of extent at the latest image; None for any, and for those who have none.
    since
        Only patients whose latest image was taken then or later. Days since an unknown day 0 are
        no date, and left out.
    group
        A group that patients belong to, as `groups` names it.
    view
        Of the latest image.
    """

    model_version: str
    verdict: str | None = None
    since: datetime | None = None
    group: str | None = None
    view: str | None = None


@dataclass(frozen=True)
class WorklistRow:
    """A patient's latest episode, compared with its baseline.

    ``worsening`` is the probability that the level of extent at the latest image is above that of
    the baseline by more than the margin; it and ``verdict`` are None while nothing follows the
    baseline. ``extent`` and ``opacity`` are the levels at the latest image, None where no image of
    the episode is in distribution. Without ``calendar_known``, times are days since an unknown
    day 0; without ``latest_time_known``, that of the latest image is the midnight of its date, and
    ``latest_zone`` the time zone that it was read in. ``images`` counts the patient's dated, valid
    images, ``waiting`` the accepted ones that the model version has not scored yet. Where
    ``is_due``, newer scores, corrections, treatments or choices are not in it yet. ``recent`` are
    the times and levels of extent of the episode's last images, oldest first, at most `RECENT`.
    """

    patient_key: str
    verdict: Verdict | None
    worsening: float | None
    extent: Band | None
    opacity: Band | None
    latest_at: datetime
    latest_view: View
    images: int
    calendar_known: bool = True
    latest_out_of_distribution: bool = False
    latest_unlike_processing: bool = False
    latest_time_known: bool = True
    latest_zone: str = "UTC"
    waiting: int = 0
    is_due: bool = False
    recent: tuple[tuple[datetime, float], ...] = ()


@dataclass(frozen=True)
class WorklistPage:
    """Some rows of a worklist: who is most probably worse first, then who has no verdict.

    ``next`` is where the next page starts, None if there is none.
    """

    rows: tuple[WorklistRow, ...]
    next: str | None = None


def worklist_page(
    session: Session, chosen: WorklistFilter, *, limit: int = 50, after: str | None = None
) -> WorklistPage:
    """Read a page of the worklist: patients by the probability that they are worse.

    Parameters
    ----------
    limit
        The most rows.
    after
        The ``next`` of the page before; None for the first page. A patient whose courses change
        meanwhile may be on two pages or on none.

    Raises
    ------
    ValueError
        There is no such verdict or view, or ``after`` is no ``next`` of a page.
    """
    order, patient_key = _BEGINNING if after is None else _place(after)
    values = {**_checked(chosen), "limit": limit + 1, "order": order, "patient": patient_key}
    following = session.execute(_PAGE, values).all()
    rows = following[:limit]
    recent = _recent(session, chosen.model_version, rows)
    keys = [row.patient_key for row in rows]
    waits = patients.waiting(session, keys, chosen.model_version)
    due = patients.due(session, keys, chosen.model_version)
    return WorklistPage(
        tuple(
            replace(
                _row(row, recent[row.patient_key]),
                waiting=waits[row.patient_key],
                is_due=row.patient_key in due,
            )
            for row in rows
        ),
        next=_cursor(rows[-1]) if len(following) > limit else None,
    )


def groups(session: Session, model_version: str) -> list[str]:
    """List the groups that patients belong to, such as ``arm=placebo``; none of an empty worklist.

    Where there are more than `GROUPS`, some are left out: names that number patients are no groups.
    """
    return list(session.scalars(_GROUPS, {"model": model_version, "most": GROUPS}))


def _checked(chosen: WorklistFilter) -> dict[str, object]:
    """Return the values of a filter; raise ValueError if there is no such verdict or view."""
    return {
        **vars(chosen),
        "verdict": None if chosen.verdict is None else Verdict(chosen.verdict).value,
        "view": None if chosen.view is None else View(chosen.view).value,
    }


def _cursor(row: Row[Any]) -> str:
    """Return where the page after a row starts."""
    return urlsafe_b64encode(json.dumps([row.worklist_order, row.patient_key]).encode()).decode()


def _place(cursor: str) -> tuple[float, str]:
    """Return the order and the key of the row that a page starts after."""
    if len(cursor) > _LONGEST_CURSOR:
        raise ValueError(_NO_PLACE)
    try:
        order, patient_key = json.loads(urlsafe_b64decode(cursor))
    except (NotBase64, TypeError, ValueError) as error:
        raise ValueError(_NO_PLACE) from error
    # A bool would be an int, too; NaN and the infinities are nowhere.
    is_order = type(order) in {int, float} and -_FARTHEST < order < _FARTHEST
    if not (is_order and isinstance(patient_key, str) and patient_key.isprintable()):
        raise ValueError(_NO_PLACE)
    return float(order), patient_key


def _recent(
    session: Session, model_version: str, rows: Sequence[Row[Any]]
) -> defaultdict[str, list[tuple[datetime, float]]]:
    """Read the last levels of patients in their latest episodes, oldest first."""
    values = {
        "model": model_version,
        "patients": [row.patient_key for row in rows],
        "episodes": [row.episode for row in rows],
        "calendar_known": [row.calendar_known for row in rows],
        "most": RECENT,
    }
    levels: defaultdict[str, list[tuple[datetime, float]]] = defaultdict(list)
    for patient_key, at, level in session.execute(_RECENT, values):
        levels[patient_key].append((at, level))
    return levels


def _row(row: Row[Any], recent: Sequence[tuple[datetime, float]]) -> WorklistRow:
    return WorklistRow(
        row.patient_key,
        None if row.verdict is None else Verdict(row.verdict),
        row.extent_worse,
        _band(row.extent_latest_level, row.extent_latest_low, row.extent_latest_high),
        _band(row.opacity_latest_level, row.opacity_latest_low, row.opacity_latest_high),
        row.latest_at,
        View(row.latest_view),
        row.films,
        calendar_known=row.calendar_known,
        latest_out_of_distribution=row.latest_out_of_distribution,
        latest_unlike_processing=row.latest_unlike_processing,
        latest_time_known=row.time_of_day_known,
        latest_zone=row.acquired_zone,
        recent=tuple(recent),
    )


def _band(level: float | None, low: float | None, high: float | None) -> Band | None:
    return None if level is None or low is None or high is None else Band(level, low, high)


_BEGINNING = (float("-inf"), "")

# First which rows, from an index alone that has all that is asked for; then what they contain.
_PAGE = text(
    """
    WITH chosen AS MATERIALIZED (
        SELECT worklist_order, patient_key FROM worklist
        WHERE model_version = :model_version
            AND (worklist_order, patient_key) > (CAST(:order AS float8), :patient)
            AND (CAST(:verdict AS text) IS NULL OR verdict = :verdict)
            AND (CAST(:since AS timestamptz) IS NULL OR calendar_known AND latest_at >= :since)
            AND (CAST(:view AS projection) IS NULL OR latest_view = :view)
            AND (CAST(:group AS text) IS NULL OR groups @> ARRAY[CAST(:group AS text)])
        ORDER BY worklist_order, patient_key
        LIMIT :limit
    )
    SELECT patient_key, verdict, extent_worse, latest_at, latest_view, films, calendar_known,
        episode, latest_out_of_distribution, latest_unlike_processing, extent_latest_level,
        extent_latest_low, extent_latest_high, opacity_latest_level, opacity_latest_low,
        opacity_latest_high, worklist_order, coalesce(time_of_day_known, true) AS time_of_day_known,
        coalesce(acquired_zone, 'UTC') AS acquired_zone
    FROM chosen JOIN worklist USING (worklist_order, patient_key)
    LEFT JOIN LATERAL (
        -- None for a moment, where a person has just withdrawn the image.
        SELECT time_of_day_known, acquired_zone FROM patient_course AS course
        WHERE course.patient_key = worklist.patient_key AND course.model_version = :model_version
            AND course.acquired_at = latest_at AND course.calendar_known = worklist.calendar_known
        ORDER BY image_id DESC LIMIT 1
    ) AS latest ON true
    WHERE model_version = :model_version
    ORDER BY worklist_order, patient_key
    """
)

_RECENT = text(
    """
    SELECT patient_key, acquired_at, extent_level
    FROM unnest(
        CAST(:patients AS text[]), CAST(:episodes AS smallint[]), CAST(:calendar_known AS boolean[])
    ) AS latest (patient_key, episode, calendar_known)
    CROSS JOIN LATERAL (
        SELECT acquired_at, extent_level, image_id
        FROM patient_course AS course
        WHERE course.patient_key = latest.patient_key AND model_version = :model
            AND course.episode = latest.episode AND course.calendar_known = latest.calendar_known
            AND extent_level IS NOT NULL
        ORDER BY acquired_at DESC, image_id DESC LIMIT :most
    ) AS recent
    ORDER BY acquired_at, image_id
    """
)

_GROUPS = text(
    """
    SELECT "group" FROM patient_groups
    WHERE EXISTS (SELECT FROM worklist WHERE model_version = :model)
    LIMIT :most
    """
)
