"""Attributes of a DICOM data set as text or numbers, whatever their type and number of values."""

import math
from functools import cache

from pydicom import Dataset
from pydicom.datadict import dictionary_description
from pydicom.tag import Tag
from pydicom.valuerep import PersonName

_PADDING = "\0 \t\r\n"
_CODE_STRINGS = (
    "Modality",
    "ImageType",
    "PresentationIntentType",
    "PatientOrientation",
    "PhotometricInterpretation",
    "VOILUTFunction",
)


@cache
def attribute_names(*keywords: str) -> str:
    """Name attributes as the standard does, such as ``View Position (0018,5101)``."""
    tags = [Tag(keyword) for keyword in keywords]
    return ", ".join(
        f"{dictionary_description(tag)} ({tag.group:04X},{tag.element:04X})" for tag in tags
    )


def as_written(dataset: Dataset, *keywords: str) -> str:
    """Return the values of attributes in one line; a backslash parts those of one attribute."""
    return " ".join(filter(None, (whole_text(dataset, keyword) for keyword in keywords)))


def texts(dataset: Dataset, keyword: str) -> list[str]:
    """Return an attribute's values without padding; an empty list if absent.

    Also where its type is one whose backslash parts no values. Bytes (OB) have no character set:
    what is no ASCII there cannot be decoded.
    """
    value = dataset.get(keyword)
    if isinstance(value, bytes):
        value = value.decode("ascii", errors="replace").rstrip(_PADDING)
    if value is None or value == "":
        return []
    if isinstance(value, str):
        value = value.split("\\")
    several = not isinstance(value, PersonName) and hasattr(value, "__len__")
    return [str(item).strip(_PADDING) for item in (value if several else [value])]


def first_text(dataset: Dataset, keyword: str) -> str:
    """Return the first value; empty if absent. For attributes that classify."""
    return next(iter(texts(dataset, keyword)), "")


def whole_text(dataset: Dataset, keyword: str) -> str:
    r"""Return all values as written, joined with ``\``; empty if absent. For identifiers.

    An identifier may not contain that character. Where one does, taking the first part alone
    would make one patient of several.
    """
    return "\\".join(texts(dataset, keyword))


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """Return an attribute's values as numbers; an empty list if absent or empty."""
    value = dataset.get(keyword)
    if isinstance(value, str | bytes):  # of a type that has no numbers
        value = texts(dataset, keyword)
    if value is None:
        return []
    return [float(item) for item in (value if hasattr(value, "__len__") else [value])]


def first_number(dataset: Dataset, keyword: str) -> float | None:
    """Return the first value as a number; None where it is absent or empty."""
    return next(iter(numbers(dataset, keyword)), None)


def optional_numbers(dataset: Dataset, keyword: str) -> list[float]:
    """Return the values as numbers; an empty list also where any of them is none.

    For attributes without which an image is read as well.
    """
    try:
        values = numbers(dataset, keyword)
    except (ValueError, TypeError, OverflowError):
        return []
    return values if all(map(math.isfinite, values)) else []


def put_code_strings_into_capitals(dataset: Dataset) -> None:
    """Write the code strings that classify as the standard does: in capitals, without padding.

    Some senders write them in small letters (DICOM PS3.5, 6.2: VR CS has capitals alone).
    """
    for keyword in _CODE_STRINGS:
        values = texts(dataset, keyword)
        capitals = [value.upper() for value in values]
        if capitals != values:
            dataset[keyword].value = capitals if len(capitals) > 1 else capitals[0]
