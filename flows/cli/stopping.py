"""Ending a command that is told to, so that nothing half written stays."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """End the block on SIGTERM and SIGHUP as Ctrl-C does: by an exception, which cleans up.

    A second one is ignored, so that it does not end the cleaning up. What was ignored before, as
    nohup does with SIGHUP, still is.
    """

    def end(*_: int | FrameType | None) -> NoReturn:
        for number in ours:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    ours = [number for number in _ENDING if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
