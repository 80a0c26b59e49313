"""Which of the scheduled passes of one home works, if one is due before the last has ended.

Two at once would do no harm, since the ledger gives each image to one; but each loads a network,
and they would take each other's cores.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from flows.home import locked, private_home
from flows.resources import Progress

_LONGEST_SILENCE = timedelta(minutes=15)


@contextmanager
def pass_turn(home: Path, progress: Progress) -> Iterator[Progress | None]:
    """Give the turn to a pass, with a progress that keeps it; None while another has it.

    A pass without progress for a quarter of an hour may hang: the next one starts beside it. The
    lock is the kernel's, so that no pass that was killed keeps a turn.
    """
    path = private_home(home) / "pass.lock"
    with locked(path) as free:
        if not free and time.time() - path.stat().st_mtime < _LONGEST_SILENCE.total_seconds():
            yield None
            return
        os.utime(path)
        yield _Turn(path, progress)


class _Turn(Progress):
    """Marks each progress as the time of the lock's file, and passes it on."""

    def __init__(self, path: Path, shown: Progress) -> None:
        self._path = path
        self._shown = shown

    def loading(self) -> None:
        os.utime(self._path)
        self._shown.loading()

    def listed(self) -> None:
        os.utime(self._path)
        self._shown.listed()

    def waiting(self, images: int) -> None:
        os.utime(self._path)
        self._shown.waiting(images)

    def advanced(self, *, scored: int, rejected: int) -> None:
        os.utime(self._path)
        self._shown.advanced(scored=scored, rejected=rejected)
