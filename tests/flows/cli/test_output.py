"""Commands on a terminal that is not UTF-8, on a full disk, and where nobody reads on."""

import os
import pty
import select
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from flows.cli.exit_codes import FAILURE
from tests.builders.commands import Program, environment
from tests.builders.settings import SECRET
from tests.builders.small_images import write_image


def test_a_run_shows_its_bar_on_a_terminal_that_is_not_utf_8(
    database_url: str, database: object, tmp_path: Path
) -> None:
    (tmp_path / "inbox").mkdir()
    above, below = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "flows", "run", "--inbox", str(tmp_path / "inbox")],
        env=environment(
            DATABASE_URL=database_url,
            SEVERITY_PSEUDONYM_KEY=SECRET,
            SEVERITY_HOME=str(tmp_path / "home"),
            PYTHONIOENCODING="ascii",
            TERM="xterm",
        ),
        stdout=below,
        stderr=below,
    )
    os.close(below)
    shown = read_until_end(above, running)

    assert running.returncode == 0, shown
    assert b"0 scored" in shown
    assert b"\\u" not in shown, "the bar is made of signs that the terminal has"


def read_until_end(terminal: int, running: subprocess.Popen[bytes]) -> bytes:
    """Return all that a program shows; what it started may keep the terminal open."""
    shown = b""
    while running.poll() is None or select.select([terminal], [], [], 0)[0]:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                shown += os.read(terminal, 4096)
            except OSError:  # all that could write to it have ended
                break
    running.wait()
    os.close(terminal)
    return shown


def test_a_name_that_the_output_cannot_write_is_escaped(program: Program, tmp_path: Path) -> None:
    write_image(tmp_path / "r\u00f6ntgen-\u80ba.png", seed=0)

    result = program("score", str(tmp_path / "r\u00f6ntgen-\u80ba.png"), PYTHONIOENCODING="ascii")

    assert result.returncode == 0, result.stderr
    assert result.stdout.isascii()
    assert "Research use only" in result.stdout


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [("model", "list"), ("--help",)])
def test_a_full_disk_is_no_fault_of_the_program(
    arguments: tuple[str, ...], unbuffered: str, tmp_path: Path
) -> None:
    """As that of a file into which what a command prints is led, at once or as it ends."""
    with Path("/dev/full").open("w") as full:
        ended = printing_to(full, *arguments, home=tmp_path, unbuffered=unbuffered)

    assert ended.returncode == FAILURE
    assert ended.stderr.startswith("cxr-severity: no space is left")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_who_stops_reading_is_told_nothing(unbuffered: str, tmp_path: Path) -> None:
    reads, writes = os.pipe()
    os.close(reads)

    with os.fdopen(writes, "w") as closed:
        ended = printing_to(closed, "model", "list", home=tmp_path, unbuffered=unbuffered)

    assert ended.returncode == FAILURE
    assert ended.stderr == ""


def printing_to(
    out: IO[str], *arguments: str, home: Path, unbuffered: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flows", *arguments],
        env=environment(SEVERITY_HOME=str(home / "home"), PYTHONUNBUFFERED=unbuffered),
        stdout=out,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
