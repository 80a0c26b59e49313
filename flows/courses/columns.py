"""Followed films as columns of the tables ``course`` and ``patient_summary``."""

import numpy as np

from db.courses.binary_copy import Column
from flows.courses.following import FollowedFilms, owners
from severity.course.band import band
from severity.course.course import Courses
from severity.course.episodes import since_baselines
from severity.course.series import NOWHERE, Indices, Numbers
from severity.course.verdicts import NO_VERDICT
from severity.domain import Scale

Columns = dict[str, Column]

_SCORES = ("extent", "opacity")
_SUMMARISED = (
    *("person_id", "days", "model_version_id", "parameters_id", "episode", "calendar_known"),
    *(f"{score}_{name}" for score in _SCORES for name in ("worse", "better", "within", "verdict")),
)


def course_columns(followed: FollowedFilms) -> Columns:
    """Return a row of ``course`` for each film."""
    stored, rules = followed.stored, followed.rules
    is_baseline = np.zeros(len(stored), dtype=bool)
    is_baseline[followed.baselines[followed.baselines != NOWHERE]] = True
    return {
        "image_id": stored.image_ids,
        "person_id": stored.person_ids,
        **stored.shown,
        "days": since_baselines(followed.films, followed.baselines),
        "model_version_id": np.full(len(stored), rules.model_version_id, dtype=np.int32),
        "parameters_id": np.full(len(stored), rules.parameters_id, dtype=np.int32),
        **_score_columns("extent", followed.extent, rules.extent_scale),
        **_score_columns("opacity", followed.opacity, rules.opacity_scale),
        "episode": followed.episodes.astype(np.int16),
        "view": stored.views,
        "geographic_extent_raw": stored.extents,
        "opacity_raw": stored.opacities,
        "calendar_known": stored.calendar_known,
        "is_baseline": is_baseline,
    }


def summary_columns(followed: FollowedFilms, courses: Columns) -> Columns:
    """Return a row of ``patient_summary`` for each person: of the latest episode.

    Parameters
    ----------
    courses
        Of `course_columns`.
    """
    stored, latest, owner = followed.stored, _latest(followed), owners(followed.stored)
    series = followed.films.series[latest]
    baselines = followed.baselines[series]
    return {
        **{name: courses[name][latest] for name in _SUMMARISED},
        "baseline_at": np.ma.masked_array(stored.times[baselines], baselines == NOWHERE),
        "latest_at": stored.times[latest],
        "films": np.bincount(owner)[owner[latest]].astype(np.int32),
        "films_in_episode": followed.films.counts[series].astype(np.int32),
        "latest_view": stored.views[latest],
        "latest_eligible": stored.eligible[latest],
        "latest_unlike_processing": ~np.ma.getmaskarray(courses["unlike_processing"])[latest],
        "model_version": np.full(len(latest), followed.rules.model_version.encode()),
        **{
            f"{score}_latest_{name}": courses[f"{score}_{name}"][latest]
            for score in _SCORES
            for name in ("level", "low", "high")
        },
        **_extremes(followed, courses, latest),
    }


def _latest(followed: FollowedFilms) -> Indices:
    """Return each person's latest film: on the calendar, if any film is.

    Of films of one time the one with the largest id, as in the order of a course.
    """
    stored, owner = followed.stored, owners(followed.stored)
    in_order = np.lexsort((stored.image_ids, stored.shown["acquired_at"], owner))
    last_of_owner = in_order[np.diff(owner, append=-1) != 0]
    first_owners = np.diff(stored.person_ids[last_of_owner], prepend=-1) != 0
    latest: Indices = last_of_owner[first_owners]
    return latest


def _extremes(followed: FollowedFilms, courses: Columns, latest: Indices) -> Columns:
    """Return the level at the baseline and the highest level of the episodes of some films."""
    series = followed.films.series[latest]
    baselines = followed.baselines[series]
    columns: Columns = {}
    for score in _SCORES:
        levels = courses[f"{score}_level"]
        columns[f"{score}_baseline_level"] = np.ma.masked_where(
            baselines == NOWHERE, levels[baselines]
        )
        peaks = np.fmax.reduceat(np.ma.getdata(levels), followed.films.starts)
        columns[f"{score}_peak_level"] = _real(peaks[series])
    return columns


def _score_columns(score: str, courses: Courses, scale: Scale) -> Columns:
    level, low, high = band(courses.level, courses.sd, scale)
    smoothed = band(courses.smoothed_level, courses.smoothed_sd, scale)
    verdicts = courses.verdicts.astype(np.int16)
    return {
        f"{score}_level": _real(level),
        f"{score}_low": _real(low),
        f"{score}_high": _real(high),
        f"{score}_smoothed_level": _real(smoothed[0]),
        f"{score}_smoothed_low": _real(smoothed[1]),
        f"{score}_smoothed_high": _real(smoothed[2]),
        f"{score}_worse": _real(courses.worse),
        f"{score}_better": _real(courses.better),
        f"{score}_within": _real(courses.within),
        f"{score}_verdict": np.ma.masked_equal(verdicts, NO_VERDICT),
    }


def _real(numbers: Numbers) -> Column:
    return np.ma.masked_invalid(numbers.astype(np.float32))
