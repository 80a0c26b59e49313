"""How often a PACS that does not answer is asked again, and how fast one that does is asked."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar

from flows.errors import PacsError

_Answer = TypeVar("_Answer")
_LONGEST_PAUSE = 60.0  # seconds


class NoAnswer(PacsError):
    """The PACS did not answer this time. It may ask for a pause, in seconds, before the next."""

    def __init__(self, message: str, pause: float = 0.0) -> None:
        super().__init__(message)
        self.pause = pause


@dataclass(frozen=True)
class Patience:
    """How often the same question is asked, and how long an answer may take.

    ``pause`` is how many seconds lie before the second time, then twice that each time. A part of
    each is left to chance, so that several programs do not ask at once.
    """

    attempts: int = 5
    pause: float = 1.0
    answer_seconds: float = 60.0

    def persist(self, ask: Callable[[], _Answer]) -> _Answer:
        """Ask until there is an answer.

        Raises
        ------
        NoAnswer
            There is none, however often it was asked.
        """
        for attempt in range(1, self.attempts):
            try:
                return ask()
            except NoAnswer as none:
                pause = self.pause * 2 ** (attempt - 1) * random.uniform(1.0, 1.25)  # noqa: S311 - no secret
                time.sleep(min(max(pause, none.pause), _LONGEST_PAUSE))
        return ask()


@dataclass
class Pace:
    """Lets what several threads do begin no more often than so many times a second."""

    per_second: float
    _lock: Lock = field(default_factory=Lock, repr=False)
    _next: float = 0.0

    def wait(self) -> None:
        """Wait for a turn."""
        with self._lock:
            turn = max(time.monotonic(), self._next)
            self._next = turn + 1 / self.per_second
        time.sleep(max(0.0, turn - time.monotonic()))
