"""Libraries that comment on every broken file, kept quiet while they read one."""

import logging
import warnings
from threading import Lock
from types import TracebackType

# Their messages quote the values that they find, which may be a patient's.
_CHATTY = ("pydicom", "imagecodecs", "PIL")


class _Silence:
    """Suppresses warnings, and the log of some libraries, while any thread is inside.

    `warnings.catch_warnings` alone saves and restores what the whole process shares: two
    threads that overlap would leave every warning switched off for good.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._caught = warnings.catch_warnings()
        self._passed_on: dict[str, bool] = {}

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._begin()
            self._inside += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._end()

    def _begin(self) -> None:
        self._caught = warnings.catch_warnings()
        self._caught.__enter__()
        warnings.simplefilter("ignore")
        for name in _CHATTY:
            logger = logging.getLogger(name)
            self._passed_on[name] = logger.propagate
            logger.propagate = False
            if not logger.handlers:
                # Without any handler, Python would write to standard error.
                logger.addHandler(logging.NullHandler())

    def _end(self) -> None:
        for name, passed_on in self._passed_on.items():
            logging.getLogger(name).propagate = passed_on
        self._caught.__exit__(None, None, None)


silence = _Silence()
"""Use as ``with silence:``; may be entered by several threads at once."""
