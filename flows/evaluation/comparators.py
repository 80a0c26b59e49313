"""Comparators: published systems' predictions for the same images, one CSV for each system.

A column ``filename`` (or ``fname``) names the image. Of the others, ``geo`` predicts geographic
extent and ``opacity`` opacity; a single other column is read as both predictions.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from flows.errors import UsageError

PublishedPoints = Mapping[str, tuple[float, float]]
"""A system's outputs for extent and opacity, on its own scale, by image."""

COMPARATORS: Mapping[str, str] = {
    "BS-Net": "bsnet-singlemodel-cidc.csv",
    "COVID-Net-Sev": "covidnet-sev-cidc.csv",
    "PXS": "pxs-cidc.csv",
    "COVID-Net-S": "covidnet-s-cidc.csv",
}
"""The file of each system in the authors' repository, mlmed/covid-severity; any other file is
called by its own name."""

_IMAGE = ("filename", "fname")
_EXTENT_AND_OPACITY = ("geo", "opacity")


def read_comparators(folder: Path) -> dict[str, PublishedPoints]:
    """Read the outputs of every system in a folder, for extent and opacity by image.

    Raises
    ------
    UsageError
        There is no CSV file in the folder, or one is not as described.
    """
    files = {path.name: path for path in sorted(folder.glob("*.csv"))}
    if not files:
        raise UsageError(f"there is no .csv file in {folder}")
    named = {name: files.pop(file) for name, file in COMPARATORS.items() if file in files}
    named |= {path.stem: path for path in files.values()}
    return {name: read_comparator(path) for name, path in named.items()}


def read_comparator(path: Path) -> PublishedPoints:
    """Read one system's outputs for extent and opacity, by image."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            image, extent, opacity = _columns(rows.fieldnames or ())
            return {row[image]: (float(row[extent]), float(row[opacity])) for row in rows}
    except (OSError, UnicodeDecodeError, csv.Error, TypeError, ValueError) as error:
        raise UsageError(f"{path} is not a table of a system's outputs: {error}") from error


def _columns(columns: Sequence[str]) -> tuple[str, str, str]:
    image = next((name for name in _IMAGE if name in columns), None)
    if image is None:
        raise ValueError("there is no column filename or fname")
    if set(_EXTENT_AND_OPACITY) <= set(columns):
        return image, *_EXTENT_AND_OPACITY
    others = [name for name in columns if name != image]
    if len(others) != 1:
        raise ValueError("there must be columns geo and opacity, or one column of outputs")
    return image, others[0], others[0]
