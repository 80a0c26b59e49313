"""Receiving in the foreground: which folder is written to, and how the service starts and ends."""

from collections.abc import Callable

from flows import service_manager
from flows.arrivals.location import drop_folder, is_scored
from flows.arrivals.receipts import RECEIPTS, Receipts
from flows.arrivals.receiver import Receiver, log
from flows.arrivals.writer import DropFolder
from flows.dicom_node import Node
from flows.errors import UsageError
from flows.home import locked, private_folder, private_home
from flows.resources import Resources


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
            announce(str(Node(settings.receiver_title, host, port)))
            service_manager.notify(service_manager.READY)
            server.alive = lambda: service_manager.notify(service_manager.ALIVE)
            try:
                server.serve_forever()
            finally:
                service_manager.notify(service_manager.STOPPING)


def receiver(resources: Resources) -> Receiver:
    """Return the receiver that the settings describe.

    Raises
    ------
    UsageError
        Its folder cannot be used.
    """
    settings = resources.settings
    chosen = drop_folder(settings)
    if not is_scored(chosen, settings):
        log.warning("the drop folder is no source that is set: nothing there is scored")
    folder = DropFolder.open(
        chosen,
        resources.arrival_digest,
        least_free_bytes=settings.receiver_least_free_bytes,
    )
    return Receiver(settings, folder, Receipts.of(settings.home))
