"""What commands print where a terminal is not UTF-8."""

import io
import sys


def escape_what_cannot_be_written() -> None:
    r"""Let standard output and error escape (``\u25cf``) what their encoding has no character for.

    Else the first such character, of a bar or in a file's name, would end the command.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
