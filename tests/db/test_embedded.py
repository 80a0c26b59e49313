"""The embedded server: it ends with its last user, however that ends, and its log is private."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import text

from db import embedded
from db.embedded_settings import buffers_megabytes, memory_bytes
from db.engine import Database
from db.errors import DatabaseError
from tests.builders.postgres import execute

NAME = "Doe^Jane"
PATIENCE_SECONDS = 60
USER = """
import sys
from pathlib import Path
from db.embedded import embedded_url
print(embedded_url(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the server's own user can reach, with a name short enough for a socket."""
    with TemporaryDirectory(prefix="severity-pg-") as parent:
        yield Path(parent) / "data"


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[[], tuple[subprocess.Popen, str]]]:
    """Start a program that uses the server until its input ends."""
    programs = []

    def start() -> tuple[subprocess.Popen, str]:
        program = subprocess.Popen(
            [sys.executable, "-c", USER, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        programs.append(program)
        assert program.stdout is not None
        return program, program.stdout.readline().strip()

    yield start
    for program in programs:
        program.kill()
        program.communicate()
    await_end(folder)


def end(program: subprocess.Popen) -> str:
    """End a program in good order; return what it wrote to standard error."""
    return program.communicate()[1]


def kill(program: subprocess.Popen) -> None:
    program.kill()
    program.communicate()


def await_end(folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (folder / "postmaster.pid").exists():
        assert time.monotonic() < deadline, "the server goes on without a user"
        time.sleep(0.02)


def answer(url: str, statement: str = "SELECT 1") -> object:
    database = Database(url)
    with database.transaction() as session:
        value = session.scalar(text(statement))
    database.dispose()
    return value


def test_the_server_has_stopped_when_its_last_user_has_ended(start, folder):
    first, url = start()
    second, _ = start()

    assert end(first) == ""
    assert answer(url) == 1
    assert end(second) == ""
    assert not (folder / "postmaster.pid").exists()


def test_the_server_stops_when_its_last_user_was_killed(start, folder):
    first, url = start()
    second, _ = start()

    kill(first)
    assert answer(url) == 1
    kill(second)
    await_end(folder)


def test_a_user_after_a_killed_one_finds_the_data(start, folder):
    first, url = start()
    execute(url, "CREATE TABLE kept AS SELECT 7 AS value")
    kill(first)

    second, url = start()

    assert answer(url, "SELECT value FROM kept") == 7
    assert end(second) == ""
    assert not (folder / "postmaster.pid").exists()


def test_a_killed_server_is_no_error_of_its_user_and_starts_again(start, folder):
    program, url = start()
    execute(url, "CREATE TABLE kept AS SELECT 7 AS value")
    os.kill(int((folder / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    assert end(program) == ""
    assert program.returncode == 0

    _, url = start()
    assert answer(url, "SELECT value FROM kept") == 7


def test_the_lock_of_a_killed_server_does_not_name_another_process(start, folder):
    """After a restart of the machine or the container, its process number is another's."""
    program, _ = start()
    lines = (folder / "postmaster.pid").read_text().splitlines()
    end(program)
    (folder / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    _, url = start()

    assert answer(url) == 1


def test_a_kill_while_a_new_server_is_made_leaves_none_that_does_not_start(start, folder):
    making = subprocess.Popen(
        [sys.executable, "-c", USER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    made = folder.with_name(".data.new") / "PG_VERSION"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not made.exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    os.killpg(making.pid, signal.SIGKILL)
    making.communicate()
    assert made.exists()
    assert not (folder / "PG_VERSION").exists()

    _, url = start()

    assert answer(url) == 1
    assert not made.parent.exists()


def test_a_server_keeps_a_part_of_the_memory_and_what_else_was_set(start, folder):
    program, url = start()
    execute(url, "ALTER SYSTEM SET work_mem = '5MB'", "ALTER SYSTEM SET log_checkpoints = on")
    end(program)

    _, url = start()

    assert setting(url, "work_mem") == "5MB"
    assert setting(url, "log_checkpoints") == "off", "it would fill the log"
    assert setting(url, "shared_buffers") in {
        f"{buffers_megabytes(memory_bytes())}MB",
        "1GB",
    }


def setting(url: str, name: str) -> str:
    database = Database(url)
    with database.transaction() as session:
        value = session.scalar(text("SELECT current_setting(:name)"), {"name": name})
    database.dispose()
    return str(value)


def test_the_log_of_the_server_has_no_values(start, folder):
    _, url = start()
    database = Database(url)
    for statement in (
        f"SELECT '{NAME}'::int",
        f"SELECT '{NAME}' FROM nowhere",  # noqa: S608
        f"SELECT '{NAME}' SYNTAX ERROR",
        f"INSERT INTO seen VALUES ('{NAME}'), ('{NAME}')",  # noqa: S608
        f"SELECT '{NAME}', pg_terminate_backend(pg_backend_pid())",
    ):
        execute(url, "CREATE TABLE IF NOT EXISTS seen (name text UNIQUE)")
        with pytest.raises(DatabaseError), database.transaction() as session:
            session.execute(text(statement))
    database.dispose()

    log = (folder / "log").read_text()
    assert "terminating connection" in log
    assert NAME not in log


def test_a_large_log_begins_anew(start, folder):
    program, _ = start()
    end(program)
    with (folder / "log").open("a") as log:
        log.write("x" * 2_000_000)

    _, url = start()

    assert answer(url) == 1
    assert (folder / "log").stat().st_size < 100_000
    assert (folder / "log.1").stat().st_size > 2_000_000


def test_only_its_owner_may_look_into_the_folder(start, folder):
    start()

    assert folder.stat().st_mode & 0o077 == 0
    assert folder.parent.stat().st_mode & 0o066 == 0
    assert folder.with_name("data.users").stat().st_mode & 0o077 == 0


def test_a_failing_start_gives_one_clear_line(folder):
    """A limit on the size of files fails it as a full disk or a quota does."""
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n{USER}"

    program = subprocess.run(
        [sys.executable, "-c", limited, str(folder)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    assert re.match(r"db\.errors\.DatabaseError: .*does not start", program.stderr.splitlines()[-1])


def test_a_socket_that_others_could_reach_is_closed_to_them(start, folder, monkeypatch):
    deep = folder.parent / ("long" * 20) / "data"
    program = subprocess.Popen(
        [sys.executable, "-c", USER, str(deep)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    url = program.stdout.readline().strip()
    sockets = Path((deep / "postmaster.pid").read_text().splitlines()[4])

    assert sockets != deep
    assert sockets.stat().st_mode & 0o077 == 0
    assert answer(url) == 1
    program.communicate()


def test_the_embedded_server_has_a_lock_of_each_users_own(tmp_path, monkeypatch):
    """By default the package locks one file for all users: the first would shut out the others."""
    monkeypatch.setattr("db.embedded.os.geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    embedded._make_runtime_folder()  # noqa: SLF001 - what the server's package finds when it is imported

    assert (tmp_path / "python_PostgresServer").is_dir()


@pytest.mark.parametrize("name", ["a b", "it's", 'a"b', "100%", "a&b", "a+b", "a#b"])
def test_a_folder_whose_path_the_server_cannot_take_is_refused_in_one_line(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(DatabaseError, match="SEVERITY_HOME") as refused:
        embedded.embedded_url(tmp_path / name / "postgres")

    assert "\n" not in str(refused.value)
    assert not (tmp_path / name).exists()
