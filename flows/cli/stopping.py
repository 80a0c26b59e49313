"""Ending a command that is told to, so that nothing half written stays."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from types import FrameType
from typing import NoReturn

_ENDING = (signal.SIGTERM, signal.SIGHUP)
_MOMENT = 0.1  # seconds, in which the callback returns


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


@contextmanager
def repeated_interruptions() -> Iterator[None]:
    """Interrupt once more where Python has ignored it, as it does in a callback or a destructor.

    They run anywhere: a command that imports much, for one, is often within them.
    """

    def repeat(ignored: "sys.UnraisableHookArgs") -> None:
        if isinstance(ignored.exc_value, KeyboardInterrupt):
            Timer(_MOMENT, os.kill, (os.getpid(), signal.SIGINT)).start()
        else:
            others(ignored)

    others, sys.unraisablehook = sys.unraisablehook, repeat
    try:
        yield
    finally:
        sys.unraisablehook = others
