"""All parts in one process and its children: database, dashboard, Prefect's server, schedule."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread, Timer

from db.embedded import is_answering
from flows.dashboard import server as dashboard
from flows.deployments.serving import serve_sources
from flows.errors import PartEnded
from flows.resources import Resources

_CHECK_SECONDS = 2.0
_GRACE_SECONDS = 20.0  # in which the other parts end; without the database they may wait for it
_FAILURE = 1


def run_together(resources: Resources, *, announce: Callable[[str], object]) -> None:
    """Run all parts until the process is told to end, or until one of them ends.

    Parameters
    ----------
    announce
        Called with a line for each part, which says where it is.

    Raises
    ------
    KeyboardInterrupt
        Ctrl-C was pressed.
    PartEnded
        A part ended by itself.
    """
    end = _End()
    with _ending_on_sigterm(), _database(resources, end) as database:
        announce(f"Database: {database}")
        with dashboard.serving(resources, ended=end.of("the dashboard")) as address:
            announce(f"Dashboard: {address}")
            for source in resources.settings.all_sources:
                announce(f"{source.name.capitalize()}: {source.location}")
            if os.environ.get("PREFECT_API_URL"):
                announce("Prefect: the server that PREFECT_API_URL names")
            serve_sources(
                resources,
                announce=announce,
                quiet=True,
                server_ended=end.of("Prefect's server"),
            )
    end.raise_if_of_a_part()


class _End:
    """The end of all parts because one of them has ended."""

    def __init__(self) -> None:
        self._message = ""

    def of(self, part: str) -> Callable[[], None]:
        """Return what is to be called, from any thread, when a part ends by itself."""

        def ended() -> None:
            self._message = self._message or f"{part} ended by itself; so did all other parts then"
            forced = Timer(_GRACE_SECONDS, self._force)
            forced.daemon = True
            forced.start()
            os.kill(os.getpid(), signal.SIGTERM)

        return ended

    def raise_if_of_a_part(self) -> None:
        if self._message:
            raise PartEnded(self._message)

    def _force(self) -> None:
        """End this process; its children end with it, however it ends."""
        sys.stderr.write(f"cxr-severity: {self._message}\n")
        sys.stderr.flush()
        os._exit(_FAILURE)


@contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """Leave the block on SIGTERM; Prefect's runner puts its own handler in place while it runs."""
    told = Event()

    def end(*_: object) -> None:
        told.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except KeyboardInterrupt:
        if not told.is_set():
            raise
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _database(resources: Resources, end: _End) -> Iterator[str]:
    """Open the database, and watch it if it is the embedded one; the value says where it is."""
    resources.open_database()
    if resources.settings.database_url is not None:
        yield "the PostgreSQL that DATABASE_URL names"
        return
    folder, stopping = resources.settings.home / "postgres", Event()
    ended = end.of("the embedded PostgreSQL")

    def watch() -> None:
        while not stopping.wait(_CHECK_SECONDS):
            if not is_answering(folder):
                ended()
                return

    Thread(target=watch, name="database", daemon=True).start()
    try:
        yield f"embedded PostgreSQL in {folder}"
    finally:
        stopping.set()
