"""Receiving in the foreground: which folder is written to, and how the service starts and ends."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from flows import service_manager
from flows.arrivals.receipts import RECEIPTS, Receipts
from flows.arrivals.receiver import Receiver
from flows.arrivals.writer import DropFolder
from flows.errors import UsageError
from flows.home import locked, private_folder, private_home
from flows.resources import Resources
from flows.settings import Settings


def receive(resources: Resources, *, announce: Callable[[str], object]) -> None:
    """Receive films until the process is interrupted or told to end.

    Parameters
    ----------
    announce
        Is called with the address once the port is taken.

    Raises
    ------
    UsageError
        The folder, the port or a certificate cannot be used, or another receiver works.
    """
    settings = resources.settings
    receipts = private_home(settings.home) / RECEIPTS
    with locked(private_folder(receipts) / "receiver.lock") as is_only:
        if not is_only:
            raise UsageError(f"another receiver writes to {receipts}")
        with receiver(resources).listening() as server:
            host, port, *_ = server.server_address
            announce(f"{settings.receiver_title}@{f'[{host}]' if ':' in host else host}:{port}")
            service_manager.notify(service_manager.READY)
            server.alive = lambda: service_manager.notify(service_manager.ALIVE)
            try:
                server.serve_forever()
            finally:
                with suppress(OSError):
                    service_manager.notify(service_manager.STOPPING)


def receiver(resources: Resources) -> Receiver:
    """Return the receiver that the settings describe.

    Raises
    ------
    UsageError
        Its folder cannot be used.
    """
    settings = resources.settings
    folder = DropFolder.open(
        drop_folder(settings),
        resources.arrival_digest,
        least_free_bytes=settings.receiver_least_free_bytes,
    )
    return Receiver(settings, folder, Receipts.of(settings.home))


def drop_folder(settings: Settings) -> Path:
    """Return the folder that the receiver writes to, as the ledger names it as a source.

    Raises
    ------
    UsageError
        None is set.
    """
    chosen = settings.receiver_folder or settings.inbox
    if chosen is None or "://" in str(chosen).removeprefix("file://"):
        raise UsageError(
            "no drop folder: give --folder DIR, or set SEVERITY_RECEIVER_FOLDER or a folder as "
            "SEVERITY_INBOX"
        )
    return Path(str(chosen).removeprefix("file://")).expanduser().resolve()
