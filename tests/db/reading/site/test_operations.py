"""What was done is counted while it is done, and read by whoever watches the site."""

from datetime import UTC, datetime, timedelta

import pytest

from db.corrections import Author, forget, release, withdraw
from db.drift import count_due, devices, nightly_sums, reports, store_report
from db.reading.site import balances, operations, rejections
from db.reading.site.rejections import RejectionFilter
from severity.domain import Reason
from tests.builders.archive import Archive, Film, model

LATERAL = Film("lateral", rejected=Reason.LATERAL)
BEFORE = datetime.now(UTC) - timedelta(days=1)
AUTHOR = Author("dr.roe", "it was wrong")


@pytest.fixture
def archive(database):
    archive = Archive(database)
    archive.add(Film("a"), Film("b"), LATERAL)
    return archive


def totals(archive):
    hours = archive.as_reader(operations.hour_counts, BEFORE)
    return tuple(
        sum(getattr(hour, what) for hour in hours) for what in ("received", "scored", "rejected")
    )


def test_hours_and_runs_count_what_came_in_and_what_was_done(archive):
    archive.add(Film("c"), by="v2")

    first, *_ = reversed(archive.as_reader(operations.last_runs))
    assert (first.model_version, first.state) == (model("v1").key, "finished")
    assert (first.scored, first.rejected) == (2, 1)
    assert totals(archive) == (4, 5, 1)  # the second version scored all three


def test_what_was_done_stays_done(archive):
    archive.do(withdraw, AUTHOR, archive.image(Film("a")))
    archive.do(forget, AUTHOR, "p-1")

    assert totals(archive) == (3, 2, 1)


def test_a_file_that_is_judged_again_counts_again(archive):
    archive.do(release, AUTHOR, [archive.object(LATERAL)])
    archive.score()

    assert totals(archive) == (3, 2, 2)


def test_the_oldest_that_waits_is_known_since_it_was_first_seen(archive):
    assert archive.as_reader(operations.oldest_waiting) == []

    archive.enlist(Film("d"))
    archive.enlist(Film("e"))

    (waiting,) = archive.as_reader(operations.oldest_waiting)
    ((seen,),) = archive.rows("SELECT seen_at FROM sighting WHERE object_key = 'd.dcm'")
    assert (waiting.model_version, waiting.since) == (model("v1").key, seen)


def test_a_reader_sees_rejections_without_a_files_name(archive):
    (rejection,) = archive.as_reader(rejections.rejected, RejectionFilter(), limit=9)

    assert (rejection.object_id, rejection.reason) == (archive.object(LATERAL), "lateral")
    assert "lateral.dcm" not in str(rejection)
    assert archive.as_reader(rejections.count, RejectionFilter(Reason.COLOUR)) == 0


def test_a_reader_sees_the_balance_and_what_drift_is_seen_of(archive):
    archive.do(count_due)
    archive.do(store_report, model("v1").key, {"cause": "machine", "since": "2020-03-01"})

    assert archive.as_reader(balances.balances)[0].holds
    assert {night.measure.value for night in archive.as_reader(nightly_sums, model("v1").key)} == {
        "geographic_extent",
        "opacity",
        "error",
    }
    assert archive.as_reader(devices) == {}
    (report,) = archive.as_reader(reports)
    assert report.finding["cause"] == "machine"
