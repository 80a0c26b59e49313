"""What became of the films that senders were told are stored."""

import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from db.reading.site.arrivals import Fate
from flows.arrivals.accounting import Accounting, Unlisted
from flows.arrivals.receipts import Receipts
from flows.sources.keys import to_key
from severity.domain import Reason
from tests.builders.archive import Archive, Film

KEYS = [f"{number:02x}/{number:024x}-{number:024x}.dcm" for number in range(5)]
SCORED, REJECTED, WAITING, PRESENT, LOST = KEYS


@pytest.fixture
def accounting_of(resources, tmp_path):
    """Receipts of one film of each kind, in a drop folder that this source lists."""

    def accounting_of(source, name="arrived"):
        folder = tmp_path / name
        (folder / PRESENT).parent.mkdir(parents=True)
        (folder / PRESENT).touch()
        archive = Archive(resources.open_database(), str(source))
        scored, rejected, waiting = (
            to_key(os.fsencode((folder / key).relative_to(source)))
            for key in (SCORED, REJECTED, WAITING)
        )
        archive.add(Film("a", key=scored), Film("b", key=rejected, rejected=Reason.LATERAL))
        archive.enlist(Film("c", key=waiting))
        settings = resources.settings.model_copy(
            update={"inbox": str(source), "receiver_folder": folder, "home": tmp_path}
        )
        receipts = Receipts.of(tmp_path)
        for key in (*KEYS, SCORED):
            receipts.record(key)
        return Accounting.of(replace(resources, settings=settings))

    return accounting_of


@pytest.fixture
def accounting(accounting_of, tmp_path):
    return accounting_of(tmp_path / "arrived")


@pytest.mark.parametrize(
    ("source", "name"), [("arrived", "arrived"), (".", "arrived"), (".", "X-ray 100%")]
)
def test_every_film_that_was_answered_with_success_is_accounted_for(
    accounting_of, tmp_path, source, name
):
    """Also where the drop folder lies below the source that lists it, whatever it is called."""
    account = accounting_of((tmp_path / source).resolve(), name).account()

    assert account.films == {
        Fate.SCORED: 1,
        Fate.REJECTED: 1,
        Fate.WAITING: 1,
        Unlisted.PRESENT: 1,
        Unlisted.LOST: 1,
    }
    assert account.answered == len(KEYS)
    assert [receipt.key for receipt in account.lost] == [LOST]


def test_a_film_that_was_listed_and_went_before_it_was_judged_is_lost(accounting, database):
    archive = Archive(database, str(accounting.folder))
    archive.add(Film("c", key=WAITING, vanishes=True))
    archive.rows("UPDATE sighting SET gone_at = now() RETURNING 1")

    account = accounting.account()

    assert account.films == {
        Fate.SCORED: 1,
        Fate.REJECTED: 1,
        Unlisted.PRESENT: 1,
        Unlisted.LOST: 2,
    }
    assert {receipt.key for receipt in account.lost} == {WAITING, LOST}


def test_a_lost_film_that_was_seen_to_is_lost_no_more(accounting):
    accounting.receipts.dismiss([LOST])

    account = accounting.account()

    assert account.films[Unlisted.DISMISSED] == 1
    assert account.lost == []


def test_a_film_that_was_archived_is_not_lost(accounting, database, tmp_path):
    archive = Archive(database, str(accounting.folder))
    archive.move_scored(str(tmp_path / "done"))

    account = accounting.account()

    assert account.films[Fate.SCORED] == 1
    assert [receipt.key for receipt in account.lost] == [LOST]

    archive.enlist(Film("d", key=SCORED))  # what lies there now counts
    assert accounting.account().films[Fate.WAITING] == 2


def test_what_is_settled_is_forgotten_and_all_else_stays(accounting, tmp_path):
    tomorrow = datetime.now(UTC).date() + timedelta(2)
    assert accounting.forget(tomorrow) == 1
    assert accounting.forget(tomorrow) == 0
    (day,) = accounting.receipts.days()
    assert [receipt.key for receipt in accounting.receipts.read(day)] == [WAITING, PRESENT, LOST]

    old = tmp_path / "receipts" / f"{date(2020, 3, 1)}.txt"
    old.write_text(f"2020-03-01T10:00:00+00:00 {SCORED}\n2020-03-01T10:00:00+00:00 {REJECTED}\n")
    assert accounting.forget(date(2020, 3, 1)) == 0
    assert accounting.forget(date(2020, 3, 2)) == 1
    assert not old.exists()
