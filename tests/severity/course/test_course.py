"""The filter and the smoother agree with a Gaussian process, written as one covariance matrix."""

import numpy as np
import pytest
from scipy.special import ndtr

from severity.course.course import follow
from severity.course.series import VIEWS, Films
from tests.severity.course.builders import PARAMETERS, random_films


def covariance_of_levels(days):
    """Of a Wiener process that starts at the first of the days."""
    since = days - days[0]
    walked = PARAMETERS.process_noise * np.minimum.outer(since, since)
    return PARAMETERS.prior_sd**2 + walked


def posterior(films: Films, rows, eligible):
    """Mean and covariance of the levels of ``rows``, from the eligible rows."""
    views = films.views[rows]
    shifts = [PARAMETERS.view_shift[VIEWS[view]] for view in views]
    shift_variance = np.array([shift.sd**2 for shift in shifts])
    levels = covariance_of_levels(films.days[rows])
    scores = levels + np.equal.outer(views, views) * shift_variance
    scores += PARAMETERS.error**2 * np.eye(len(rows))
    first = PARAMETERS.prior_mean[VIEWS[views[eligible][0]]]
    expected = first + np.array([shift.mean for shift in shifts])
    gain = np.linalg.solve(scores[np.ix_(eligible, eligible)], levels[eligible]).T
    mean = first + gain @ (films.points[rows] - expected)[eligible]
    return mean, levels - gain @ levels[eligible]


def test_the_filter_and_the_smoother_are_the_gaussian_process():
    films = random_films(200)
    courses = follow(films, films.first_eligible, PARAMETERS)
    checked = 0
    for start, count, baseline in zip(
        films.starts, films.counts, films.first_eligible, strict=True
    ):
        if baseline < 0:
            assert np.isnan(courses.level[start : start + count]).all()
            continue
        rows = np.arange(baseline, start + count)
        for at, row in enumerate(rows):
            now = films.eligible[rows] & (films.days[rows] <= films.days[row])
            mean, covariance = posterior(films, rows, np.flatnonzero(now))
            assert courses.level[row] == pytest.approx(mean[at], abs=1e-6)
            assert courses.sd[row] == pytest.approx(np.sqrt(covariance[at, at]), abs=1e-6)
            if films.days[row] > films.days[baseline]:
                change = mean[at] - mean[0]
                sd = np.sqrt(covariance[at, at] + covariance[0, 0] - 2 * covariance[0, at])
                worse = ndtr((change - PARAMETERS.margin) / sd)
                assert courses.worse[row] == pytest.approx(worse, abs=1e-6)
                checked += 1
        mean, covariance = posterior(films, rows, np.flatnonzero(films.eligible[rows]))
        sd = np.sqrt(np.diag(covariance))
        np.testing.assert_allclose(courses.smoothed_level[rows], mean, atol=1e-6)
        np.testing.assert_allclose(courses.smoothed_sd[rows], sd, atol=1e-6)
        after = films.days[rows] > films.days[baseline]
        spread = np.sqrt(sd**2 + covariance[0, 0] - 2 * covariance[0])
        np.testing.assert_allclose(
            courses.smoothed_change[rows][after], (mean - mean[0])[after], atol=1e-6
        )
        np.testing.assert_allclose(
            courses.smoothed_change_sd[rows][after], spread[after], atol=1e-6
        )
    assert checked > 500
