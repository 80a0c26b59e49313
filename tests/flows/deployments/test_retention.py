"""Prefect's database does not grow for ever: old runs go, with all that belongs to them."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.builders.services import Service, until
from tests.builders.small_images import write_inbox

NEVER = ("--cron", "0 0 1 1 *")
ROWS = (
    "flow_run WHERE state_type = 'COMPLETED'",
    "flow_run_state WHERE type = 'COMPLETED'",
    "task_run",
    "log",
    "artifact",
    "artifact_collection",
    "events WHERE occurred < '2021-01-01'",
    "event_resources WHERE occurred < '2021-01-01'",
)


def test_runs_older_than_is_set_are_deleted_with_all_that_belongs_to_them(service: Service) -> None:
    write_inbox(service.inbox, images=3)
    service.settings["SEVERITY_PREFECT_DAYS"] = "1"
    # Each hour, and each day, otherwise.
    service.settings["PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS"] = "2"
    service.settings["PREFECT_SERVER_SERVICES_DB_VACUUM_ORPHAN_CLEANUP_LOOP_SECONDS"] = "2"
    service.start(*NEVER, "--poll-seconds", "20")
    service.await_log("Finished in state Completed()", times=3)  # a share, its flow, the pass
    assert service.end() == 0
    file = service.home / "prefect/prefect.db"
    _let_six_years_pass(file)
    assert all(_count(file, rows) for rows in ROWS)

    service.start(*NEVER)
    until(lambda: not any(_count(file, rows) for rows in ROWS), lambda: service.log[-4000:])

    assert service.end() == 0


def _let_six_years_pass(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        for change in (
            "DELETE FROM flow_run WHERE state_type = 'SCHEDULED'",  # nothing new meanwhile
            "UPDATE flow_run SET end_time = '2020-11-26' WHERE end_time IS NOT NULL",
            "UPDATE events SET occurred = '2020-11-26'",
            "UPDATE event_resources SET occurred = '2020-11-26'",
        ):
            database.execute(change)
        database.commit()


def _count(file: Path, rows: str) -> int:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        (count,) = database.execute(f"SELECT count(*) FROM {rows}").fetchone()  # noqa: S608
    return int(count)
