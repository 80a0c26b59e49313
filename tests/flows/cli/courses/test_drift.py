"""`drift` shows the charts and what they mean, and `status` an alarm."""

import json
from datetime import timedelta

import numpy as np
import pytest

from flows.drift.watching import watch
from severity.domain import RESEARCH_USE_ONLY
from severity.drift.simulation import Change, Site
from tests.builders.nights import write_nights
from tests.builders.scores import version

OF_VERSION = ("--model-version", version().key)


@pytest.fixture
def site(database):
    """Write the nights of a site of two devices, changed on night 40 or not."""

    def site(change: Change | None = None, nights: int = 43) -> None:
        sums = Site(60, 2, nights=nights).sums(np.random.default_rng(2), change)
        write_nights(database, sums)

    return site


def test_a_change_of_one_device_is_shown_and_ends_with_the_code_for_attention(ask, site):
    site(Change(distance=0.285, device=2))

    shown, printed = ask("drift", *OF_VERSION), ask("drift", *OF_VERSION, "--json")

    assert (shown.exit_code, printed.exit_code) == (3, 3)
    content = json.loads(printed.output)
    assert content["finding"]["cause"] == "machine"
    assert content["finding"]["devices"] == ["ACME X-2 s-2"]
    out = {(c["device"], c["measure"]) for c in content["charts"] if c["out_since"]}
    assert ("ACME X-2 s-2", "distance") in out
    assert not {device for device, _ in out} & {"ACME X-1 s-1"}
    assert content["note"] == RESEARCH_USE_ONLY
    assert RESEARCH_USE_ONLY in shown.output
    assert "X-2" in shown.output


def test_a_site_in_control_ends_well(ask, site):
    site()

    printed = ask("drift", *OF_VERSION, "--json")

    assert printed.exit_code == 0
    assert json.loads(printed.output)["finding"] is None


def test_a_site_that_still_learns_raises_no_alarm(ask, site):
    site(nights=20)

    content = json.loads(ask("drift", *OF_VERSION, "--json").output)

    assert content["finding"] is None
    assert all(chart["learning"] and chart["shift"] is None for chart in content["charts"])


def test_a_database_without_nights_is_refused(command, ask):
    assert command("drift").code == 2


def test_status_names_an_alarm(ask, site, database):
    site(Change(distance=0.285, device=2))
    assert "Drift" not in ask("status").output
    watch(database, version().key, drawn_each=timedelta(0))

    assert "Drift" in ask("status").output
