"""Comparators: published systems' predictions for the same images, one CSV for each system.

A column ``filename`` (or ``fname``) names the image. Of the others, ``geo`` predicts geographic
extent and ``opacity`` opacity; a single other column is read as both predictions.
`flows.labelled_images.tables` says how the file is read.
"""

from collections.abc import Mapping
from pathlib import Path

from flows.errors import UsageError
from flows.labelled_images.tables import Table, read_table
from severity.vocabulary.numbers import parse_number

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
    """Read one system's outputs for extent and opacity, by image.

    Raises
    ------
    UsageError
        The table is not as described, or two rows of one image differ.
    """
    table = read_table(path, _IMAGE)
    try:
        extent, opacity = _outputs(table)
        points = [(parse_number(row[extent]), parse_number(row[opacity])) for row in table.rows]
    except ValueError as error:
        raise UsageError(f"{path} is not a table of a system's outputs: {error}") from error
    outputs: dict[str, tuple[float, float]] = {}
    for number, (row, pair) in enumerate(zip(table.rows, points, strict=True), start=1):
        if outputs.setdefault(row[table.image_column], pair) != pair:
            raise UsageError(f"{path}: record {number} has other outputs than an earlier one")
    return outputs


def _outputs(table: Table) -> tuple[str, str]:
    """Return the columns of extent and of opacity."""
    if set(_EXTENT_AND_OPACITY) <= set(table.columns):
        return _EXTENT_AND_OPACITY
    others = [name for name in table.columns if name != table.image_column]
    if len(others) != 1:
        raise ValueError("there must be columns geo and opacity, or one column of outputs")
    return others[0], others[0]
