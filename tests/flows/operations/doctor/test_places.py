"""What the doctor finds of sources and backups."""

import os
from datetime import UTC, datetime, timedelta

from flows.operations.doctor import Level
from flows.operations.doctor.places import drop_folders, last_backup, source, source_clock
from flows.settings import Settings
from flows.sources import Listed


def test_a_file_from_the_future_shows_that_a_clock_is_wrong():
    """By the time that a store gives a file: an object store has a clock of its own."""
    now = datetime.now(UTC)
    seen, early = (
        Listed("a.dcm", 1, now + ahead, "f") for ahead in (timedelta(seconds=5), timedelta(hours=1))
    )

    assert source_clock("source inbox", [seen]) == []
    assert [f.level for f in source_clock("source inbox", [seen, early])] == [Level.PROBLEM]


def test_a_source_that_is_gone_is_a_problem_and_an_empty_one_a_notice(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.dcm").write_text("a film")

    levels = [source("ward", str(tmp_path / name))[0].level for name in ("full", "empty", "gone")]

    assert levels == [Level.OK, Level.NOTICE, Level.PROBLEM]


def test_a_folder_that_films_are_brought_to_and_nobody_scores_is_a_problem(tmp_path):
    places = {"receiver_folder": tmp_path / "received", "pacs": "PACS@pacs.example:104"}
    places["pacs_folder"] = tmp_path / "fetched"
    sources = {"ward": {"location": str(tmp_path / "received")}}
    both = Settings(inbox=f"file://{tmp_path}/fetched", sources=sources, **places)

    (only_fetched,) = drop_folders(Settings(sources=sources, **places))

    assert (only_fetched.level, "fetched" in only_fetched.text) == (Level.PROBLEM, True)
    assert drop_folders(both) == []
    nowhere = Settings(inbox="~nobody-of-this-name/films", receiver_folder=tmp_path)
    assert len(drop_folders(nowhere)) == 1
    assert drop_folders(Settings(**places)) == []  # a machine that receives, and scores nothing


def test_a_drop_folder_below_a_source_is_scored_unless_it_is_hidden_there(tmp_path):
    sources = {"ward": {"location": str(tmp_path)}}

    def found(folder):
        settings = Settings(sources=sources, receiver_folder=tmp_path / folder)
        return [(finding.level, "scored" in finding.text) for finding in drop_folders(settings)]

    assert found("received") == []
    assert found("2026/received") == []
    assert found(".received/dicom") == [(Level.PROBLEM, True)]
    assert found(f"../{tmp_path.name}-2") == [(Level.PROBLEM, True)]


def test_backups_that_are_old_or_nowhere_are_found(tmp_path):
    settings, now = Settings(backup_folder=tmp_path), datetime.now(UTC)
    none_yet = last_backup(settings, now)
    backup = tmp_path / "severity-2026-01-01T050000Z.dump"
    backup.symlink_to(tmp_path / "unmounted")
    assert last_backup(settings, now).level is Level.PROBLEM
    backup.unlink()
    backup.write_text("")
    young = last_backup(settings, now)
    os.utime(backup, (0, 0))
    old = last_backup(settings, now)

    assert [none_yet.level, young.level, old.level] == [Level.PROBLEM, Level.OK, Level.PROBLEM]
    assert last_backup(Settings(), now).level is Level.NOTICE


def test_backups_that_should_have_gone_long_ago_are_found(tmp_path):
    """Retention cannot delete them where the service may only read their folder."""
    settings, now = Settings(backup_folder=tmp_path, backup_days=7), datetime.now(UTC)

    def found(*ages):
        for number, days in enumerate(ages):
            backup = tmp_path / f"severity-2026-01-0{number + 1}T050000Z.dump"
            backup.write_text("")
            then = (now - timedelta(days=days)).timestamp()
            os.utime(backup, (then, then))
        return last_backup(settings, now).level

    assert found(90, 60, 0) is Level.OK  # the last three stay
    assert found(7.5, 2, 1, 0) is Level.OK  # it goes with the next retention
    assert found(9, 2, 1, 0) is Level.NOTICE
