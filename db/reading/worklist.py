"""The worklist: patients by the probability that they are worse, filtered, page by page."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from db.reading.courses import Band
from severity.domain import Verdict, View

RECENT = 12
"""The most levels of one patient that a page shows, for a sparkline."""


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
    day 0. ``images`` counts the patient's dated, valid images. ``recent`` are the times and levels
    of extent of the episode's last images, oldest first, at most `RECENT`.
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
    recent: tuple[tuple[datetime, float], ...] = ()


@dataclass(frozen=True)
class WorklistPage:
    """Some rows of a worklist, those who are most probably worse first.

    ``next`` is where the next page starts, None if there is none; ``total`` counts the rows of all
    pages, None where that would take long.
    """

    rows: tuple[WorklistRow, ...]
    next: str | None = None
    total: int | None = None


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
        ``after`` is no ``next`` of a page.
    """
    worsening, patient_key = (None, "") if after is None else _place(after)
    values = {
        **vars(chosen),
        "limit": limit + 1,
        "is_first": after is None,
        "worsening": worsening,
        "patient": patient_key,
    }
    found = session.execute(_PAGE, values).all()
    rows = found[:limit]
    recent = _recent(session, chosen.model_version, [row.patient_key for row in rows])
    following = _cursor(rows[-1]) if len(found) > limit else None
    return WorklistPage(
        tuple(_row(row, recent[row.patient_key]) for row in rows),
        following,
        len(rows) if after is None and following is None else None,
    )


def groups(session: Session, model_version: str) -> list[str]:
    """List the groups that patients of a worklist belong to, such as ``arm=placebo``."""
    return list(session.scalars(_GROUPS, {"model": model_version}))


def _cursor(row: Row[Any]) -> str:
    """Return where the page after a row starts."""
    return urlsafe_b64encode(json.dumps([row.extent_worse, row.patient_key]).encode()).decode()


def _place(cursor: str) -> tuple[float | None, str]:
    """Return the probability and the key of the row that a page starts after."""
    try:
        worsening, patient_key = json.loads(urlsafe_b64decode(cursor))
        return None if worsening is None else float(worsening), str(patient_key)
    except (NotBase64, TypeError, ValueError) as error:
        raise ValueError("that is no place in a worklist") from error


def _recent(
    session: Session, model_version: str, patient_keys: Sequence[str]
) -> defaultdict[str, list[tuple[datetime, float]]]:
    """Read the last levels of patients in their latest episodes, oldest first."""
    levels: defaultdict[str, list[tuple[datetime, float]]] = defaultdict(list)
    values = {"model": model_version, "patients": list(patient_keys), "most": RECENT}
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
        recent=tuple(recent),
    )


def _band(level: float | None, low: float | None, high: float | None) -> Band | None:
    return None if level is None or low is None or high is None else Band(level, low, high)


_PAGE = text(
    """
    SELECT patient_key, verdict, extent_worse, latest_at, latest_view, films, calendar_known,
        latest_out_of_distribution, extent_latest_level, extent_latest_low, extent_latest_high,
        opacity_latest_level, opacity_latest_low, opacity_latest_high
    FROM worklist
    WHERE model_version = :model_version
        AND (CAST(:verdict AS text) IS NULL OR verdict = :verdict)
        AND (
            CAST(:since AS timestamptz) IS NULL OR calendar_known AND latest_at >= :since
        )
        AND (CAST(:view AS text) IS NULL OR CAST(latest_view AS text) = :view)
        AND (CAST(:group AS text) IS NULL OR patient_key IN (
            SELECT patient_key FROM patient_group WHERE "group" = :group
        ))
        AND (
            :is_first
            OR extent_worse < CAST(:worsening AS real)
            OR extent_worse IS NOT DISTINCT FROM CAST(:worsening AS real) AND patient_key > :patient
            OR extent_worse IS NULL AND CAST(:worsening AS real) IS NOT NULL
        )
    ORDER BY extent_worse DESC NULLS LAST, patient_key
    LIMIT :limit
    """
)

_RECENT = text(
    """
    SELECT patient_key, acquired_at, extent_level
    FROM unnest(CAST(:patients AS text[])) AS asked (patient_key)
    CROSS JOIN LATERAL (
        SELECT acquired_at, extent_level, image_id
        FROM worklist
        JOIN patient_course USING (patient_key, model_version, calendar_known, episode)
        WHERE patient_key = asked.patient_key AND model_version = :model
            AND extent_level IS NOT NULL
        ORDER BY acquired_at DESC, image_id DESC LIMIT :most
    ) AS latest
    ORDER BY acquired_at, image_id
    """
)

_GROUPS = text(
    """
    SELECT DISTINCT "group" FROM patient_group
    WHERE patient_key IN (SELECT patient_key FROM worklist WHERE model_version = :model)
    ORDER BY 1
    """
)
