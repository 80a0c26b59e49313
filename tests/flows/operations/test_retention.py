"""The retention pass: what it deletes of files, and what it leaves alone."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from flows.arrivals.accounting import Accounting
from flows.arrivals.receipts import Receipts
from flows.operations.retention import Deleted, Removed, apply_retention, backups, delete_older
from tests.builders.archive import Archive, Film

DAY = timedelta(days=1)


def aged(path, age):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    then = (datetime.now(UTC) - age).timestamp()
    os.utime(path, (then, then))
    return path


def with_backups(resources, folder):
    settings = resources.settings.model_copy(update={"backup_folder": folder, "backup_days": 7})
    return replace(resources, settings=settings)


def test_old_backups_go_but_the_last_three_and_whatever_else_lies_there(resources, tmp_path):
    folder = tmp_path / "backups"
    files = [
        aged(folder / f"severity-2026-01-0{day}T050000Z.dump", (20 - day) * DAY)
        for day in range(1, 7)
    ]
    other = aged(folder / "severity-by-hand.dump", 400 * DAY)
    aged(folder / ".severity-2026-01-03T050000Z.dump.4711.part", 3 * DAY)  # it was killed

    removed = apply_retention(with_backups(resources, folder))

    assert removed == Removed(backups=3, temporary_files=1)
    assert sorted(folder.iterdir()) == [*files[3:], other]


def test_what_killed_processes_left_goes_once_no_pass_can_need_it(resources):
    home = resources.settings.home
    old = aged(home / "prefect" / "tmp" / "runner-1" / "flow", 3 * DAY).parent
    os.utime(old, (0, 0))
    young = aged(home / "prefect" / "tmp" / "runner-2", DAY)

    assert apply_retention(resources) == Removed(temporary_files=1)
    assert [old.exists(), young.exists()] == [False, True]


def test_what_another_process_deleted_keeps_nothing_else_from_going(tmp_path):
    old = aged(tmp_path / "old", 3 * DAY)

    assert delete_older([tmp_path / "gone", old], datetime.now(UTC) - DAY) == Deleted(files=1)
    assert not old.exists()


def test_what_cannot_be_deleted_is_counted_and_keeps_nothing_else_from_going(tmp_path):
    """A service may read a folder of backups, and not write to it."""
    old = aged(tmp_path / "old", 3 * DAY)
    # Root may delete in any folder, but below a file there is none.
    undeletable = [old / "below"]
    kept = aged(tmp_path / "kept", 3 * DAY)

    removed = delete_older([*undeletable, kept], datetime.now(UTC) - DAY)

    assert removed == Deleted(files=1, undeletable=1)
    assert not kept.exists()


def test_a_large_log_of_a_server_begins_anew_and_a_small_one_goes_on(resources):
    home = resources.settings.home
    large, small = home / "prefect" / "server.log", home / "postgres" / "log"
    for log, size in ((large, 6_000_000), (small, 100)):
        log.parent.mkdir(parents=True)
        log.write_bytes(b"x" * size)

    assert apply_retention(resources) == Removed(log_bytes=6_000_000)
    assert [large.stat().st_size, small.stat().st_size] == [0, 100]
    assert large.with_name("server.log.1").stat().st_size == 6_000_000


def test_the_receipts_of_an_old_day_go_but_those_of_unsettled_films(resources, database, tmp_path):
    scored, lost = (f"ab/{number:024x}-{number:024x}.dcm" for number in range(2))
    Archive(database, str(tmp_path)).add(Film("a", key=scored))
    settings = resources.settings.model_copy(update={"receiver_folder": tmp_path})
    receipts = settings.home / "receipts"
    receipts.mkdir(parents=True)
    for day, key in (("2020-03-01", scored), ("2020-03-02", lost)):
        (receipts / f"{day}.txt").write_text(f"{day}T10:00:00+00:00 {key}\n")

    removed = apply_retention(replace(resources, settings=settings))

    assert removed == Removed(receipt_days=1)
    assert [file.name for file in receipts.iterdir()] == ["2020-03-02.txt"]


def test_receipts_are_settled_before_the_places_that_they_rest_on_are_deleted(
    resources, database, tmp_path
):
    """A film of the same day that is lost keeps them from nothing: they would seem lost as well."""
    scored, lost = (f"ab/{number:024x}-{number:024x}.dcm" for number in range(2))
    Archive(database, str(tmp_path)).add(Film("a", key=scored))
    with database.transaction() as session:
        session.execute(text("UPDATE sighting SET gone_at = now() - interval '400 days'"))
    settings = resources.settings.model_copy(update={"receiver_folder": tmp_path})
    receipts = settings.home / "receipts"
    receipts.mkdir(parents=True)
    for key in (scored, lost):
        with (receipts / "2020-03-01.txt").open("a") as file:
            file.write(f"2020-03-01T10:00:00+00:00 {key}\n")
    resources = replace(resources, settings=settings)

    removed = apply_retention(resources)

    assert removed == Removed(receipt_days=1, gone_places=1)
    assert [receipt.key for receipt in Accounting.of(resources).account().lost] == [lost]


def test_a_folder_of_backups_that_cannot_be_read_keeps_nothing_else_from_going(resources, tmp_path):
    folder = tmp_path / "backups"
    folder.mkdir()
    for day in range(1, 7):
        (folder / f"severity-2026-01-0{day}T050000Z.dump").symlink_to(tmp_path / "unmounted")
    log = resources.settings.home / "prefect" / "server.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(b"x" * 6_000_000)

    assert backups(folder) == []
    assert apply_retention(with_backups(resources, folder)).log_bytes == 6_000_000


def test_receipts_without_a_drop_folder_are_kept_and_stop_nothing(resources):
    receipts = Receipts.of(resources.settings.home)
    receipts.record(f"00/{1:024x}-{1:024x}.dcm")

    assert apply_retention(resources) == Removed()
    assert receipts.days()
