"""Responses to treatments as columns of the table ``response``.

They describe how the level went around the start of a treatment, and are no effect of it: who is
treated is sicker, or believed to be (confounding by indication).
"""

from dataclasses import replace

import numpy as np

from db.courses.binary_copy import Column
from db.courses.films import StoredFilms
from db.events import EventStarts
from flows.courses.following import FollowedFilms
from severity.course.band import band, half_width
from severity.course.response import DAYS, Responses, Treatments, last_films, respond
from severity.course.series import Indices, Numbers
from severity.domain import Scale

_MICROSECONDS_A_DAY = 86_400_000_000


def response_columns(followed: FollowedFilms, events: EventStarts) -> dict[str, Column]:
    """Return a row of ``response`` for each day of each treatment that a course can tell of.

    A film in distribution lies up to its start and one after it, in one episode.
    """
    places, treatments = _treatments(followed, events)
    films, rules = followed.films, followed.rules
    extent = respond(films, treatments, rules.parameters.geographic_extent)
    opacity_films = replace(films, points=followed.stored.opacities)
    opacity = respond(opacity_films, treatments, rules.parameters.opacity)
    days, count = np.array(DAYS, dtype=np.int16), len(places) * len(DAYS)
    last = (last_films(films)[treatments.series] - treatments.starts)[:, None]
    return {
        "event_id": np.repeat(events.event_ids[places], len(DAYS)),
        "label_id": np.repeat(events.label_ids[places], len(DAYS)),
        "person_id": np.repeat(events.person_ids[places], len(DAYS)),
        "model_version_id": np.full(count, rules.model_version_id, dtype=np.int32),
        "parameters_id": np.full(count, rules.parameters_id, dtype=np.int32),
        "day": np.tile(days, len(places)),
        "is_extrapolated": (days > last).ravel(),
        **_score_columns("extent", extent, rules.extent_scale),
        **_score_columns("opacity", opacity, rules.opacity_scale),
    }


def _treatments(followed: FollowedFilms, events: EventStarts) -> tuple[Indices, Treatments]:
    """Return which events can be told of, and where in their episodes they start."""
    stored, films = followed.stored, followed.films
    eligible = np.flatnonzero(stored.eligible)
    before = _films_before(stored, eligible, events)
    exist = np.flatnonzero((before >= 0) & (before + 1 < len(eligible)))
    series = films.series[eligible[before[exist]]]
    is_within = series == films.series[eligible[before[exist] + 1]]
    places, series = exist[is_within], series[is_within]
    since_first = events.times[places] - stored.times[films.starts[series]]
    return places, Treatments(series, since_first / _MICROSECONDS_A_DAY)


def _films_before(stored: StoredFilms, eligible: Indices, events: EventStarts) -> Indices:
    """Return the last film up to each event, -1 without one: its place among the eligible.

    It may be another person's; the film after it then is of another episode.
    """
    times = np.concatenate([stored.times[eligible], events.times])
    axes = np.concatenate([_axes(stored)[eligible], _axes(events)])
    is_event = np.arange(len(times)) >= len(eligible)
    order = np.lexsort((is_event, times, axes))  # a film of the same time comes before
    places = np.empty(len(events), dtype=np.int64)
    films_up_to = np.cumsum(~is_event[order])
    places[order[is_event[order]] - len(eligible)] = films_up_to[is_event[order]] - 1
    return places


def _axes(rows: StoredFilms | EventStarts) -> Indices:
    """Return a number for each person and axis of time, in the order of films."""
    return rows.person_ids * 2 + ~rows.calendar_known


def _score_columns(score: str, responses: Responses, scale: Scale) -> dict[str, Column]:
    level, low, high = band(responses.level, responses.sd, scale)
    half = half_width(responses.change_sd)
    columns = {
        "level": level,
        "low": low,
        "high": high,
        "change": responses.change,
        "change_low": responses.change - half,
        "change_high": responses.change + half,
        "better": responses.better,
        "worse": responses.worse,
        "within": responses.within,
    }
    return {f"{score}_{name}": _real(numbers) for name, numbers in columns.items()}


def _real(numbers: Numbers) -> Column:
    return np.ma.masked_invalid(numbers.ravel().astype(np.float32))
