"""What is wrong at a site, by the database's own views."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from db.engine import Database
from db.ledger import runs
from db.ledger.presence import RunKind, start_run
from db.reading.site.alerts import site_state
from db.reading.tables import act_as_reader
from flows.alerts.alert import site_alerts
from severity.domain import Reason
from tests.builders.archive import Archive, Film
from tests.builders.course_archive import CourseArchive
from tests.builders.courses import film


@pytest.fixture
def archive(database: Database) -> CourseArchive:
    """A site with a scored film, and another that waits."""
    archive = CourseArchive(database, "/inbox")
    archive.follow(film("scored", 0))
    archive.enlist(film("waits", 9))
    return archive


def codes(archive: CourseArchive, *, later: timedelta = timedelta()) -> set[str]:
    def asked(session: object) -> set[str]:
        act_as_reader(session)
        return {alert.code for alert in site_alerts(session, datetime.now(UTC) + later)}

    return archive.do(asked)


def test_a_site_where_all_is_well_has_none(archive: CourseArchive) -> None:
    assert codes(archive) == set()


def test_a_file_that_waits_for_a_day_is_one_and_that_nothing_comes_in_another(
    archive: CourseArchive,
) -> None:
    assert codes(archive, later=timedelta(hours=25)) == {"oldest-waiting"}
    assert codes(archive, later=timedelta(hours=37)) == {"oldest-waiting", "nothing-received"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE tally SET n = n - 1 WHERE what = 'scored'", "balance"),
        ("UPDATE run SET state = 'abandoned', ended_at = now()", "failed-run"),
    ],
)
def test_what_was_lost_and_a_run_that_failed_are_alerts(
    archive: CourseArchive, change: str, code: str
) -> None:
    archive.do(lambda session: session.execute(text(change)))

    assert codes(archive) == {code}


def test_a_pass_that_failed_is_one_until_the_next_over_that_source_whatever_else_runs(
    archive: CourseArchive,
) -> None:
    other = Archive(archive.database, "/ward")
    end(archive, "failed")
    end(archive, "finished", RunKind.LOOK)
    end(other, "finished")
    assert codes(archive) == {"failed-run"}

    end(archive, "finished")

    assert codes(archive) == set()


def test_a_source_where_nothing_comes_in_is_one_as_long_as_it_is_passed_over(
    archive: CourseArchive,
) -> None:
    ward = Archive(archive.database, "/ward")
    ward.add(Film("of-the-ward"))
    archive.do(lambda session: session.execute(_SILENT_WARD))
    assert codes(archive) == {"nothing-received"}

    archive.do(lambda session: session.execute(_UNUSED_WARD))

    assert codes(archive) == set()


def end(archive: Archive, state: str, kind: RunKind = RunKind.PASS) -> None:
    with start_run(archive.database, archive.queue(), software="test", kind=kind) as presence:
        archive.do(runs.end_run, presence.run_id, state)


_SILENT_WARD = text(
    "UPDATE hour_count SET hour = hour - interval '3 days' "
    "WHERE source_id = (SELECT id FROM source WHERE location = '/ward')"
)
_UNUSED_WARD = text(
    "UPDATE run SET started_at = started_at - interval '3 days' "
    "WHERE source_id = (SELECT id FROM source WHERE location = '/ward')"
)


def test_more_rejections_than_usual_are_one_and_few_files_are_not(archive: CourseArchive) -> None:
    """As usual are four weeks, in which a tenth was rejected here."""
    archive.do(lambda session: session.execute(_FOUR_WEEKS))
    assert codes(archive) == set()

    archive.follow(*(film(f"colour-{n}", n, rejected=Reason.COLOUR) for n in range(20)))

    assert codes(archive) == {"rejections"}


def test_drift_of_a_model_version_that_no_longer_scores_is_over_in_a_week(
    archive: CourseArchive,
) -> None:
    """Its charts are not drawn again, and would be told for ever."""
    archive.rows(_DRIFT)
    assert codes(archive) == {"drift"}

    archive.rows("UPDATE drift_report SET drawn_at = now() - interval '8 days' RETURNING 1")

    assert codes(archive) == set()


_DRIFT = "INSERT INTO drift_report SELECT id, now(), '{}' FROM model_version RETURNING 1"


def test_images_that_are_scored_again_change_no_share_of_rejected_files(
    archive: CourseArchive,
) -> None:
    """Each file is accepted or rejected once, and scored by each model version."""
    for week in ("before", "now"):
        films = [film(f"{week}-{n}", n, patient=f"p-{n}") for n in range(40)]
        rejected = [film(f"{week}-r{n}", n, rejected=Reason.COLOUR) for n in range(10)]
        archive.add(*films, *rejected)
        if week == "before":
            archive.do(lambda session: session.execute(_LONG_AGO))
    known = archive.rows("SELECT max(run_id) FROM hour_count")[0][0]
    archive.score(by="v2")
    archive.do(lambda session: session.execute(_LONG_AGO_AFTER, {"run": known}))

    # The films of the fixture, and no more.
    assert archive.as_reader(site_state).rejected_more == pytest.approx(0, abs=0.01)


_LONG_AGO = text("UPDATE hour_count SET hour = hour - interval '10 days'")
_LONG_AGO_AFTER = text("UPDATE hour_count SET hour = hour - interval '5 days' WHERE run_id > :run")
_FOUR_WEEKS = text(
    """
    INSERT INTO hour_count (hour, source_id, run_id, what, n)
    SELECT date_trunc('hour', now()) - interval '3 days', source.id, 0, what, n
    FROM source, (VALUES ('accepted', 90), ('rejected', 10)) AS counted (what, n)
    """
)
