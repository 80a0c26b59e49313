"""Kill two workers in every way, hundreds of times, and count what became of each image.

``python -m benchmarks.kills --kills 300 --images 3000``; docs/benchmarks.md explains what it does.
It measures no speed: it ends with exit code 1 if an image was lost, was scored twice or is stuck,
or if a process was left behind.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from uuid import uuid4

import httpx
import psutil
from rich.console import Console

from benchmarks import programs
from benchmarks.ports import free_port
from benchmarks.small_images import write_image, write_records
from db import corrections
from db.corrections import Author
from db.engine import Database, Transaction
from db.errors import DatabaseError, RefusedCorrection
from db.reading.site import balances

_WORKERS = 2
_PATIENTS = 40
_PATIENCE_SECONDS = 180
_AHEAD = 24  # images that wait
_AUTHOR = Author("benchmark", "to see what survives")
_MARK = "SEVERITY_BENCHMARK_MARK"  # in the environment of every process of this benchmark
_SECRET = "no-secret-only-a-benchmark-of-what-survives"  # noqa: S105 - of no patient
_POSTGRES = """
import sys, time
from pathlib import Path
from db.embedded import embedded_url
print(embedded_url(Path(sys.argv[1])), flush=True)
time.sleep(1e6)
"""


@dataclass
class Site:
    """An inbox that fills, a database, a Prefect server, and two workers that are killed."""

    folder: Path
    environment: Mapping[str, str]
    port: int
    random: Random
    postgres: "subprocess.Popen[str]"
    database: Database
    prefect: "subprocess.Popen[bytes]"
    workers: "list[subprocess.Popen[bytes]]" = field(default_factory=list)
    endings: "Counter[str]" = field(default_factory=Counter)
    images: int = 0

    def write(self, images: int) -> None:
        """Drop more images into the inbox."""
        inbox = self.folder / "inbox"
        for number in range(self.images, self.images + images):
            write_image(inbox / f"image-{number:05}.png", seed=number)
        self.images += images
        write_records(inbox, images=self.images, patients=_PATIENTS)

    def keep_working(self) -> None:
        """Start a worker for each that has ended."""
        for worker in [worker for worker in self.workers if worker.poll() is not None]:
            self.endings[f"exit code {worker.returncode}"] += 1
            self.workers.remove(worker)
        while len(self.workers) < _WORKERS:
            command = [sys.executable, "-m", "flows", "run"]
            self.workers.append(_start(command, self.environment, self.folder / "workers.log"))

    def value(self, query: str) -> int:
        """Return the number that a query selects, as soon as the database answers."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                with self.database.connection() as connection:
                    return int(connection.exec_driver_sql(query).scalar_one())
            except DatabaseError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def await_scores(self, least: int) -> None:
        """Wait until there are so many scores, or the workers make no more for a while."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self.value("SELECT count(*) FROM score") < least and time.monotonic() < deadline:
            self.keep_working()
            time.sleep(0.1)


def _start(
    command: list[str], environment: Mapping[str, str], log: Path
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command,
        env=dict(environment),
        stdout=log.open("ab"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


# The ways to kill


def kill_group(site: Site) -> None:
    """Kill a worker with all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(site.random.choice(site.workers).pid, signal.SIGKILL)


def kill_parent(site: Site) -> None:
    """Kill a worker alone."""
    with suppress(ProcessLookupError):
        os.kill(site.random.choice(site.workers).pid, signal.SIGKILL)


def cut_presence(site: Site) -> None:
    """Cut the idle connections that show that runs live, as a firewall does; then kill one."""
    site.value(
        """
        SELECT count(pg_terminate_backend(pid)) FROM pg_locks
        WHERE locktype = 'advisory' AND granted AND objsubid = 2
        """
    )
    time.sleep(site.random.uniform(0, 2))
    kill_parent(site)


def stop_postgres(site: Site) -> None:
    """Stop PostgreSQL at once, in mid-statement, and start it again."""
    os.killpg(site.postgres.pid, signal.SIGKILL)
    postmaster = site.folder / "postgres" / "postmaster.pid"
    with suppress(OSError, ValueError):
        os.kill(int(postmaster.read_text().splitlines()[0]), signal.SIGQUIT)
    site.postgres.wait()
    site.database.dispose()
    site.postgres = _postgres(site.folder, site.environment)


def stop_prefect(site: Site) -> None:
    """Kill Prefect's server, and start it again."""
    os.killpg(site.prefect.pid, signal.SIGKILL)
    site.prefect.wait()
    site.prefect = _prefect(site.folder, site.environment, site.port)


# Servers take longest to come back, so they are killed least.
_WAYS: tuple[Callable[[Site], None], ...] = (
    *[kill_group] * 4,
    *[kill_parent] * 4,
    *[cut_presence] * 2,
    stop_postgres,
    stop_prefect,
)


# Corrections go on meanwhile


def correct(site: Site) -> str:
    """Correct something, chosen by chance; return what, and how it ended if it failed."""
    name, correction = site.random.choice([*_CORRECTIONS.items()])
    try:
        with site.database.transaction() as session:
            correction(session, site)
    except RefusedCorrection:
        return f"{name} refused"
    except DatabaseError:
        return f"{name} failed"
    return name


def _image(site: Site) -> int:
    return site.value("SELECT coalesce((SELECT id FROM image ORDER BY random() LIMIT 1), 0)")


def _patient(site: Site) -> str:
    with site.database.connection() as connection:
        query = "SELECT patient_key FROM patient ORDER BY random() LIMIT 1"
        return str(connection.exec_driver_sql(query).scalar())


_CORRECTIONS: Mapping[str, Callable[[Transaction, Site], object]] = {
    "withdraw": lambda session, site: corrections.withdraw(session, _AUTHOR, _image(site)),
    "restore": lambda session, site: corrections.restore(session, _AUTHOR, _image(site)),
    "merge": lambda session, site: corrections.merge(
        session, _AUTHOR, _patient(site), _patient(site)
    ),
    "split": lambda session, site: corrections.split(session, _AUTHOR, _patient(site)),
    "move": lambda session, site: corrections.move(session, _AUTHOR, _image(site), _patient(site)),
}


# The site


def _postgres(folder: Path, environment: Mapping[str, str]) -> "subprocess.Popen[str]":
    """Start PostgreSQL in a process of its own, and wait until it answers."""
    process = subprocess.Popen(
        [sys.executable, "-c", _POSTGRES, str(folder / "postgres")],
        env=dict(environment),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None  # noqa: S101 - for the type checker
    process.stdout.readline()
    return process


def _prefect(folder: Path, environment: Mapping[str, str], port: int) -> "subprocess.Popen[bytes]":
    """Start Prefect's server, and wait until it answers."""
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1"]
    without = {name: text for name, text in environment.items() if name != "PREFECT_API_URL"}
    process = _start([*command, "--port", str(port)], without, folder / "prefect.log")
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with suppress(httpx.HTTPError):
            if httpx.get(f"http://127.0.0.1:{port}/api/health", timeout=5).is_success:
                return process
        time.sleep(0.5)
    raise TimeoutError("Prefect's server does not start")


@contextmanager
def _site(folder: Path, seed: int) -> Iterator[Site]:
    port = free_port()
    (folder / "inbox").mkdir()
    url = f"postgresql://postgres:@/postgres?host={folder / 'postgres'}"
    environment = os.environ | {
        _MARK: uuid4().hex,
        "DATABASE_URL": url,
        "SEVERITY_PSEUDONYM_KEY": _SECRET,
        "SEVERITY_HOME": str(folder / "home"),
        "SEVERITY_INBOX": str(folder / "inbox"),
        "SEVERITY_SETTLE_SECONDS": "0",
        "SEVERITY_BATCH_SIZE": "4",
        "SEVERITY_DEVICE": "cpu",
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
    }
    postgres = _postgres(folder, environment)
    database = Database(url)
    database.upgrade()
    prefect = _prefect(folder, environment, port)
    site = Site(folder, environment, port, Random(seed), postgres, database, prefect)  # noqa: S311
    try:
        yield site
    finally:
        for worker in site.workers:
            programs.kill_group(worker)
        programs.kill_group(site.prefect)
        programs.kill_group(site.postgres)
        site.database.dispose()


def _drain(site: Site) -> None:
    """Let the last workers end by themselves, and one more after them."""
    for worker in site.workers:
        worker.wait(timeout=10 * _PATIENCE_SECONDS)
    site.keep_working()
    for worker in site.workers:
        worker.wait(timeout=10 * _PATIENCE_SECONDS)
        site.endings[f"exit code {worker.returncode}"] += 1
    site.workers.clear()


def _left_behind(site: Site) -> list[str]:
    """List processes of workers that are still there."""
    servers = {site.prefect.pid, site.postgres.pid}
    left = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(_MARK) != site.environment[_MARK]:
                continue
            ours = {process.pid, *(parent.pid for parent in process.parents())}
            if not ours & servers and "postgres" not in process.name():
                left.append(" ".join(process.cmdline())[:100])
    return left


def main() -> int:
    """Run the command; return its exit code."""
    options = _options()
    console = Console(highlight=False)
    with TemporaryDirectory(prefix="severity-kills-", ignore_cleanup_errors=True) as folder:
        # PostgreSQL may run as another user, who must get to its folder.
        Path(folder).chmod(0o755)
        with _site(Path(folder), options.seed) as site:
            kills, changes = _disturb(site, options.kills, options.images, console)
            _drain(site)
            console.print(f"kills: {dict(kills)}")
            console.print(f"corrections: {dict(changes)}")
            console.print(f"workers ended: {dict(site.endings)}")
            return _judge(site, console)


def _disturb(
    site: Site, kills: int, images: int, console: Console
) -> "tuple[Counter[str], Counter[str]]":
    done: Counter[str] = Counter()
    changes: Counter[str] = Counter()
    for number in range(kills):
        scored = site.value("SELECT count(*) FROM score")
        # So few ahead that there is work left for the last kill.
        site.write(max(0, min(images, scored + _AHEAD) - site.images))
        site.keep_working()
        site.await_scores(min(site.images, scored + site.random.randint(1, 8)))
        changes[correct(site)] += 1
        time.sleep(site.random.uniform(0, 1))
        site.keep_working()
        way = site.random.choice(_WAYS)
        way(site)
        done[way.__name__] += 1
        if number % 20 == 0:
            console.print(f"{number} kills, {scored} scored of {site.images}")
    site.write(images - site.images)
    site.keep_working()
    return done, changes


def _judge(site: Site, console: Console) -> int:
    """Print what became of the images; return 1 if anything is wrong."""
    withdrawn = site.value("SELECT count(*) FROM image WHERE standing = 'withdrawn'")
    unscored = site.value(
        """
        SELECT count(*) FROM image WHERE standing = 'valid'
            AND (SELECT count(*) FROM score WHERE image_id = image.id) <> 1
        """
    )
    with site.database.transaction() as session:
        wrong = balances.verify(session)
        (balance,) = balances.balances(session)
    counts = {
        "images dropped": site.images,
        "accepted": balance.accepted,
        "rejected": balance.rejected,
        "withdrawn at the end": withdrawn,
        "valid images without exactly one score": unscored,
        "work left": site.value("SELECT count(*) FROM work"),
        "suspects ever": site.value("SELECT count(*) FROM work WHERE crashes > 0"),
        "counters that differ from the rows": len(wrong),
        "processes left behind": len(_left_behind(site)),
    }
    for name, count in counts.items():
        console.print(f"{count:>8}  {name}")
    for process in _left_behind(site):
        console.print(process, markup=False)
    whole = balance.holds and balance.accepted == site.images and balance.rejected == 0
    last = list(counts.values())
    return int(not whole or any(last[4:6]) or any(last[7:]))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--images", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
