from datetime import date, timedelta

import numpy as np
import pytest

from severity.drift.charts import (
    LIMIT,
    REFERENCE_NIGHTS,
    SMOOTHING,
    Chart,
    Nights,
    chart,
    relative_to_others,
)

FIRST = (date(2026, 1, 5) - date(1970, 1, 1)).days  # a Monday


def nights(
    values: np.ndarray, *, films: int = 20, views: int = 2, spread: float = 1.0, seed: int = 0
) -> Nights:
    """Nights whose films are drawn around these values, as many in each view."""
    drawn = np.random.default_rng(seed).normal(0, spread, (len(values), views, films))
    drawn += values[:, None, None]
    days = FIRST + np.arange(len(values))
    counts = np.full((len(values), views), float(films))
    return Nights(days, counts, drawn.sum(axis=2), (drawn**2).sum(axis=2))


def charted(values: np.ndarray, **more: object) -> Chart:
    return chart(nights(values, **more), persistence=0.5)


def test_a_chart_judges_no_night_before_it_has_learned():
    assert charted(np.zeros(REFERENCE_NIGHTS)).is_learning
    learned = charted(np.zeros(REFERENCE_NIGHTS + 1))

    assert not learned.is_learning
    assert np.isnan(learned.limit).sum() == REFERENCE_NIGHTS


@pytest.mark.parametrize("shift", [1.0, -1.0])
def test_a_shift_leaves_the_limits_within_four_nights_and_is_dated(shift):
    values = np.zeros(REFERENCE_NIGHTS + 14)
    values[-4:] = shift

    seen = charted(values)

    assert not seen.is_out[:-4].any()
    assert seen.is_out[-1]
    assert np.sign(seen.shift) == np.sign(shift)
    began = date(2026, 1, 5) + timedelta(days=len(values) - 4)
    assert abs((seen.alarm_since - began).days) <= 7


def test_the_smoothed_value_of_a_lasting_shift_is_the_shift():
    values = np.zeros(REFERENCE_NIGHTS + 40)
    values[REFERENCE_NIGHTS:] = 2.0

    assert charted(values, films=500).shift == pytest.approx(2.0, abs=0.1)


def test_one_night_counts_by_its_weight_alone():
    values = np.zeros(REFERENCE_NIGHTS + 1)
    values[-1] = 10.0

    assert charted(values, films=500).shift == pytest.approx(10 * SMOOTHING, abs=0.1)


def test_after_an_alarm_nothing_more_is_learned():
    values = np.zeros(REFERENCE_NIGHTS + 300)
    values[REFERENCE_NIGHTS + 5 :] = 2.0

    assert charted(values).is_out[-1]


def test_a_slow_case_mix_widens_the_limits_of_scores():
    values = np.sin(np.arange(REFERENCE_NIGHTS + 30) / 5)
    followed = nights(values)

    slow, fast = (chart(followed, persistence=p).limit[-1] for p in (0.85, 0.0))

    assert slow > 2 * fast


def test_fewer_films_a_night_mean_wider_limits():
    values = np.zeros(REFERENCE_NIGHTS + 10)

    assert charted(values, films=3).limit[-1] > 2 * charted(values, films=100).limit[-1]


def test_what_weekends_differ_by_is_expected():
    days = np.arange(REFERENCE_NIGHTS + 21)
    values = np.where(days % 7 >= 5, 2.0, 0.0)

    assert not charted(values).is_out.any()
    assert charted(values, films=500).limit[-1] < 1.0


def test_another_mix_of_views_is_no_shift():
    films, length = 200, REFERENCE_NIGHTS + 10
    of_views = np.array([1.0, 4.0])
    counts = np.full((length, 2), films / 2)
    counts[-5:] = [10, films - 10]
    noise = np.random.default_rng(0).normal(0, 1, (length, 2)) * np.sqrt(counts)
    totals = counts * of_views + noise
    squares = counts * (of_views**2 + 1) + 2 * of_views * noise

    seen = chart(Nights(FIRST + np.arange(length), counts, totals, squares), persistence=0.5)

    assert not seen.is_out.any()


def test_nights_of_a_single_film_can_be_charted():
    values = np.zeros(REFERENCE_NIGHTS + 6)
    values[-5:] = 5.0

    assert charted(values, films=1, views=1).is_out[-1]


def test_values_that_never_vary_raise_no_alarm_until_they_do():
    values = np.zeros(REFERENCE_NIGHTS + 2)
    constant = charted(values, spread=0.0)
    values[-1] = 1.0

    assert not constant.is_out.any()
    assert charted(values, spread=0.0).is_out[-1]


def together(*devices: Nights) -> Nights:
    """All films of devices that have the same nights."""
    films, totals, squares = (
        np.sum([getattr(device, name) for device in devices], axis=0)
        for name in ("films", "totals", "squares")
    )
    return Nights(devices[0].days, films, totals, squares)


def test_what_all_patients_have_in_common_is_gone_from_a_devices_differences():
    waves = 3 * np.sin(np.arange(REFERENCE_NIGHTS + 30) / 5)
    own, other = nights(waves, seed=1), nights(waves, seed=2)

    relative = relative_to_others(own, together(own, other))
    seen = chart(relative, persistence=0.5)

    assert not seen.is_out.any()
    assert seen.limit[-1] < chart(own, persistence=0.5).limit[-1] / 3


def test_what_one_device_does_stays_in_its_differences():
    values = np.zeros(REFERENCE_NIGHTS + 10)
    moved = values.copy()
    moved[-5:] = 2.0
    own, other = nights(moved, seed=1), nights(values, seed=2)

    relative = relative_to_others(own, together(own, other))

    assert chart(relative, persistence=0.5).is_out[-1]
    within = relative.squares - relative.totals**2 / relative.films
    assert within.sum() == pytest.approx((own.squares - own.totals**2 / own.films).sum())


def test_a_night_without_other_devices_has_no_difference():
    own = nights(np.zeros(3))
    other = nights(np.zeros(3), seed=1)
    other = Nights(
        other.days, *(a * [[1], [0], [1]] for a in (other.films, other.totals, other.squares))
    )

    assert len(relative_to_others(own, together(own, other)).days) == 2


@pytest.mark.parametrize("persistence", [0.0, 0.7])
def test_the_limits_are_those_of_the_variation_that_nights_have(persistence):
    rng, length, films = np.random.default_rng(1), REFERENCE_NIGHTS + 1200, 20
    mix = rng.normal(0, 0.5, length)
    for night in range(1, length):
        mix[night] = persistence * mix[night - 1] + np.sqrt(1 - persistence**2) * mix[night]

    seen = chart(nights(mix, films=films, views=1), persistence=persistence)

    kept = persistence * (1 - SMOOTHING)
    of_nights = 0.5**2 * (1 + kept) / (1 - kept)
    expected = LIMIT * np.sqrt(SMOOTHING / (2 - SMOOTHING) * (of_nights + 1 / films))
    assert seen.limit[-1] == pytest.approx(expected, rel=0.1)
    assert not seen.is_out.any()
