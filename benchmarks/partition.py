"""Two workers on two simulated hosts: one dies, one is cut off and comes back.

``python -m benchmarks.partition`` (as root); docs/benchmarks.md explains what it does. It ends with
exit code 1 if an image was lost, was scored twice or is stuck.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks.hosts import Host, Hosts, simulated_hosts, why_not
from benchmarks.jobs import BenchmarkError
from benchmarks.programs import kill_group
from benchmarks.scale.work import empty_queue, enlist
from benchmarks.small_images import write_image, write_records
from db.engine import Database
from db.errors import DatabaseError
from db.ledger.claiming import Queue
from db.reading.site import balances
from db.registration import register_model
from severity.domain import ModelVersion, Scale

_PATIENCE_SECONDS = 300
_PATIENTS = 40
_NOT_HERE, _NOT_DONE = 3, 1  # exit codes
_SECRET = "no-secret-only-a-benchmark-of-two-hosts"  # noqa: S105 - of no patient
_SCALE = Scale(0, 8)

Begin = Callable[[Host], "subprocess.Popen[bytes]"]


@dataclass
class Story:
    """What happens to two hosts, and what of it is seen in the database."""

    hosts: Hosts
    images: int
    begin: Begin
    console: Console
    workers: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def tell(self) -> dict[str, int]:
        """Let one worker die and cut the other off, then let both end; return the accounts."""
        first, second = self.hosts.hosts
        self.workers = [self.begin(host) for host in (first, second)]
        try:
            self._await_scores(self.images // 8)
            self._kill()
            self._await_scores(self.images // 4)
            lost = self._cut(second)
            self._begin_again(first)
            self._await("its claims are released", _abandoned(lost))
            self._await_scores(self.images // 2)
            second.mend()
            self._say("the second host is back")
            self._await("all is done", "SELECT NOT EXISTS (SELECT FROM work)")
            self._await_ends()
        finally:
            for worker in self.workers:
                kill_group(worker)
        return _accounts(self.hosts.database, self.images)

    def _kill(self) -> None:
        kill_group(self.workers[0])
        self._say("the first host died")

    def _cut(self, host: Host) -> str:
        """Cut a host off; return the ids of its runs."""
        runs = _texts(self.hosts.database, "SELECT id::text FROM run WHERE state = 'running'")
        host.cut()
        self._say("the second host is cut off")
        return ",".join(runs) or "0"

    def _begin_again(self, host: Host) -> None:
        self.workers[0] = self.begin(host)
        self._say("the first host is up again")

    def _await_scores(self, least: int) -> None:
        self._await(f"{least} scores", f"SELECT count(*) >= {least} FROM score")  # noqa: S608

    def _await(self, what: str, query: str) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while _texts(self.hosts.database, f"SELECT ({query})::text") != ["true"]:
            if time.monotonic() > deadline:
                raise BenchmarkError(f"in vain waited until {what}")
            self._keep_working()
            time.sleep(0.05)
        self._say(what)

    def _keep_working(self) -> None:
        """Start a worker again that ended, as its service does; but not on a host that is dead."""
        for place, worker in enumerate(self.workers):
            if worker.poll() not in {None, -signal.SIGKILL}:
                self.workers[place] = self.begin(self.hosts.hosts[place])

    def _await_ends(self) -> None:
        for worker in self.workers:
            worker.wait(timeout=_PATIENCE_SECONDS)

    def _say(self, what: str) -> None:
        scores = _texts(self.hosts.database, "SELECT count(*)::text FROM score")[0]
        self.console.print(f"{scores:>6} scores: {what}")


def _abandoned(runs: str) -> str:
    return f"SELECT bool_and(state <> 'running') FROM run WHERE id IN ({runs})"  # noqa: S608


def _texts(database: Database, query: str) -> list[str]:
    with database.connection() as connection:
        return [str(value) for value in connection.exec_driver_sql(query).scalars()]


def _accounts(database: Database, images: int) -> dict[str, int]:
    """Return counts; those whose name begins with ``wrong`` must be 0."""

    def count(query: str) -> int:
        return int(_texts(database, query)[0])

    with database.transaction() as session:
        differing = balances.verify(session)
    return {
        "images": images,
        "runs": count("SELECT count(*) FROM run"),
        "runs that were taken for dead": count(
            "SELECT count(*) FROM run WHERE state = 'abandoned'"
        ),
        "wrong: images without a score, or too many": abs(
            images - count("SELECT count(*) FROM image")
        ),
        "wrong: scores too many or too few": abs(images - count("SELECT count(*) FROM score")),
        "wrong: work that is left": count("SELECT count(*) FROM work"),
        "wrong: counters that differ from the rows": len(differing),
    }


def ledger_story(hosts: Hosts, images: int, console: Console, *, folder: Path) -> Story:
    """Return the story with workers of the ledger alone, which are fast to start."""
    queue = _queue(hosts.database)
    enlist(hosts.database, queue, range(images))
    module = [sys.executable, "-m", "benchmarks.host_worker"]
    where = [str(queue.source_id), str(queue.model_version_id), "0.05"]

    def begin(host: Host) -> "subprocess.Popen[bytes]":
        return host.start([*module, host.url, *where], os.environ, folder / "workers.log")

    return Story(hosts, images, begin, console)


def _queue(database: Database) -> Queue:
    version = ModelVersion("none", "0" * 64, "0" * 64, "none", "fp32", _SCALE, _SCALE)
    with database.transaction() as session:
        model = register_model(session, version)
    return empty_queue(database, "/shared", model)


def whole_story(hosts: Hosts, images: int, console: Console, *, folder: Path) -> Story:
    """Return the story with workers as sites run them, on a folder that all hosts share."""
    inbox = folder / "inbox"
    inbox.mkdir()
    for number in range(images):
        write_image(inbox / f"image-{number:05}.png", seed=number)
    write_records(inbox, images=images, patients=_PATIENTS)

    def begin(host: Host) -> "subprocess.Popen[bytes]":
        home = folder / host.namespace
        settings = {
            "DATABASE_URL": host.url,
            "SEVERITY_PSEUDONYM_KEY": _SECRET,
            "SEVERITY_HOME": str(home),
            "SEVERITY_INBOX": str(inbox),
            "SEVERITY_SETTLE_SECONDS": "0",
            "SEVERITY_BATCH_SIZE": "4",
            "SEVERITY_DEVICE": "cpu",
            "PREFECT_HOME": str(home / "prefect"),
        }
        command = [sys.executable, "-m", "flows", "run"]
        return host.start(command, os.environ | settings, folder / "workers.log")

    return Story(hosts, images, begin, console)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _options(arguments)
    console = Console(highlight=False)
    if reason := why_not():
        console.print(f"Not here: {reason}")
        return _NOT_HERE
    story = ledger_story if options.ledger else whole_story
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="severity-hosts-")))
        folder.chmod(0o755)
        hosts = stack.enter_context(simulated_hosts(2, folder))
        try:
            counts = story(hosts, options.images, console, folder=folder).tell()
        except (BenchmarkError, DatabaseError) as error:
            console.print(f"Error: {error}", markup=False)
            return _NOT_DONE
    for name, count in counts.items():
        console.print(f"{count:>6}  {name}")
    return int(any(count for name, count in counts.items() if name.startswith("wrong")))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.partition", description=__doc__)
    parser.add_argument("--images", type=int, default=200, help="images to score (200)")
    parser.add_argument(
        "--ledger", action="store_true", help="workers without files and networks: seconds"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
