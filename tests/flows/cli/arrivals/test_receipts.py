"""The command that accounts for every film that a sender was told is stored."""

import json
from pathlib import Path

import pytest

from flows.arrivals.receipts import Receipts
from flows.cli.exit_codes import ATTENTION
from tests.builders.archive import Archive, Film

SCORED, LOST = (f"ab/{number:024x}-{number:024x}.dcm" for number in range(2))


@pytest.fixture
def receipts(archive: Archive, home: Path, monkeypatch: pytest.MonkeyPatch) -> Receipts:
    """Receipts of a film that was scored, and of one that is lost."""
    monkeypatch.setenv("SEVERITY_INBOX", archive.location)
    archive.add(Film("a", key=SCORED))
    receipts = Receipts.of(home)
    for key in (SCORED, LOST):
        receipts.record(key)
    return receipts


def test_a_lost_film_is_told_until_it_was_seen_to(correct, receipts):
    told = correct("receipts")
    assert (told.code, LOST in told.out) == (ATTENTION, True)
    listed = json.loads(correct("receipts", "--json").out)
    assert (listed["answered"], listed["films"]) == (2, {"scored": 1, "lost": 1})
    assert [lost["key"] for lost in listed["lost"]] == [LOST]

    assert correct("receipts", "--dismiss").code == 0
    assert json.loads(correct("receipts", "--json").out)["films"] == {"scored": 1, "dismissed": 1}


def test_receipts_are_kept_for_as_long_as_is_asked_for(correct, receipts, home):
    day = home / "receipts/2020-03-01.txt"
    day.write_text(f"2020-03-01T10:00:00+00:00 {SCORED}\n")

    correct("receipts", "--dismiss", "--forget", "30")

    assert not day.exists()
    assert len(receipts.days()) == 1
