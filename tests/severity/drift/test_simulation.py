"""The charts on sites of which the truth is known: the larger tables are in `docs/drift.md`."""

import pytest

from severity.drift.naming import Cause
from severity.drift.simulation import Change, Site, named, run_length

CLAHE = Change(points=-0.51, distance=0.285)  # as real films of one hospital move


@pytest.mark.parametrize(("films", "devices"), [(5, 1), (60, 3)])
def test_a_site_in_control_raises_at_most_one_false_alarm_a_year(films, devices):
    site = Site(films, devices, nights=35 + 2 * 365)

    assert run_length(site, 8, seed=3) >= 365


@pytest.mark.parametrize("films", [20, 300])
def test_a_change_of_the_machine_on_night_40_is_named_by_night_43(films):
    assert named(Site(films, nights=43), CLAHE, Cause.MACHINE, sites=40, seed=4) >= 0.95


def test_patients_who_are_sicker_on_all_devices_are_not_taken_for_a_machine():
    sicker = Change(points=3.0)
    site = Site(100, 3, nights=43)

    assert named(site, sicker, Cause.PATIENTS, sites=40, seed=5) >= 0.8
    assert named(site, sicker, Cause.MACHINE, sites=40, seed=5) <= 0.1


def test_scores_that_rise_on_one_device_alone_are_its_own():
    risen = Change(points=3.0, device=1)

    assert named(Site(100, 3, nights=43), risen, Cause.MACHINE, sites=40, seed=6) >= 0.95
