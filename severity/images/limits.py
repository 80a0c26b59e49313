"""The limits that every reader keeps before it allocates anything. Standard library only."""

from severity.domain import Reason
from severity.errors import ImageOutsideLimits

MOST_BYTES = 256 * 2**20  # a 60-megapixel detector at 16 bit, twice over
_LARGEST_SIDE = 10_000
_MOST_PIXELS = 64_000_000
_SMALLEST_SIDE = 100  # below, upsampling would invent more than half of each axis


def check_bytes(size: int, *, most: int = MOST_BYTES) -> None:
    """Refuse a file that is too large to read into memory."""
    if size > most:
        raise ImageOutsideLimits(
            Reason.TOO_LARGE, f"{size} bytes are more than the limit of {most}"
        )


def check_size(rows: int, columns: int) -> None:
    """Refuse, before any pixel is decoded, an image that is too large or too small."""
    if max(rows, columns) > _LARGEST_SIDE or rows * columns > _MOST_PIXELS:
        raise ImageOutsideLimits(
            Reason.TOO_LARGE,
            f"{rows} x {columns} pixels exceed the limit of {_LARGEST_SIDE} a side "
            f"or {_MOST_PIXELS} in all",
        )
    if min(rows, columns) < _SMALLEST_SIDE:
        raise ImageOutsideLimits(
            Reason.TOO_SMALL, f"{rows} x {columns} pixels: {_SMALLEST_SIDE} a side is the least"
        )
