"""A file that someone names, rather than one that an inbox lists."""

from pathlib import Path

from severity.domain import Reason
from severity.errors import UnreadableImage
from severity.images.limits import check_bytes


def read_local_file(path: Path) -> bytes:
    """Read a whole file, unless it is larger than an image may be.

    Raises
    ------
    RejectedImage
        It is too large, or cannot be read.
    """
    try:
        check_bytes(path.stat().st_size)
        return path.read_bytes()
    except OSError as error:
        raise UnreadableImage(Reason.VANISHED, f"cannot be read: {error.strerror}") from error
