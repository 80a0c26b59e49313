"""Simulated sites, by which it was chosen from how many series a site learns its own set."""

from dataclasses import replace

from scipy.stats import chi2

from severity.course.learning import learn, log_likelihood
from severity.models.bundled_cards import bundled_course_parameters
from training.course_sites import site

TRUTH = bundled_course_parameters("compact-2").geographic_extent
LEARNED_NUMBERS = 11
CERTAIN = float(chi2.ppf(0.999, LEARNED_NUMBERS)) / 2  # of the likelihood's logarithm


def test_a_site_learns_what_it_was_drawn_from_and_tells_it_from_other_errors() -> None:
    films = site(TRUTH, 150, seed=1)
    learned = learn(films, margin=TRUTH.margin, thresholds=TRUTH.thresholds)

    highest = log_likelihood(films, learned)
    assert highest - log_likelihood(films, TRUTH) < CERTAIN
    for factor in (0.6, 1.5):
        other = replace(TRUTH, error=factor * TRUTH.error)
        assert highest - log_likelihood(films, other) > CERTAIN


def test_a_site_has_series_of_three_films_and_more_some_of_them_on_one_day() -> None:
    films = site(TRUTH, 500, seed=2)

    counts = films.counts
    assert len(counts) == 500
    assert counts.min() == 3
    assert 4 < counts.mean() < 5
    gaps = (films.days[1:] - films.days[:-1])[films.series[1:] == films.series[:-1]]
    assert 0 <= gaps.min() < 1 < gaps.mean()
