from datetime import UTC, datetime, timedelta

from flows.operations.doctor.finding import Level
from flows.operations.doctor.places import source_clock
from flows.sources import Listed


def test_a_file_from_the_future_shows_that_a_clock_is_wrong():
    """By the time that a store gives a file: an object store has a clock of its own."""
    now = datetime.now(UTC)
    seen, early = (
        Listed("a.dcm", 1, now + ahead, "f") for ahead in (timedelta(seconds=5), timedelta(hours=1))
    )

    assert source_clock("source inbox", [seen]) == []
    assert [f.level for f in source_clock("source inbox", [seen, early])] == [Level.PROBLEM]
