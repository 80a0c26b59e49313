"""Simulate sites, to tell how many series a site's own parameter set needs."""

import numpy as np

from severity.course.learning import learn
from severity.course.parameters import ScoreParameters
from severity.course.prediction import forecasts_of, held_by_number_before
from severity.course.series import VIEWS, Films
from severity.models.bundled_cards import bundled_course_parameters

SERIES = (25, 50, 100, 150, 200, 300)
SITES = 10
_TESTED = 3000  # series of other patients
_OTHER_VIEW = 0.3  # share of films that are not of the patient's main view
_MEAN_GAP = 3.0  # days
_LOW, _HIGH = 0.87, 0.93


def main() -> None:
    """Print how well sets that simulated sites learned predict other patients' films."""
    parameters = bundled_course_parameters("compact-2").geographic_extent
    tested = site(parameters, _TESTED, seed=len(SERIES) * SITES)
    for number in SERIES:
        shares = np.array([_shares(parameters, number, tested, seed) for seed in range(SITES)])
        good = ((shares > _LOW) & (shares < _HIGH)).all(axis=1).sum()
        print(f"{number} series: {shares.min():.2f} to {shares.max():.2f}; {good} of {SITES} sites")


def site(parameters: ScoreParameters, series: int, *, seed: int) -> Films:
    """Draw the series of a site: 3 and more films each, 4 to 5 on average, in changing views."""
    rng = np.random.default_rng(seed)
    counts = 3 + rng.poisson(1.5, series)
    shape = (series, int(counts.max()))
    days = np.round(rng.exponential(_MEAN_GAP, shape)) + rng.choice([0, 0.3], shape)
    days = days.cumsum(axis=1)
    views = rng.integers(0, 3, (series, 1)).repeat(shape[1], axis=1)
    views = np.where(rng.random(shape) < _OTHER_VIEW, rng.integers(0, 3, shape), views)
    usual = np.array([parameters.prior_mean[view] for view in VIEWS])[views[:, :1]]
    usual = usual + rng.normal(0, parameters.prior_sd, (series, 1))
    shifts = [parameters.view_shift[view] for view in VIEWS]
    own = rng.normal([s.mean for s in shifts], [s.sd for s in shifts], (series, len(VIEWS)))
    shown = usual + _deviations(parameters, days, rng) + np.take_along_axis(own, views, axis=1)
    taken = np.arange(shape[1]) < counts[:, None]
    return Films(
        np.repeat(np.arange(series), counts),
        days[taken],
        (shown + rng.normal(0, parameters.error, shape))[taken],
        views[taken].astype(np.int8),
        np.ones(int(counts.sum()), dtype=bool),
    )


def _deviations(
    parameters: ScoreParameters, days: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    deviations = rng.normal(0, np.sqrt(parameters.stationary_variance), days.shape)
    deviations[:, 0] += parameters.first_deviation
    for film in range(1, days.shape[1]):
        left = np.exp(-parameters.reversion * (days[:, film] - days[:, film - 1]))
        fresh = deviations[:, film] * np.sqrt(1 - left**2)
        deviations[:, film] = left * deviations[:, film - 1] + fresh
    return deviations


def _shares(parameters: ScoreParameters, series: int, tested: Films, seed: int) -> list[float]:
    own = learn(
        site(parameters, series, seed=seed),
        margin=parameters.margin,
        thresholds=parameters.thresholds,
    )
    return [held.share for held in held_by_number_before(tested, forecasts_of(tested, own))[:4]]


if __name__ == "__main__":
    main()
