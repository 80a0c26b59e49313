"""What a service tells the manager that started it, such as systemd (`sd_notify`)."""

import os
import socket
from contextlib import suppress

READY, ALIVE, STOPPING = "READY=1", "WATCHDOG=1", "STOPPING=1"


def notify(state: str) -> None:
    """Tell the service manager a state; without one that listens, nothing happens.

    References
    ----------
    * systemd, ``sd_notify(3)``: datagrams to the socket that ``NOTIFY_SOCKET`` names.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]  # in the abstract namespace of Linux
    # A manager that is gone ends no service: whoever needs it misses what it is told.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, suppress(OSError):
        sender.sendto(state.encode(), address)
