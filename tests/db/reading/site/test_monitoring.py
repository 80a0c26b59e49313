"""What is watched of a site, as readers see it."""

import pytest

from db import stage_times
from db.ledger import runs
from db.ledger.claiming import Queue
from db.ledger.presence import RunKind, start_run
from db.reading.site.monitoring import Rejections, StageSeconds, snapshot
from db.stage_times import StageTime
from severity.domain import Reason
from tests.builders.archive import Archive, Film


def end(archive: Archive, state: str, kind: RunKind = RunKind.PASS) -> None:
    with start_run(archive.database, archive.queue(), software="test", kind=kind) as presence:
        archive.do(runs.end_run, presence.run_id, state)


def test_a_source_that_nothing_was_done_with_has_no_success_and_no_failure(database):
    (watched,) = Archive(database).as_reader(snapshot).runs

    assert (watched.last_success_at, watched.last_received_hour) == (None, None)
    assert watched.failures_since == 0


def test_failures_count_from_the_last_success_on(database):
    archive = Archive(database)
    end(archive, "failed")
    archive.add(Film("a"))
    after_success = archive.as_reader(snapshot)
    end(archive, "failed")
    end(archive, "failed")
    after_failures = archive.as_reader(snapshot)

    assert [site.runs[0].failures_since for site in (after_success, after_failures)] == [0, 2]
    last = {site.runs[0].last_success_at for site in (after_success, after_failures)}
    assert len(last) == 1
    assert None not in last


@pytest.mark.parametrize("kind", [RunKind.LOOK, RunKind.RESCORE, RunKind.BACKFILL])
def test_what_is_no_pass_is_neither_a_success_nor_a_failure_of_one(database, kind):
    archive = Archive(database)
    end(archive, "failed")
    for state in ("finished", "failed"):
        end(archive, state, kind)

    (watched,) = archive.as_reader(snapshot).runs
    assert (watched.last_success_at, watched.failures_since) == (None, 1)


def test_rejections_are_counted_by_source_and_reason(database):
    archive, other = Archive(database), Archive(database, "/other")
    archive.add(Film("a", rejected=Reason.LATERAL), Film("b", rejected=Reason.LATERAL))
    other.add(Film("c", rejected=Reason.CORRUPT))

    assert archive.as_reader(snapshot).rejections == (
        Rejections("/inbox", "lateral", 2),
        Rejections("/other", "corrupt", 1),
    )


def test_times_of_stages_add_up_over_the_shares_of_runs(database):
    archive = Archive(database)
    queue: Queue = archive.queue()
    for seconds in (1.5, 2.25):
        archive.do(stage_times.add, queue, {"decode": StageTime(3, seconds)})
    archive.do(stage_times.add, queue, {"write": StageTime(1, 0.5)})

    version = archive.as_reader(snapshot).stages[0].model_version
    assert archive.as_reader(snapshot).stages == (
        StageSeconds("/inbox", version, "decode", 6, 3.75),
        StageSeconds("/inbox", version, "write", 1, 0.5),
    )
