"""The shape of a DICOM image's pixels, and which way up they are stored."""

import math
from dataclasses import dataclass

from pydicom import Dataset

from severity.dicom.attributes import as_written, attribute_names, optional_numbers, texts
from severity.domain import Decision
from severity.errors import UntrustworthyPixels
from severity.images.orientation import UPRIGHT, Orientation

_LEAST_DIFFERENCE = 0.01  # between a pixel's sides: less is how senders round
_MOST_STRETCHED = 4.0
_SIDES = 2


@dataclass(frozen=True)
class Geometry:
    """How stored pixels become an upright image with square pixels.

    ``aspect`` is a stored pixel's height by its width, 1 where they differ by less than 1 %.
    ``decisions`` say which attributes state it.
    """

    orientation: Orientation
    aspect: float
    decisions: tuple[Decision, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether the image is stored upright, with square pixels."""
        return self.orientation == UPRIGHT and self.aspect == 1


def geometry(dataset: Dataset) -> Geometry:
    """Return the geometry of a data set's image.

    Raises
    ------
    UntrustworthyPixels
        A pixel is more than four times as long as wide.
    """
    aspect, stated_by = _aspect(dataset)
    if not 1 / _MOST_STRETCHED <= aspect <= _MOST_STRETCHED:
        raise UntrustworthyPixels(f"the pixels are {aspect:.3g} times as high as wide")
    if abs(math.log(aspect)) < _LEAST_DIFFERENCE:
        aspect = 1.0
    orientation = _orientation(dataset)
    outcome = "square" if aspect == 1 else f"{aspect:.3g} times as high as wide: made square"
    return Geometry(
        orientation,
        aspect,
        (
            Decision("pixel shape", outcome, *_stated(dataset, stated_by)),
            Decision("orientation", str(orientation), *_stated(dataset, "PatientOrientation")),
        ),
    )


def _stated(dataset: Dataset, keyword: str) -> tuple[str, str]:
    """Return an attribute's name and what is written there; both are empty if nothing is."""
    written = as_written(dataset, keyword) if keyword else ""
    return (attribute_names(keyword) if written else "", written)


def _aspect(dataset: Dataset) -> tuple[float, str]:
    """Return a pixel's height by its width, and the first attribute that states both.

    All state the vertical side first: PS3.3, 10.7.1.3 and C.7.6.3.1.7.
    """
    for keyword in (
        "PixelSpacing",
        "ImagerPixelSpacing",
        "NominalScannedPixelSpacing",
        "PixelAspectRatio",
    ):
        sides = optional_numbers(dataset, keyword)
        if len(sides) == _SIDES and min(sides) > 0:
            return sides[0] / sides[1], keyword
    return 1.0, ""


def _orientation(dataset: Dataset) -> Orientation:
    r"""Return how the image lies, from where its rows and its columns run to: PS3.3, C.7.6.1.1.1.

    Upright is ``L\F``: rows run to the patient's left, columns to the feet. ``R\F`` counts as
    upright too: many senders write it for films from behind that are stored like all others.
    """
    directions = [text.upper()[:1] for text in texts(dataset, "PatientOrientation")]
    if len(directions) != _SIDES:
        return UPRIGHT
    match directions:
        case ["L" | "R" as row, "H"]:
            return Orientation(upside_down=True, mirrored=row == "R")
        case ["F" | "H" as row, "L" | "R" as column]:
            return Orientation(transposed=True, upside_down=row == "H", mirrored=column == "R")
        case _:
            return UPRIGHT
