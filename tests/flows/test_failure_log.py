"""The log of failures: whole, small, private, and never a second failure."""

import errno
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.errors import InboxError
from flows.failure_log import FailureLog, failure_log, log_to_terminal

NAME = "Doe^Jane"


@pytest.fixture
def log(home: Path) -> Iterator[FailureLog]:
    with failure_log() as log:
        yield log


def failed() -> Exception:
    try:
        try:
            int(NAME)
        except ValueError as error:
            raise InboxError("the inbox does not answer") from error
    except InboxError as error:
        return error


def test_it_has_the_whole_traceback_and_nothing_that_a_foreign_error_quotes(log, home):
    log.write(failed())

    text = (home / "log/cxr-severity.log").read_text()
    assert text.count("in failed\n") == 2
    assert "builtins.ValueError\n" in text
    assert "flows.errors.InboxError: the inbox does not answer" in text
    assert NAME not in text


def test_a_full_disk_costs_the_record_and_nothing_else(home):
    file = home / "log/cxr-severity.log"
    file.parent.mkdir(parents=True)
    file.symlink_to("/dev/full")

    with failure_log() as log:
        log.write(failed())

    assert log.problem == os.strerror(errno.ENOSPC)


def test_only_its_owner_may_read_it(log, home):
    log.write(failed())

    assert (home / "log").stat().st_mode & 0o077 == 0
    assert (home / "log/cxr-severity.log").stat().st_mode & 0o077 == 0


def test_it_is_made_with_the_first_failure(log, home):
    assert not home.exists()


def test_it_does_not_grow_without_end(log, home, monkeypatch):
    log.maxBytes = 10_000
    for _ in range(100):
        log.write(failed())

    files = list((home / "log").iterdir())
    assert len(files) == 4
    assert all(file.stat().st_size < 12_000 for file in files)


def test_a_log_that_cannot_be_written_is_no_second_failure(log, home, capsys):
    home.write_text("a file where the folder should be")

    log.write(failed())

    assert log.problem == "Not a directory"
    assert capsys.readouterr().err == ""


def test_a_failing_thread_prints_nothing(log, home, capsys):
    thread = threading.Thread(target=int, args=[NAME])
    thread.start()
    thread.join()

    assert "a thread failed" in (home / "log/cxr-severity.log").read_text()
    assert NAME not in (home / "log/cxr-severity.log").read_text()
    assert capsys.readouterr().err == ""


def test_libraries_print_nothing(log, home, capsys):
    logging.getLogger("sqlalchemy.pool").error("the pool failed", exc_info=failed())

    assert "the pool failed" in (home / "log/cxr-severity.log").read_text()
    assert capsys.readouterr().err == ""


def test_the_log_of_a_service_is_the_terminal(log, home):
    log_to_terminal()
    logging.getLogger("prefect").error("a run failed")
    assert not home.exists()

    log.write(failed())
    assert "the command failed" in (home / "log/cxr-severity.log").read_text()


def test_it_lies_below_a_users_home_where_the_home_folder_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SEVERITY_HOME", "~/severity")

    with failure_log() as log:
        log.write(failed())

    assert (tmp_path / "severity/log/cxr-severity.log").exists()
