"""One film in the many ways in which senders store it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydicom import Dataset

from severity.images.preprocessing import MODEL_LIMIT, to_model_input
from severity.reliability.out_of_distribution import frontal_distribution
from tests.builders.encoded_images import grey_image
from tests.builders.reading import read

SHAPE = (100, 104)
FULL = grey_image(bits=16, shape=SHAPE).astype(np.float64) / (2**16 - 2)
"""The film itself: a slope from black to white."""


def stored(bits: int) -> NDArray[np.uint16]:
    """Return the film's pixels with so many bits, over the whole scale."""
    return np.rint(FULL * (2**bits - 1)).astype(np.uint16)


def handed_on(content: bytes) -> NDArray[np.float32]:
    """Return what a network is given: shape (224, 224), 0 is black and 1 is white."""
    return to_model_input(read(content).grey) / (2 * MODEL_LIMIT) + 0.5


def is_flagged(content: bytes) -> bool:
    (check,) = frontal_distribution().check([to_model_input(read(content).grey)])
    return check.out_of_distribution is not None


def look_up_table(
    entries: ArrayLike,
    *,
    bits: int,
    first: int = 0,
    vr: str | None = None,
    count: int | None = None,
) -> list[Dataset]:
    """Build a LUT sequence of 16-bit words, whatever its descriptor says."""
    entries = np.asarray(entries)
    item = Dataset()
    count = len(entries) % 2**16 if count is None else count
    item.add_new("LUTDescriptor", vr or ("SS" if first < 0 else "US"), [count, first, bits])
    item.add_new("LUTData", "US", [int(entry) for entry in entries])
    return [item]


def overlay(bit: int, *, allocated: int = 16) -> Sequence[tuple[int, str, object]]:
    """Return the elements of an overlay that lies in a bit of the pixels."""
    return [
        (0x60000010, "US", SHAPE[0]),
        (0x60000011, "US", SHAPE[1]),
        (0x60000040, "CS", "G"),
        (0x60000050, "SS", [1, 1]),
        (0x60000100, "US", allocated),
        (0x60000102, "US", bit),
    ]
