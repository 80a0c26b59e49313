"""Films of persons, followed: cut into episodes, with a baseline and a course of each score."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from db.courses.choices import Choice
from db.courses.films import StoredFilms
from db.courses.parameters import AdoptedParameters
from severity.course.course import Courses, follow
from severity.course.episodes import Episodes, baselines, episodes
from severity.course.parameters import CourseParameters
from severity.course.series import Conversions, Films, Flags, Indices, Numbers
from severity.domain import Scale

_MICROSECONDS_A_DAY = 86_400_000_000


@dataclass(frozen=True)
class Rules:
    """What courses of one model version rest on: its parameter set, and its scales."""

    model_version_id: int
    model_version: str
    parameters_id: int
    parameters: CourseParameters
    extent_scale: Scale
    opacity_scale: Scale

    @classmethod
    def of(cls, model_version_id: int, adopted: AdoptedParameters) -> "Rules":
        """Read an adopted parameter set.

        Raises
        ------
        WrongParameters
            Another version of this program wrote it.
        """
        return cls(
            model_version_id,
            adopted.model_version,
            adopted.id,
            CourseParameters.from_json(adopted.content),
            adopted.extent_scale,
            adopted.opacity_scale,
        )


@dataclass(frozen=True, eq=False)
class Conversion:
    """What converting from another model version adds to the errors of films, of either score."""

    geographic_extent: Conversions
    opacity: Conversions


@dataclass(frozen=True, eq=False)
class FollowedFilms:
    """Films of persons by one model version, in episodes, with the courses of both scores.

    Parameters
    ----------
    stored
        The films, shape (N,).
    films
        The same in S episodes, with the points of extent.
    episodes
        Shape (N,): which episode of its person each film lies in, from 1 on each axis of time.
    baselines
        Shape (S,): the row of each episode's baseline, or `severity.course.series.NOWHERE`.
    """

    rules: Rules
    stored: StoredFilms
    films: Films
    episodes: Indices
    baselines: Indices
    extent: Courses
    opacity: Courses


def followed(
    stored: StoredFilms,
    choices: Iterable[Choice],
    rules: Rules,
    *,
    conversion: Conversion | None = None,
) -> FollowedFilms:
    """Cut films into episodes, find their baselines and follow both scores.

    Parameters
    ----------
    conversion
        Of films that another model version scored, whose points are converted.
    """
    chosen = {choice.person_id: choice for choice in choices}
    usual = rules.parameters.episode_days
    cut = _cut(stored, chosen, usual)
    views = stored.views.astype(np.int8)
    of_extent, of_opacity = (
        (conversion.geographic_extent, conversion.opacity) if conversion else (None, None)
    )
    films = Films(cut.series, cut.days, stored.extents, views, stored.eligible, of_extent)
    treatments = _treatments(stored, cut, chosen, usual)
    rows = baselines(films, _chosen_images(stored, chosen), treatments)
    extent = follow(films, rows, rules.parameters.geographic_extent)
    opacity_films = replace(films, points=stored.opacities, conversions=of_opacity)
    opacity = follow(opacity_films, rows, rules.parameters.opacity)
    return FollowedFilms(rules, stored, films, cut.numbers, rows, extent, opacity)


def before_treatments(stored: StoredFilms, choices: Iterable[Choice], usual: float) -> Flags:
    """Return which eligible films lie in the episode of a chosen treatment, up to its start.

    Parameters
    ----------
    usual
        The longest gap in days that ends no episode, where nobody chose another.
    """
    chosen = {choice.person_id: choice for choice in choices}
    cut = _cut(stored, chosen, usual)
    starts = _treatments(stored, cut, chosen, usual)
    before: Flags = stored.eligible & (cut.days <= starts[cut.series])
    return before


def owners(stored: StoredFilms) -> Indices:
    """Return what is never joined: a number for each person and axis of time, from 0."""
    new_person = np.diff(stored.person_ids, prepend=-1) != 0
    other_axis = np.diff(stored.calendar_known, prepend=stored.calendar_known[:1])
    numbers: Indices = np.cumsum(new_person | other_axis) - 1
    return numbers


def _cut(stored: StoredFilms, chosen: dict[int, Choice], usual: float) -> Episodes:
    gaps = np.full(len(stored), usual)
    for choice in chosen.values():
        if choice.episode_days is not None:
            gaps[stored.person_ids == choice.person_id] = choice.episode_days
    return episodes(owners(stored), stored.times, gaps)


def _chosen_images(stored: StoredFilms, chosen: dict[int, Choice]) -> Flags:
    """Return which films were chosen for whose they are: one that was moved is chosen no longer."""
    images = [choice.baseline_image_id for choice in chosen.values() if choice.baseline_image_id]
    flags: Flags = np.isin(stored.image_ids, images)
    for row in np.flatnonzero(flags):
        choice = chosen.get(int(stored.person_ids[row]))
        flags[row] = choice is not None and choice.baseline_image_id == stored.image_ids[row]
    return flags


def _treatments(
    stored: StoredFilms, cut: Episodes, chosen: dict[int, Choice], usual: float
) -> Numbers:
    """Return the day of each episode on which a chosen treatment starts; NaN without one.

    It belongs to the episode of the last film before it, unless that had ended by then.
    """
    starts = np.full(int(cut.series[-1]) + 1 if len(stored) else 0, np.nan)
    for choice in chosen.values():
        if choice.treatment_at is None:
            continue
        own = stored.person_ids == choice.person_id
        on_axis = own & (stored.calendar_known == choice.calendar_known)
        for last in np.flatnonzero(on_axis & (stored.times <= choice.treatment_at))[-1:]:
            since = (choice.treatment_at - stored.times[last]) / _MICROSECONDS_A_DAY
            if since <= (choice.episode_days or usual):
                starts[cut.series[last]] = cut.days[last] + since
    return starts
