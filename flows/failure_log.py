"""The log of failures: the tracebacks that a terminal does not show, without any value."""

import copy
import logging
import os
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import cast

from db.errors import DatabaseError
from flows.errors import FlowsError
from flows.home import home_of_environment
from severity.errors import SeverityError

_LARGEST_BYTES = 1_000_000
_OLDER_FILES = 3
_LOGGER = logging.getLogger("cxr_severity")
_OWN = (DatabaseError, FlowsError, SeverityError)


class FailureLog(RotatingFileHandler):
    """A log file that is made with its first record; only its owner may read it.

    ``problem`` says why the last record could not be written, if it could not.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(
            file, maxBytes=_LARGEST_BYTES, backupCount=_OLDER_FILES, encoding="utf-8", delay=True
        )
        self.problem = ""
        self.setFormatter(_Tracebacks("%(asctime)s %(process)d %(levelname)s %(name)s %(message)s"))

    def write(self, error: BaseException) -> None:
        """Write the traceback of a failure that a person is told of in one line."""
        info = (type(error), error, error.__traceback__)
        name, message = _LOGGER.name, "the command failed"
        self.handle(_LOGGER.makeRecord(name, logging.ERROR, "", 0, message, (), info))

    def close(self) -> None:
        """Close the file; what a full disk has not taken is lost."""
        with suppress(OSError):
            super().close()

    def _open(self) -> TextIOWrapper:
        Path(self.baseFilename).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Not by pathlib, which takes no opener; the handler closes the file.
        return open(self.baseFilename, "a", encoding="utf-8", opener=_private)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's
        """Note why a record was lost, instead of printing a traceback."""
        error = sys.exception()
        known = isinstance(error, OSError) and error.strerror
        self.problem = known or type(error).__name__


class _Tracebacks(logging.Formatter):
    """Formats tracebacks without the messages of foreign errors, which quote values."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record, whose traceback another handler may have formatted before."""
        own = copy.copy(record)
        own.exc_text = None
        return super().format(own)

    def formatException(self, ei: object) -> str:  # noqa: N802 - logging's
        _, error, _ = cast("tuple[type, BaseException, object]", ei)
        return "".join(_lines(error)).rstrip()


@contextmanager
def failure_log() -> Iterator[FailureLog]:
    """Log to a file in the home folder whatever would go to the terminal as a traceback.

    Prefect leaves the handlers of others as they are, and adds none that prints.
    """
    log = FailureLog(home_of_environment() / "log" / "cxr-severity.log")
    root, hooks = logging.getLogger(), (threading.excepthook, sys.unraisablehook)
    root.addHandler(log)
    threading.excepthook = _log_thread
    sys.unraisablehook = _log_unraisable
    try:
        yield log
    finally:
        threading.excepthook, sys.unraisablehook = hooks
        root.removeHandler(log)
        log.close()


def log_to_terminal() -> None:
    """Let Prefect log to the terminal: for a service, whose log that is."""
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, FailureLog):
            root.removeHandler(handler)


def _log_thread(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is not None and not isinstance(ended.exc_value, SystemExit):
        _LOGGER.error("a thread failed", exc_info=ended.exc_value)


def _log_unraisable(ignored: "sys.UnraisableHookArgs") -> None:
    if ignored.exc_value is not None:
        _LOGGER.error("an error was ignored", exc_info=ignored.exc_value)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _lines(error: BaseException) -> Iterator[str]:
    """Yield the lines of a traceback, from the first cause on."""
    if cause := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        yield from _lines(cause)
        yield "\nwhich led to:\n\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__}"
    if isinstance(error, _OWN):
        yield f": {error}"
    elif isinstance(error, OSError) and error.strerror:
        yield f": {error.strerror}"
    yield "\n"
