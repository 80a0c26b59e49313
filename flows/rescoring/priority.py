"""A low priority of the process, so that all else on the machine goes first."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_NICENESS = 15


@contextmanager
def low_priority() -> Iterator[None]:
    """Lower the priority of this thread, and of all that are started in the context.

    At its end it is raised again where the user may; others' processes end with their flow.
    """
    before = os.getpriority(os.PRIO_PROCESS, 0)
    os.setpriority(os.PRIO_PROCESS, 0, max(before, _NICENESS))
    try:
        yield
    finally:
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, before)
