"""The sidecar: patient, time and view of images whose files cannot carry them (PNG, JPEG).

One ``metadata.csv`` or ``metadata.json`` in a drop folder describes the images in that
folder and below. Columns (or keys):

filename       the image's name, or its path relative to the sidecar
patient_id     the patient; also accepted: ``patientid``
acquired_at    ISO 8601 date or date and time
offset_days    instead of ``acquired_at``: days since the patient's day 0; also ``offset``
view           PA, AP, AP Supine, L or Lateral; empty means unknown
issuer         optional: who issued the patient identifier

Further columns are ignored.
"""

import csv
import hashlib
import io
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from severity.errors import UnreadableSidecar

SIDECAR_NAMES = ("metadata.csv", "metadata.json")
_ALIASES = {"patientid": "patient_id", "offset": "offset_days"}
_FILENAME = "filename"
_UNPRINTABLE = {"Cc", "Cs"}  # Unicode categories: control characters, halves of a pair
_FIELDS = ("patient_id", "issuer", "acquired_at", "offset_days", "view")


@dataclass(frozen=True)
class SidecarRecord:
    """One image's record in the sidecar, as written there; absent values are empty."""

    patient_id: str = ""
    issuer: str = ""
    acquired_at: str = ""
    offset_days: str = ""
    view: str = ""

    @property
    def digest(self) -> str:
        """A hash that changes whenever a value of the record changes."""
        values = [getattr(self, field) for field in _FIELDS]
        # JSON keeps them apart whatever characters they hold.
        return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def parse_sidecar(name: str, content: bytes) -> dict[str, SidecarRecord]:
    """Read a sidecar.

    Parameters
    ----------
    name
        Its file name; the ending distinguishes CSV from JSON (a list of objects).
    content
        UTF-8, with or without a byte-order mark.

    Returns
    -------
    The records by the image's file name as the sidecar spells it.

    Raises
    ------
    UnreadableSidecar
        Not UTF-8, not CSV or JSON, no ``filename``, a row with more cells than columns, or
        two different values for one file.
    """
    try:
        text = content.decode("utf-8-sig")
        rows = _json_rows(text) if name.endswith(".json") else _csv_rows(text)
        return _by_filename(rows)
    # A recursion: JSON that is nested too deeply. A ValueError: everything else.
    except (ValueError, RecursionError, csv.Error) as error:
        raise UnreadableSidecar(f"{name} is not readable: {error}") from error


def _csv_rows(text: str) -> list[dict[str, object]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    rows = [_aligned(row) for row in reader if any(row.values())]
    if _FILENAME not in {column.strip() for column in reader.fieldnames or ()}:
        raise ValueError(f"there is no column {_FILENAME}")
    return rows


def _aligned(row: dict[str | None, object]) -> dict[str, object]:
    """Refuse a row with more cells than columns: its values may stand in the wrong ones."""
    surplus = row.pop(None, None)
    if isinstance(surplus, list) and any(surplus):
        raise ValueError("a row has more cells than there are columns")
    return {column: cell for column, cell in row.items() if column is not None}


def _json_rows(text: str) -> list[dict[str, object]]:
    # NaN, which is not JSON but often written, means that there is no value.
    rows = json.loads(text, parse_constant=lambda _: None)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("it must be a list of objects, one for each image")
    return rows


def _by_filename(rows: list[dict[str, object]]) -> dict[str, SidecarRecord]:
    records: dict[str, SidecarRecord] = {}
    for number, row in enumerate(rows, start=1):
        try:
            values = _values(row)
        except ValueError as error:
            raise ValueError(f"record {number}: {error}") from error
        filename = values.pop(_FILENAME, "")
        if not filename:
            raise ValueError(f"record {number}: no filename")
        record = SidecarRecord(**values)
        if records.setdefault(filename, record) != record:
            raise ValueError(f"record {number}: names a file a second time")
    return records


def _values(row: Mapping[str, object]) -> dict[str, str]:
    """Return a record's values by field name; ValueError where it contradicts itself."""
    values: dict[str, str] = {}
    for key, cell in row.items():
        field = _ALIASES.get(key.strip(), key.strip())
        value = _text(field, cell) if field in {_FILENAME, *_FIELDS} else ""
        if value and values.setdefault(field, value) != value:
            raise ValueError(f"two different values for {field}")
    return values


def _text(field: str, cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        raise ValueError(f"{field} is neither text nor a number")  # noqa: TRY004 - of the file
    value = str(cell).strip()
    if any(unicodedata.category(character) in _UNPRINTABLE for character in value):
        # PostgreSQL stores neither NUL nor half of a surrogate pair.
        raise ValueError(f"{field} contains control characters")
    return value
