"""Single files of this machine, outside an inbox."""

from pathlib import Path

from severity.domain import Reason
from severity.errors import UnreadableImage
from severity.images.limits import check_bytes


def read_local_file(path: Path) -> bytes:
    """Read a file whole.

    Raises
    ------
    RejectedImage
        The file is beyond the limit on bytes, or cannot be read.
    """
    try:
        check_bytes(path.stat().st_size)
        return path.read_bytes()
    except OSError as error:
        raise UnreadableImage(Reason.VANISHED, f"cannot be read: {error.strerror}") from error
