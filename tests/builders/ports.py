"""Free ports of this machine."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def reserved_port() -> Iterator[int]:
    """Reserve a port on which nothing listens: connections are refused at once."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


def free_ports(count: int) -> list[int]:
    """Return ports that were free a moment ago; another program may be faster."""
    with ExitStack() as stack:
        return [stack.enter_context(reserved_port()) for _ in range(count)]
