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


BECAUSE = ("--who", "m.roe", "--why", "a new detector")


def test_charts_learn_anew_after_a_change_that_was_meant(ask, site, database):
    site(Change(distance=0.285, device=2), nights=80)
    watch(database, version().key, drawn_each=timedelta(0))
    assert "Drift" in ask("status").output

    assert ask("drift", "restart", "2026-02-09", *BECAUSE).exit_code == 0

    restarted = ask("drift", *OF_VERSION, "--json")
    assert restarted.exit_code == 0
    assert json.loads(restarted.output)["learning_since"] == "2026-02-09"
    assert {chart["nights"] for chart in json.loads(restarted.output)["charts"]} == {45}
    shown = ask("drift", *OF_VERSION).output
    assert "m.roe" in shown
    assert "a new detector" in shown
    assert "Drift" not in ask("status").output


def test_before_the_first_night_after_a_restart_it_is_told_since_when_none_was_counted(
    ask, site, command
):
    site(Change())
    ask("drift", "restart", "2026-06-01", *BECAUSE)

    told = command("drift", *OF_VERSION)

    assert told.code == 2
    assert "since 2026-06-01" in told.err


def test_a_restart_is_taken_back(ask, site):
    site(Change(distance=0.285, device=2))
    ask("drift", "restart", "2026-02-09", *BECAUSE)

    assert ask("drift", "restart", "--clear", *BECAUSE).exit_code == 0

    again = ask("drift", *OF_VERSION, "--json")
    assert again.exit_code == 3
    assert json.loads(again.output)["learning_since"] is None


@pytest.mark.parametrize("arguments", [(), ("2999-01-01",), ("2026-02-09", "--clear")])
def test_charts_begin_anew_only_from_a_night_that_has_come(command, arguments):
    assert command("drift", "restart", *arguments, *BECAUSE).code == 2
