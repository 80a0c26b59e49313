"""What a command leaves that is told to end."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.cli.exit_codes import INTERRUPTED
from flows.cli.stopping import interrupted_by_signals, repeated_interruptions
from tests.builders.archive import Archive, Film
from tests.builders.commands import environment
from tests.builders.settings import SECRET

PATIENCE_SECONDS = 120


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_block_by_an_exception_and_a_second_not_its_cleaning_up(
    number: signal.Signals,
) -> None:
    before = signal.getsignal(number)
    cleaned: list[str] = []

    def work() -> None:
        try:
            signal.raise_signal(number)
        finally:
            signal.raise_signal(number)
            cleaned.append("all")

    with pytest.raises(KeyboardInterrupt), interrupted_by_signals():
        work()

    assert cleaned == ["all"]
    assert signal.getsignal(number) is before


def test_what_was_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupted_by_signals():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


class _Interrupted:
    """What is interrupted as it is destroyed, where Python ignores each error."""

    def __init__(self, number: signal.Signals) -> None:
        self.number = number

    def __del__(self) -> None:
        signal.raise_signal(self.number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_that_python_ignores_is_repeated(number: signal.Signals) -> None:
    def work() -> None:
        _Interrupted(number)
        time.sleep(PATIENCE_SECONDS)

    with pytest.raises(KeyboardInterrupt), interrupted_by_signals(), repeated_interruptions():
        work()


def test_other_errors_that_python_ignores_are_told_as_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Failing:
        def __del__(self) -> None:
            raise ValueError

    told: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda ignored: told.append(ignored.exc_type))
    with repeated_interruptions():
        Failing()

    assert told == [ValueError]


def test_an_export_that_is_ended_half_way_leaves_no_file(
    archive: Archive, database_url: str, tmp_path: Path
) -> None:
    archive.add(Film("a"), by="compact-3")
    settings = {
        "DATABASE_URL": database_url,
        "SEVERITY_PSEUDONYM_KEY": SECRET,
        "SEVERITY_HOME": str(tmp_path / "home"),
    }
    out = tmp_path / "exports" / "out"
    with archive.database.transaction() as session:
        # It waits at the last table, when the others are written.
        session.connection().exec_driver_sql("LOCK TABLE patient_attribute")
        process = subprocess.Popen(
            [sys.executable, "-m", "flows", "export", "tables", str(out)],
            env=environment(**settings),
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not list(out.parent.glob(".out.*/groups.csv")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 130
    # Before it the export told that the patient's course is not up to date.
    assert len([line for line in error.splitlines() if "stopped" in line]) == 1
    assert "Traceback" not in error
    assert list(out.parent.iterdir()) == []


TOLD_WHILE_INTERRUPTED = """
import io, sys
from importlib import import_module

program = import_module("flows.cli.app")


class Interrupted(io.StringIO):
    def write(self, text):
        raise KeyboardInterrupt


def work(**_):
    raise KeyboardInterrupt


program.app, sys.stderr = work, Interrupted()
program.main()
"""


def test_an_interruption_while_the_first_is_told_ends_as_the_first(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", TOLD_WHILE_INTERRUPTED],
        env=environment(SEVERITY_HOME=str(tmp_path)),
        check=False,
        timeout=60,
    )

    assert ended.returncode == INTERRUPTED, "and not as if it had been killed"


def test_one_more_interruption_does_not_end_what_is_done_as_the_program_ends(
    tmp_path: Path,
) -> None:
    work = TOLD_WHILE_INTERRUPTED.replace(", sys.stderr = work, Interrupted()", " = work")
    leaving = (
        "import atexit, signal\natexit.register(lambda: (signal.raise_signal(2), print('left')))"
    )

    ended = subprocess.run(
        [sys.executable, "-c", f"{leaving}\n{work}"],
        env=environment(SEVERITY_HOME=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (ended.returncode, ended.stdout) == (INTERRUPTED, "left\n")
    assert len(ended.stderr.splitlines()) == 1
