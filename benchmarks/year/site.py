"""A site whose year is simulated: its home, its inbox, and the processes that live by its clock."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import IO, Any, cast

from benchmarks.jobs import BenchmarkError
from benchmarks.ports import free_port
from benchmarks.programs import inherited_environment, kill_group
from benchmarks.year.clock import Clock
from db.engine import Database

ROOT = Path(__file__).parents[2]
_KIB = 1024
_KEY = "key of a year that never was, of no patient"
# The services of Prefect and of PostgreSQL that look each hour or minute, by clocks that do not
# move: a day of the site takes some seconds, in which they look at least once.
_PREFECT_CLEANS_SECONDS = "5"
_VACUUM_LOOKS = "5s"


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, seconds, and the peak memory of its process."""

    code: int
    seconds: float
    peak_bytes: int


class Site:
    """The processes and folders of a site; what the benchmark itself does is outside its clock."""

    def __init__(self, folder: Path, chance: Random, model: str) -> None:
        self.folder, self.chance, self.model = folder, chance, model
        self.home, self.inbox = folder / "home", folder / "inbox"
        self.backups = folder / "backups"
        for path in (self.home, self.inbox, self.backups):
            path.mkdir(parents=True, exist_ok=True)
        # PostgreSQL runs as another user, who must get to its folder and to the clock.
        folder.chmod(0o755)
        self.clock = Clock.built(folder)
        self._environment = self._settings()
        self._passing: subprocess.Popen[str] | None = None
        self._prefect: subprocess.Popen[str] | None = None
        self._database: Database | None = None

    def _settings(self) -> dict[str, str]:
        return inherited_environment() | {
            "SEVERITY_HOME": str(self.home),
            "SEVERITY_INBOX": str(self.inbox),
            "SEVERITY_PSEUDONYM_KEY": _KEY,
            "SEVERITY_DEVICE": "cpu",
            "SEVERITY_BATCH_SIZE": "2",  # a night of few films is several batches
            "SEVERITY_PREFECT_PORT": str(free_port()),
            "PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS": _PREFECT_CLEANS_SECONDS,
            **self.clock.environment,
        }

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of the site's processes."""
        return self._environment | {"SEVERITY_MODEL": self.model}

    @property
    def database(self) -> Database:
        """The site's database, for the benchmark's own questions; it must run."""
        if self._database is None:
            self._database = Database(f"postgresql://postgres:@/postgres?host={self.postgres}")
        return self._database

    @property
    def postgres(self) -> Path:
        """The folder of the embedded PostgreSQL."""
        return self.home / "postgres"

    # Processes

    def start(self) -> None:
        """Start the Prefect server and the process that passes, and with it the database."""
        self._prefect = self._child("benchmarks.year.prefect_process")
        line = cast("IO[str]", self._prefect.stdout).readline()
        if not line:
            raise BenchmarkError("Prefect's server does not start")
        self._environment |= json.loads(line)
        self.start_passing()

    def start_passing(self) -> None:
        """Start the process that passes anew, with the model that is chosen now."""
        if self._passing is not None:
            _end(self._passing)
        self._passing = self._child("benchmarks.year.pass_process", str(self.folder))
        self.passes(1)
        self._look_often()

    def _look_often(self) -> None:
        with self.database.connection() as connection:
            alone = connection.execution_options(isolation_level="AUTOCOMMIT")
            alone.exec_driver_sql(f"ALTER SYSTEM SET autovacuum_naptime = '{_VACUUM_LOOKS}'")
            alone.exec_driver_sql("SELECT pg_reload_conf()")

    def passes(self, count: int, skip: int = 0) -> dict[str, float]:
        """Let it pass, and the clock skip some seconds after each.

        Returns
        -------
        How many images were scored, the seconds it took, and the bytes of the process.
        """
        process = cast("subprocess.Popen[str]", self._passing)
        stream = cast("IO[str]", process.stdin)
        stream.write(json.dumps([count, skip]) + "\n")
        stream.flush()
        line = cast("IO[str]", process.stdout).readline()
        if not line:
            raise BenchmarkError("the process that passes has ended; its error is in errors.log")
        return {str(name): float(value) for name, value in json.loads(line).items()}

    def _child(self, *module: str) -> "subprocess.Popen[str]":
        with (self.folder / "errors.log").open("a") as errors:
            return subprocess.Popen(
                [sys.executable, "-m", *module],
                cwd=ROOT,
                env=dict(self.environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )

    @property
    def prefect_pid(self) -> int:
        """The process that keeps Prefect's server, a child of it."""
        return cast("subprocess.Popen[str]", self._prefect).pid

    def stop_database(self) -> None:
        """Stop PostgreSQL at once, in mid-statement; the next program starts it again."""
        postmaster = self.postgres / "postmaster.pid"
        with suppress(OSError, ValueError):
            os.kill(int(postmaster.read_text().splitlines()[0]), signal.SIGQUIT)
        while postmaster.exists():
            time.sleep(0.05)
        self.database.dispose()

    def stop(self) -> None:
        """End all processes; the database ends with the last of them."""
        if self._database is not None:
            self._database.dispose()
        for process in (self._passing, self._prefect):
            if process is not None:
                _end(process)

    # Commands

    def begin(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start a command of the product, in a group of its own."""
        with (self.folder / "commands.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "flows", *arguments],
                cwd=ROOT,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def command(self, *arguments: str, codes: Sequence[int] = (0,)) -> Ended:
        """Run a command of the product to its end.

        Raises
        ------
        BenchmarkError
            It ended with an exit code that is none of the ``codes``.
        """
        began = time.perf_counter()
        process = self.begin(*arguments)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        ended = Ended(process.returncode, time.perf_counter() - began, usage.ru_maxrss * _KIB)
        if ended.code not in codes:
            raise BenchmarkError(
                f"{arguments[0]} ended with {ended.code}; its output is in commands.log"
            )
        return ended

    def value(self, query: str) -> Any:  # noqa: ANN401 - whatever the query selects
        """Return the value that a query selects."""
        with self.database.connection() as connection:
            return connection.exec_driver_sql(query).scalar_one()


def _end(process: "subprocess.Popen[Any]") -> None:
    if process.stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=30)
    kill_group(process)
