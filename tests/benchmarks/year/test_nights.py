"""What is planned for the nights of a simulated year."""

import pytest

from benchmarks.year.accounts import is_whole
from benchmarks.year.nights import Plan


def plan(nights: int) -> Plan:
    return Plan(nights, polls=1, films=1, patients=1, failures_every=5, commands_every=7)


@pytest.mark.parametrize("nights", [10, 20, 365])
def test_each_restore_has_a_backup_and_the_upgrade_comes_between_them(nights: int):
    planned = plan(nights)
    first, second = sorted(planned.restores)

    assert 0 < planned.backup_every <= first < planned.upgrade < second < nights


def test_a_year_is_backed_up_each_week():
    assert plan(365).backup_every == 7


def test_a_year_that_goes_on_has_the_model_that_was_chosen_last():
    upgrade = plan(20).upgrade

    assert plan(20).model_after(0) == plan(20).model_after(upgrade) == "compact-1"
    assert plan(20).model_after(upgrade + 1) == "compact-2"


def test_one_wrong_count_spoils_the_year():
    counts = {"films": 9, "wrong: work that is left": 0}

    assert is_whole(counts)
    assert not is_whole(counts | {"wrong: balances that do not hold": 1})
