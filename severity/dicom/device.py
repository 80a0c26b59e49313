"""The device that took a DICOM image: its manufacturer, model and station."""

import unicodedata

from pydicom import Dataset

from severity.dicom.attributes import whole_text
from severity.domain import Device

LONGEST = 64
"""Characters that are kept of each name, as many as DICOM allows (PS3.5, 6.2: LO)."""


def device(dataset: Dataset) -> Device | None:
    """Return what a data set says of the device that took its image; None if nothing.

    Blanks in a row count as one, control characters as none: a name is stored, listed and compared.
    """
    names = Device(
        manufacturer=_name(dataset, "Manufacturer"),
        model=_name(dataset, "ManufacturerModelName"),
        station=_name(dataset, "StationName"),
    )
    return names if names != Device() else None


def _name(dataset: Dataset, keyword: str) -> str:
    text = " ".join(whole_text(dataset, keyword).split())
    printable = (char for char in text if not unicodedata.category(char).startswith("C"))
    return "".join(printable)[:LONGEST].strip()
