"""The level around the start of treatments, against one series at a time."""

import numpy as np
import pytest

from severity.course.course import follow
from severity.course.response import DAYS, Treatments, last_films, respond
from severity.course.series import Films
from severity.domain import View
from tests.severity.course.builders import PARAMETERS, random_films


def asked_alone(films, series, start):
    """Follow one episode with rows that ask, as a person would write it down."""
    own = np.flatnonzero((films.series == series) & films.eligible)
    rows = [(films.days[row], 0, films.points[row], films.views[row], True) for row in own]
    unknown = tuple(View).index(View.UNKNOWN)
    rows += [(start + day, 1, np.nan, unknown, False) for day in DAYS]
    rows.sort(key=lambda row: row[:2])
    days, asks, points, views, eligible = (np.array(column) for column in zip(*rows, strict=True))
    alone = Films(
        np.zeros(len(rows), np.int64), days, points, views.astype(np.int8), eligible.astype(bool)
    )
    questions = np.flatnonzero(asks)
    return follow(alone, questions[:1], PARAMETERS), questions


def treatments_within(films):
    """Return one or two starts in each series that has films in distribution before and after."""
    starts = []
    for series in np.unique(films.series):
        days = films.days[(films.series == series) & films.eligible]
        if len(np.unique(days)) > 1:
            starts += [(series, days[0]), (series, (days[0] + days[-1]) / 2)]
    series, days = zip(*starts, strict=True)
    return Treatments(np.array(series), np.array(days))


def test_each_treatment_is_answered_as_if_it_were_the_only_one():
    films = random_films(60, seed=3)
    treatments = treatments_within(films)

    responses = respond(films, treatments, PARAMETERS)

    assert len(treatments) > 60
    for place, (series, start) in enumerate(zip(treatments.series, treatments.starts, strict=True)):
        courses, questions = asked_alone(films, series, start)
        assert responses.level[place] == pytest.approx(courses.smoothed_level[questions])
        assert responses.sd[place] == pytest.approx(courses.smoothed_sd[questions])
        assert responses.better[place, 1:] == pytest.approx(courses.smoothed_better[questions[1:]])
        assert responses.worse[place, 1:] == pytest.approx(courses.smoothed_worse[questions[1:]])


def test_a_change_is_the_difference_of_levels_and_day_0_has_none():
    films = random_films(40, seed=4)

    responses = respond(films, treatments_within(films), PARAMETERS)

    change = responses.level[:, 1:] - responses.level[:, :1]
    assert responses.change[:, 1:] == pytest.approx(change)
    total = responses.worse + responses.better + responses.within
    assert total[:, 1:] == pytest.approx(1)
    for numbers in (responses.change, responses.change_sd, responses.better):
        assert np.isnan(numbers[:, 0]).all()


def test_a_fall_after_the_start_is_found_and_one_before_it_is_not():
    days = np.array([0.0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    points = np.where(days > 4, 1.0, 6.0)
    rows = len(days)
    films = Films(
        np.zeros(rows, np.int64), days, points, np.zeros(rows, np.int8), np.ones(rows, bool)
    )

    before, after = respond(
        films, Treatments(np.array([0, 0]), np.array([2.0, 7.0])), PARAMETERS
    ).better[:, DAYS.index(7)]

    assert before > 0.5
    assert after < 0.1


def test_no_treatment_has_no_answer():
    none = Treatments(np.zeros(0, np.int64), np.zeros(0))

    assert respond(random_films(3), none, PARAMETERS).level.shape == (0, len(DAYS))


def test_the_last_film_is_the_last_one_in_distribution():
    films = Films(
        np.array([0, 0, 0, 1]),
        np.array([0.0, 2, 5, 0]),
        np.array([1.0, 1, np.nan, np.nan]),
        np.zeros(4, np.int8),
        np.array([True, True, False, False]),
    )

    last = last_films(films)

    assert last[0] == 2
    assert np.isnan(last[1])
