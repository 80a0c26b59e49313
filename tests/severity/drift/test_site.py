"""Charts of sites whose devices come, go and do not meet."""

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import pytest

from severity.domain import Measure, NightlySum, View
from severity.drift import REFERENCE_NIGHTS, SITE, Cause, Stream, finding, site_charts

NIGHT_0 = date(2026, 1, 5)
NEWEST = 150


def night(
    number: int, device: int, values: np.ndarray, *, of: Measure = Measure.EXTENT, view=View.PA
) -> NightlySum:
    total, squares = float(values.sum()), float((values**2).sum())
    day = NIGHT_0 + timedelta(days=number)
    return NightlySum(of, device, view, day, len(values), total, squares)


def nights(
    device: int, numbers: range, mean: float = 3.0, *, seed: int = 0, of: Measure = Measure.EXTENT
) -> Iterator[NightlySum]:
    rng = np.random.default_rng([seed, device, len(of.value)])
    for number in numbers:
        yield night(number, device, rng.normal(mean, 1.0, 20), of=of)


def distances(device: int, numbers: range) -> Iterator[NightlySum]:
    return nights(device, numbers, mean=0.0, of=Measure.DISTANCE)


def test_the_device_that_stays_is_not_accused_for_the_one_that_went() -> None:
    sums = [
        *nights(1, range(NEWEST)),
        *nights(2, range(46)),
        *nights(2, range(46, 60), mean=7.0),
    ]
    while_both, afterwards = (
        site_charts(entry for entry in sums if entry.day < NIGHT_0 + timedelta(days=number))
        for number in (60, NEWEST)
    )

    assert finding(while_both).cause is Cause.MACHINE
    assert Stream(1, Measure.EXTENT) not in afterwards
    assert finding(afterwards) is None


def test_devices_that_no_longer_meet_cannot_be_judged() -> None:
    sums = [*nights(1, range(80)), *nights(2, range(80))]
    sums += [*nights(1, range(80, NEWEST, 2)), *nights(2, range(81, NEWEST, 2), mean=7.0)]

    charts = site_charts(sums)

    assert all(charts[Stream(device, Measure.EXTENT)].is_learning for device in (1, 2))
    assert finding(charts).cause is Cause.EITHER


@pytest.mark.parametrize("joined", [20, 56])
def test_scores_that_rise_with_a_new_device_may_be_its_own(joined: int) -> None:
    charts = site_charts(
        [
            *nights(1, range(80)),
            *nights(2, range(joined, 80), mean=6.0 if joined > REFERENCE_NIGHTS else 3.0),
            *distances(1, range(80)),
        ]
    )
    found = finding(charts)

    if joined == 20:
        assert found is None
    else:
        assert found.cause is Cause.EITHER
        assert found.higher


def test_patients_are_named_where_distance_and_devices_were_judged() -> None:
    rise = range(REFERENCE_NIGHTS + 20, REFERENCE_NIGHTS + 26)
    scores = [*nights(1, range(rise.start)), *nights(1, rise, mean=6.0, seed=1)]
    fall = [
        *nights(1, range(rise.start), of=Measure.OPACITY),
        *nights(1, rise, mean=0.0, of=Measure.OPACITY),
    ]
    known = list(distances(1, range(rise.stop)))

    assert finding(site_charts(scores)).cause is Cause.EITHER
    assert finding(site_charts(scores + known)).cause is Cause.PATIENTS
    assert finding(site_charts(scores + known)).higher
    assert finding(site_charts(scores + fall + known)).higher is None


def test_an_error_of_repeats_stays_out_of_control_until_repeats_come() -> None:
    error = Measure.ERROR
    sums = [*nights(1, range(50), of=error), *nights(1, range(50, 56), mean=6.0, of=error)]
    sums += distances(1, range(NEWEST))

    assert finding(site_charts(sums)).measures == (error,)


@pytest.mark.parametrize("joined", [0, 34, 40])
@pytest.mark.parametrize("seed", range(3))
def test_another_mix_of_views_at_one_device_is_no_change_of_another(joined: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sums = []
    for number in range(160):
        of_pa = {1: 10, 2: 18 if number < 110 else 2}
        for device in (1, 2) if number >= joined else (1,):
            counts = {View.PA: of_pa[device], View.AP: 20 - of_pa[device]}
            for view, mean in ((View.PA, 2.0), (View.AP, 4.0)):
                values = rng.normal(mean, 1.6, counts[view])
                sums.append(night(number, device, values, view=view))

    charts = site_charts(sums)

    assert charts[Stream(1, Measure.EXTENT)].alarm_since is None
    assert Stream(SITE, Measure.EXTENT) in charts
