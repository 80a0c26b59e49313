"""How the level was just before a treatment and days after it, from all films of the episode.

It describes how the level went. It is no effect of the treatment: who is treated is sicker, or
believed to be (confounding by indication).
"""

from dataclasses import dataclass

import numpy as np

from severity.course.course import Courses, follow
from severity.course.parameters import ScoreParameters
from severity.course.series import Films, Indices, Numbers
from severity.domain import View

DAYS = (0, 1, 3, 7, 14)
"""Days from the start at which the level is asked for; 0 is just before."""


@dataclass(frozen=True, eq=False)
class Treatments:
    """The starts of treatments in episodes: arrays of shape (E,).

    Parameters
    ----------
    series
        The episode of each, which has a film in distribution up to the start and one after it.
    starts
        In the days of that episode's films. Films up to then were taken before.
    """

    series: Indices
    starts: Numbers

    def __len__(self) -> int:
        """Return the number of treatments."""
        return len(self.series)


@dataclass(frozen=True, eq=False)
class Responses:
    """The level at each of `DAYS`: arrays of shape (E, 5), in points or probabilities.

    Parameters
    ----------
    level, sd
        The level and its standard deviation, from all films of the episode.
    change, change_sd
        How far it lies above the level just before; NaN on day 0.
    worse, better, within
        The probability that it lies above that by more than the margin, below it, or within.
    """

    level: Numbers
    sd: Numbers
    change: Numbers
    change_sd: Numbers
    worse: Numbers
    better: Numbers
    within: Numbers


def respond(films: Films, treatments: Treatments, parameters: ScoreParameters) -> Responses:
    """Return how the level was around the start of each treatment.

    Each treatment is a series of its own, whose baseline is the start: of two treatments of one
    patient, neither moves what is said of the other.
    """
    asked, questions = _with_questions(films, treatments)
    courses = follow(asked, questions[:, 0], parameters)
    return Responses(*(numbers[questions] for numbers in _of_all_films(courses)))


def last_films(films: Films) -> Numbers:
    """Return the day of the last film in distribution of each series, shape (S,); NaN without."""
    last = np.full(len(films.starts), np.nan)
    eligible = np.flatnonzero(films.eligible)
    last[films.series[eligible]] = films.days[eligible]  # of several, the last
    return last


def _of_all_films(courses: Courses) -> tuple[Numbers, ...]:
    return (
        courses.smoothed_level,
        courses.smoothed_sd,
        courses.smoothed_change,
        courses.smoothed_change_sd,
        courses.smoothed_worse,
        courses.smoothed_better,
        courses.smoothed_within,
    )


def _with_questions(films: Films, treatments: Treatments) -> tuple[Films, Indices]:
    """Return a series for each treatment: its episode's films, and rows at `DAYS`.

    Returns
    -------
    The films, and the rows that ask, shape (E, 5).
    """
    rows, owners = _films_of(films, treatments)
    times = treatments.starts[:, None] + np.array(DAYS)
    series = np.concatenate([owners, np.repeat(np.arange(len(treatments)), len(DAYS))])
    days = np.concatenate([films.days[rows], times.ravel()])
    is_question = np.arange(len(series)) >= len(rows)
    order = np.lexsort((is_question, days, series))
    asked = Films(
        series[order],
        days[order],
        np.concatenate([films.points[rows], np.full(times.size, np.nan)])[order],
        np.concatenate([films.views[rows], np.full(times.size, _NO_VIEW, np.int8)])[order],
        ~is_question[order],
    )
    return asked, np.flatnonzero(is_question[order]).reshape(times.shape)


_NO_VIEW = tuple(View).index(View.UNKNOWN)


def _films_of(films: Films, treatments: Treatments) -> tuple[Indices, Indices]:
    """Return the rows of films in distribution for each treatment, and whose each of them is."""
    eligible = np.flatnonzero(films.eligible)
    counts = np.bincount(films.series[eligible], minlength=len(films.starts))
    firsts = np.cumsum(counts) - counts
    own = counts[treatments.series]
    owners = np.repeat(np.arange(len(treatments)), own)
    places = np.arange(len(owners)) - (np.cumsum(own) - own)[owners]
    return eligible[firsts[treatments.series][owners] + places], owners
