"""The command that corrects the time zone of a source."""

from datetime import UTC, datetime

from tests.builders.archive import Film

WHY = ("--why", "the clocks are in Berlin", "--who", "dr.roe")
TIMES = "SELECT acquired_at, acquired_zone FROM image"


def test_a_zone_is_corrected_and_back(correct, archive):
    archive.add(Film("a", at=datetime(2020, 7, 1, 12, tzinfo=UTC)))
    before = archive.rows(TIMES)

    done = correct("source", "zone", archive.location, "UTC", "Europe/Berlin", *WHY)
    assert done.code == 0
    assert archive.rows(TIMES) == [(datetime(2020, 7, 1, 10, tzinfo=UTC), "Europe/Berlin")]
    undo = f"Undo: cxr-severity source zone {archive.location} Europe/Berlin UTC --why"
    assert undo in done.out

    correct("source", "zone", archive.location, "Europe/Berlin", "UTC", *WHY)
    assert archive.rows(TIMES) == before


def test_a_source_or_zone_that_is_not_known_is_wrong_use(correct, archive):
    for arguments in (
        ("/elsewhere", "UTC", "Europe/Berlin"),
        (archive.location, "UTC", "Mars/Phobos"),
        (archive.location, "Asia/Tokyo", "UTC"),
    ):
        result = correct("source", "zone", *arguments, *WHY)
        assert result.code == 2
        assert len(result.err.splitlines()) == 1
