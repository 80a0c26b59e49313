"""Receipts: what senders were told is stored."""

from datetime import UTC, datetime

import pytest

from flows.arrivals.receipts import Receipts
from flows.errors import NotKept

KEYS = [f"{number:02x}/{number:024x}-{number:024x}.dcm" for number in range(3)]


@pytest.fixture
def receipts(tmp_path):
    return Receipts.of(tmp_path)


def recorded(receipts):
    return [receipt.key for day in receipts.days() for receipt in receipts.read(day)]


def test_receipts_are_read_as_they_were_written(receipts):
    before = datetime.now(UTC)
    for key in KEYS:
        receipts.record(key)

    assert recorded(receipts) == KEYS
    times = [receipt.at for day in receipts.days() for receipt in receipts.read(day)]
    assert before <= min(times)
    assert max(times) <= datetime.now(UTC)


@pytest.mark.parametrize("left", [1, 40, 75])
def test_what_a_power_cut_left_of_a_line_is_no_receipt_and_spoils_none(receipts, left):
    receipts.record(KEYS[0])
    receipts.record(KEYS[1])
    (day,) = receipts.days()
    file = next((receipts._folder).glob("*.txt"))  # noqa: SLF001
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(lines[0] + lines[1][:left])

    receipts.record(KEYS[2])

    assert recorded(receipts) == [KEYS[0], KEYS[2]]
    receipts.forget(day, {KEYS[0]})
    assert recorded(receipts) == [KEYS[2]]
    receipts.forget(day, {KEYS[2]})
    assert receipts.days() == []


def test_a_receipt_that_cannot_be_written_is_none(receipts, tmp_path):
    (tmp_path / "receipts").write_text("no folder")

    with pytest.raises(NotKept):
        receipts.record(KEYS[0])
    with pytest.raises(NotKept):
        receipts.dismiss(KEYS)


def test_only_its_owner_reads_them(receipts, tmp_path):
    receipts.record(KEYS[0])

    assert (tmp_path / "receipts").stat().st_mode & 0o077 == 0
