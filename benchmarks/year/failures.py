"""What fails in a year, in the middle of a night's pass; each is followed by a pass that ends."""

import subprocess
import time
from collections.abc import Callable, Mapping

import psutil

from benchmarks.jobs import BenchmarkError
from benchmarks.programs import kill_group
from benchmarks.year.site import Site

_FAILED, _ATTENTION = 1, 3
_LONGEST_WAIT = 60.0  # seconds until a pass that was begun writes its first score


def kill_pass(site: Site) -> str:
    """Kill a pass with all its processes, once it has written scores."""
    process = _under_way(site)
    kill_group(process)
    return f"exit code {process.returncode}"


def stop_database(site: Site) -> str:
    """Stop PostgreSQL at once while a pass scores."""
    process = _under_way(site)
    site.stop_database()
    return f"exit code {process.wait()}"


def kill_prefect(site: Site) -> str:
    """Kill Prefect's server while a pass scores; the service starts it again."""
    process = _under_way(site)
    for child in psutil.Process(site.prefect_pid).children():
        child.kill()
    return f"exit code {process.wait()}"


def lose_source(site: Site) -> str:
    """Take the inbox away, as an unmounted share is: the pass must fail."""
    away = site.inbox.with_name("unmounted")
    site.inbox.rename(away)
    ended = site.command("run", codes=(_FAILED,))
    away.rename(site.inbox)
    return f"exit code {ended.code}"


def empty_source(site: Site) -> str:
    """Leave an empty folder in its place: the pass must ask for attention."""
    away = site.inbox.with_name("unmounted")
    site.inbox.rename(away)
    site.inbox.mkdir()
    ended = site.command("run", codes=(_ATTENTION,))
    site.inbox.rmdir()
    away.rename(site.inbox)
    return f"exit code {ended.code}"


FAILURES: Mapping[str, Callable[[Site], str]] = {
    "pass killed": kill_pass,
    "database stopped": stop_database,
    "source gone": lose_source,
    "Prefect killed": kill_prefect,
    "source empty": empty_source,
}


def _under_way(site: Site) -> "subprocess.Popen[bytes]":
    """Begin a pass, and wait until it has written a score more, or has ended."""
    before = site.value("SELECT count(*) FROM score")
    process = site.begin("run")
    deadline = time.monotonic() + _LONGEST_WAIT
    while process.poll() is None and site.value("SELECT count(*) FROM score") == before:
        if time.monotonic() > deadline:
            raise BenchmarkError("a pass with images that wait scores none")
        time.sleep(0.01)
    return process
