"""The commands of rescoring; that images are scored is tested with the flow."""

import json
from pathlib import Path

import pytest

from flows.login import login
from tests.builders.archive import Archive, Film
from tests.builders.commands import Command

START = ("rescore", "start", "--model", "compact-1", "--later")


@pytest.fixture(autouse=True)
def films(archive: Archive) -> None:
    archive.add(Film("1"), Film("2"))


def listed(correct: Command) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(correct("rescore", "status", "--json").out)
    return found


def test_a_request_is_entered_shown_and_cancelled(correct: Command) -> None:
    assert "Request 1 " in correct(*START, "--all").out
    (entry,) = listed(correct)
    assert (entry["state"], entry["requested_by"]) == ("enlisting", login())
    for command in (("rescore", "status"), ("status",)):
        assert "compact-1-fp32" in correct(*command).out

    assert correct("rescore", "cancel", "1").code == 0

    assert [entry["state"] for entry in listed(correct)] == ["cancelled"]
    assert correct("rescore", "cancel", "1").code == 2
    assert "compact-1" not in correct("status").out


def test_a_period_and_a_list_are_selections(correct: Command, tmp_path: Path) -> None:
    file = tmp_path / "images.txt"
    file.write_text("1.1\n\n77\n")

    correct(*START, "--from", "2020-03-01", "--to", "2020-03-31")
    told = correct(*START, "--images", str(file)).out

    assert "1 of 2 entries" in told
    period, by_list = listed(correct)
    assert (period["first_day"], period["last_day"]) == ("2020-03-01", "2020-03-31")
    assert (by_list["is_list"], by_list["unknown"]) == (True, 1)


def test_a_selection_that_is_none_is_wrong_use_and_quotes_no_line(
    correct: Command, tmp_path: Path
) -> None:
    file = tmp_path / "names.txt"
    file.write_text("1.1\nJane Roe\n")

    for chosen in (
        (),
        ("--all", "--from", "2020-01-01"),
        ("--from", "2020-03-02", "--to", "2020-03-01"),
        ("--images", str(file)),
    ):
        result = correct(*START, *chosen)
        assert result.code == 2, chosen
        assert "Roe" not in result.err
    assert "line 2" in correct(*START, "--images", str(file)).err
    assert listed(correct) == []
