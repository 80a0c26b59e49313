"""Episodes: the films of a person between two long gaps, each with a baseline of its own."""

from dataclasses import dataclass

import numpy as np

from severity.course.series import NOWHERE, Films, Flags, Indices, Numbers

_MICROSECONDS_A_DAY = 86_400_000_000


@dataclass(frozen=True, eq=False)
class Episodes:
    """Which episode each film belongs to, and when in it; arrays of shape (N,).

    Parameters
    ----------
    series
        The episode, 0 to S - 1 over all films.
    days
        Time since the first film of the episode, in days.
    numbers
        The place of the episode among those of the same owner, from 1.
    """

    series: Indices
    days: Numbers
    numbers: Indices


def episodes(owners: Indices, times: Indices, longest_gaps: Numbers) -> Episodes:
    """Cut the films of each owner into episodes, where no film was taken for too long.

    A film lies in the same episode however many others are cut with it.

    Parameters
    ----------
    owners
        Shape (N,), sorted: what is never joined, a person on one axis of time.
    times
        Shape (N,), ascending within an owner: microseconds from any origin.
    longest_gaps
        Shape (N,): the longest gap before each film that ends no episode, in days.
    """
    is_new = np.diff(owners, prepend=-1) != 0
    gaps = np.diff(times, prepend=times[:1]) / _MICROSECONDS_A_DAY
    begins = is_new | (gaps > longest_gaps)
    series = np.cumsum(begins) - 1
    starts = np.flatnonzero(begins)
    numbers = series - series[np.flatnonzero(is_new)][np.cumsum(is_new) - 1] + 1
    return Episodes(series, (times - times[starts][series]) / _MICROSECONDS_A_DAY, numbers)


def baselines(films: Films, chosen: Flags, treatments: Numbers) -> Indices:
    """Return the row of each episode's baseline, or `NOWHERE` if no film is eligible.

    It is the first eligible film; or the last eligible one up to a treatment; or a film that a
    person chose.

    Parameters
    ----------
    films
        Of S episodes; N rows.
    chosen
        Shape (N,): chosen by a person. A film that is not eligible is no baseline all the same.
    treatments
        Shape (S,): when the treatment starts that a person chose, in the days of the films; NaN
        without one.
    """
    rows = films.first_eligible.copy()
    for eligible in (
        np.flatnonzero(films.eligible & (films.days <= treatments[films.series])),
        np.flatnonzero(films.eligible & chosen),
    ):
        rows[films.series[eligible]] = eligible  # of several, the last
    return rows


def since_baselines(films: Films, rows: Indices) -> Numbers:
    """Return the days of each film since the baseline of its episode; since the first without one.

    Parameters
    ----------
    rows
        Shape (S,): of `baselines`.
    """
    origins = np.where(rows == NOWHERE, films.starts, rows)
    days: Numbers = films.days - films.days[origins][films.series]
    return days
