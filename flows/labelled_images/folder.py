"""A labelled folder: images with their readers' scores and patients.

``severity_scores.csv`` has the columns ``filename``, ``geographic_extent_mean`` (0 to 8) and
``opacity_mean``. ``brixia_scores.csv`` has ``filename`` and each reader's zones or global Brixia
score; see `severity.evaluation.brixia`. ``metadata.csv``, optional, has ``filename``,
``patientid`` (or ``patient_id``), ``view``, ``sex`` and ``age``, as far as they are known; a table
of labels may have them too, and ``metadata.csv`` counts where they differ. The images lie next to
the tables or in ``images/``. The tables are CSV in UTF-8, separated by commas, with decimal points;
the case of their columns does not matter.
"""

import hashlib
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from flows.errors import UsageError
from flows.labelled_images.image_files import find_if_inside, find_image
from flows.labelled_images.tables import FILENAME, read_table
from severity.domain import Scale
from severity.evaluation import brixia
from severity.vocabulary.numbers import parse_number

LABELS, METADATA = "severity_scores.csv", "metadata.csv"
READERS_EXTENT_SCALE = Scale(0, 8)
"""The scale of extent in every published set of labels."""

_EXTENT, _OPACITY = "geographic_extent_mean", "opacity_mean"
_DETAILS = ("patientid", "view", "sex", "age")


class LabelKind(StrEnum):
    """The kind of scores that an image's points come from, the better first."""

    READERS = "readers"  # scored on these two scales
    BRIXIA = "brixia"  # a proxy for both, computed from a Brixia score


BRIXIA_LABELS = "brixia_scores.csv"
_FILES = {LabelKind.READERS: LABELS, LabelKind.BRIXIA: BRIXIA_LABELS}


@dataclass(frozen=True)
class LabelledImage:
    """One image that readers scored; unknown attributes are empty."""

    name: str
    path: Path
    extent: float
    opacity: float
    patient: str = ""
    view: str = ""
    sex: str = ""
    age: float | None = None
    label: LabelKind = LabelKind.READERS


@dataclass(frozen=True)
class LabelledFolder:
    """The labelled images of a folder; ``missing`` names those whose file is absent.

    ``label_files`` has the SHA-256 of each table of labels by its name, ``labels_sha256`` that of
    all of them together. ``ignored_columns`` end as a Brixia score does, but are no reader's.
    """

    images: tuple[LabelledImage, ...]
    missing: tuple[str, ...]
    opacity: Scale
    label_files: Mapping[str, str]
    ignored_columns: tuple[str, ...] = ()

    @property
    def labels_sha256(self) -> str:
        """Return one hash that identifies all labels."""
        hashes = list(self.label_files.values())
        return (
            hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
        )


_Image = Path | str
"""The path of an image, or its name if it is missing."""
_Find = Callable[[Path, str], Path | None]


@dataclass(frozen=True)
class _Table:
    content: bytes
    columns: Sequence[str]
    rows: Mapping[_Image, Mapping[str, str]]


def read_labelled(
    folder: Path, *, opacity: Scale, kinds: Collection[LabelKind] = (LabelKind.READERS,)
) -> LabelledFolder:
    """Read the labels of a folder, and find its images.

    Parameters
    ----------
    opacity
        The scale of ``opacity_mean``: 0 to 6 in Cohen et al. 2020, 0 to 8 in the RALO set.
    kinds
        Which labels to read; if an image has several, the best counts, by `LabelKind`'s order.

    Raises
    ------
    UsageError
        A table is absent or not as described, a number lies beyond its scale, two rows of one file
        differ, or a name leads out of the folder.
    """
    tables = {kind: _read(folder / _FILES[kind], find_image) for kind in LabelKind if kind in kinds}
    labelled: dict[_Image, tuple[LabelKind, Mapping[str, str]]] = {}
    for kind, table in tables.items():
        for image, row in table.rows.items():
            labelled.setdefault(image, (kind, row))
    metadata = folder / METADATA
    records = _read(metadata, find_if_inside).rows if metadata.exists() else {}
    images, missing = [], []
    for path, (kind, row) in labelled.items():
        if not isinstance(path, Path):
            missing.append(path)
            continue
        details = _details(row) | _details(records.get(path, {}))
        extent, opacity_points = _extent_and_opacity(row, kind, opacity, folder / _FILES[kind])
        images.append(
            LabelledImage(
                name=row[FILENAME],
                path=path,
                extent=extent,
                opacity=opacity_points,
                patient=details.get("patientid", ""),
                view=details.get("view", ""),
                sex=details.get("sex", "").upper()[:1],
                age=_age(details.get("age", "")),
                label=kind,
            )
        )
    digests = {
        _FILES[kind]: hashlib.sha256(table.content).hexdigest() for kind, table in tables.items()
    }
    ignored = (
        brixia.ignored_columns(tables[LabelKind.BRIXIA].columns)
        if LabelKind.BRIXIA in tables
        else []
    )
    return LabelledFolder(tuple(images), tuple(missing), opacity, digests, tuple(ignored))


def _details(row: Mapping[str, str]) -> dict[str, str]:
    """Return what a row says of an image's patient and view, by columns as a sidecar knows them."""
    details: dict[str, str] = {}
    for column, value in row.items():
        name = "".join(filter(str.isalnum, column))
        if name in _DETAILS and value and details.setdefault(name, value) != value:
            raise UsageError(f"{row[FILENAME]} has two different values for {name}")
    return details


def _extent_and_opacity(
    row: Mapping[str, str], kind: LabelKind, opacity: Scale, path: Path
) -> tuple[float, float]:
    """Return an image's extent and opacity in points."""
    match kind:
        case LabelKind.READERS:
            return (
                _points(row, _EXTENT, READERS_EXTENT_SCALE, path),
                _points(row, _OPACITY, opacity, path),
            )
        case LabelKind.BRIXIA:
            try:
                score = brixia.global_score(row)
            except ValueError as error:
                raise UsageError(f"{path}: {row[FILENAME]}: {error}") from error
            return brixia.as_points(score, READERS_EXTENT_SCALE), brixia.as_points(score, opacity)


def _read(path: Path, find: _Find) -> _Table:
    """Read a table's rows by image; two rows of one image, under any names, must be equal."""
    table = read_table(path)
    rows: dict[_Image, Mapping[str, str]] = {}
    for number, row in enumerate(table.rows, start=1):
        name = row[FILENAME]
        earlier = rows.setdefault(find(path.parent, name) or name, row)
        if {**earlier, FILENAME: name} != row:
            raise UsageError(f"{path}: record {number} names {name} a second time")
    return _Table(table.content, table.columns, rows)


def _points(row: Mapping[str, str], column: str, scale: Scale, path: Path) -> float:
    try:
        points = parse_number(row[column])
    except KeyError as error:
        raise UsageError(f"{path} has no column {column}") from error
    except ValueError as error:
        raise UsageError(
            f"{path}: {column} of {row[FILENAME]} is no number; leave out an "
            "image that has no score"
        ) from error
    if not scale.lowest <= points <= scale.highest:
        hint = "; see --opacity-scale" if column == _OPACITY else ""
        raise UsageError(
            f"{path}: {column} of {row[FILENAME]} is {points:g}, not from "
            f"{scale.lowest:g} to {scale.highest:g}{hint}"
        )
    return points


def _age(text: str) -> float | None:
    """Parse an age in years; None if it is no finite number."""
    try:
        years = parse_number(text)
    except ValueError:
        return None
    return years if math.isfinite(years) else None
