"""What commands print: where a terminal is not UTF-8, a disk is full or nobody reads on."""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from flows.cli.exit_codes import FAILURE


def escape_what_cannot_be_written() -> None:
    r"""Let standard output and error escape (``\u25cf``) what their encoding has no character for.

    Else the first such character, of a bar or in a file's name, would end the command.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def written_to_the_end() -> Iterator[None]:
    """Write what was printed before the block ends, while a failure of it can still be told.

    Else Python does so last of all, and ends with a traceback and an exit code of its own. That
    nobody reads on (`| head`) is no failure to tell.

    Raises
    ------
    OSError
        What was printed cannot be written.
    """
    try:
        yield
    finally:
        try:
            sys.stdout.flush()
        except OSError as error:
            _drop_what_is_left()
            if error.errno == errno.EPIPE:
                sys.exit(FAILURE)
            raise


def _drop_what_is_left() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
