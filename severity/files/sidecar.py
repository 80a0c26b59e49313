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
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from severity.errors import UnreadableSidecar
from severity.files.packed_rows import PackedRows, Row

SIDECAR_NAMES = ("metadata.csv", "metadata.json")
_ALIASES = {"patientid": "patient_id", "offset": "offset_days"}
_FILENAME = "filename"
_UNPRINTABLE = {"Cc", "Cs"}  # Unicode categories: control characters, halves of a pair
_FIELDS = ("patient_id", "issuer", "acquired_at", "offset_days", "view")
_ROW = (_FILENAME, *_FIELDS)
_NOT_A_LIST = "it must be a list of objects, one for each image"
_MARK = re.compile(r"[ \t\r\n]*(\S)[ \t\r\n]*")
_MOST_RECORDS = 4_000_000  # bounds the memory


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


class SidecarRecords(Mapping[str, SidecarRecord]):
    """The records of a sidecar by file name, packed; each is unpacked when it is asked for."""

    def __init__(self, rows: PackedRows) -> None:
        self._rows = rows

    def __getitem__(self, filename: str) -> SidecarRecord:
        row = self._rows.find(filename)
        if row is None:
            raise KeyError(filename)
        return SidecarRecord(*row[1:])

    def __iter__(self) -> Iterator[str]:
        return (filename for filename, *_ in self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def parse_sidecar(name: str, content: bytes) -> SidecarRecords:
    """Read a sidecar.

    Parameters
    ----------
    name
        Its file name; the ending distinguishes CSV from JSON (a list of objects).
    content
        UTF-8, with or without a byte-order mark. A million records of CSV take 150 MB while they
        are read. JSON is decoded as a whole: 64 MiB take up to 400 MB, if a character beyond the
        basic plane makes all characters wide.

    Returns
    -------
    The records by the image's file name as the sidecar spells it.

    Raises
    ------
    UnreadableSidecar
        Not UTF-8, not CSV or JSON, no ``filename``, a row with more cells than columns, two
        different values for one file, or more records than fit into the memory.
    """
    try:
        records = _json_records(content) if name.endswith(".json") else _csv_records(content)
        return SidecarRecords(PackedRows(_rows(records)))
    # A recursion: JSON that is nested too deeply. A ValueError: everything else.
    except (ValueError, RecursionError, csv.Error) as error:
        raise UnreadableSidecar(f"{name} is not readable: {error}") from error


_Cells = Iterable[tuple[str, object]]
"""The cells of one record that are not ignored, each with its field."""


def _csv_records(content: bytes) -> Iterator[_Cells]:
    # Decoded line by line, so that the text is never in memory as a whole.
    lines = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="")
    reader = csv.reader(lines, strict=True)
    header = next(reader, [])
    columns = [(place, _field(name)) for place, name in enumerate(header)]
    known = [(place, field) for place, field in columns if field in _ROW]
    if _FILENAME not in (field for _, field in known):
        raise ValueError(f"there is no column {_FILENAME}")
    for row in reader:
        if any(row[len(header) :]):
            # Its values may stand in the wrong columns.
            raise ValueError("a row has more cells than there are columns")
        if any(row):
            yield [(field, row[place]) for place, field in known if place < len(row)]


def _json_records(content: bytes) -> Iterator[_Cells]:
    for record in _objects(content.decode("utf-8-sig")):
        if not isinstance(record, dict):
            raise ValueError(_NOT_A_LIST)  # noqa: TRY004 - of the file
        yield [(_field(key), value) for key, value in record.items() if _field(key) in _ROW]


def _objects(text: str) -> Iterator[object]:
    """Decode a list element by element, so that only one is in memory."""
    # NaN, which is not JSON but often written, means that there is no value.
    decoder = json.JSONDecoder(parse_constant=lambda _: None)
    mark, at = _mark(text, 0)
    if mark != "[":
        raise ValueError(_NOT_A_LIST)
    mark, at = _mark(text, at) if text[at : at + 1] == "]" else (",", at)
    while mark == ",":
        element, at = decoder.raw_decode(text, at)
        yield element
        mark, at = _mark(text, at)
    if mark != "]" or at != len(text):
        raise ValueError(_NOT_A_LIST)


def _mark(text: str, at: int) -> tuple[str, int]:
    """Return the next character that is no blank, and the place of the one after it."""
    match = _MARK.match(text, at)
    return (match[1], match.end()) if match else ("", len(text))


def _rows(records: Iterable[_Cells]) -> Iterator[Row]:
    for number, cells in enumerate(records, start=1):
        try:
            yield _row(cells)
        except ValueError as error:
            raise ValueError(f"record {number}: {error}") from error
        if number == _MOST_RECORDS:
            raise ValueError(f"it has {_MOST_RECORDS:,} records or more")


def _row(cells: _Cells) -> Row:
    """Return a record's values, its file name first; ValueError where it contradicts itself."""
    values: dict[str, str] = {}
    for field, cell in cells:
        value = _text(field, cell)
        if value and values.setdefault(field, value) != value:
            raise ValueError(f"two different values for {field}")
    if _FILENAME not in values:
        raise ValueError(f"no {_FILENAME}")
    return tuple(values.get(field, "") for field in _ROW)


def _field(column: str) -> str:
    return _ALIASES.get(column.strip(), column.strip())


def _text(field: str, cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        raise ValueError(f"{field} is neither text nor a number")  # noqa: TRY004 - of the file
    value = str(cell).strip()
    if not value.isprintable() and any(map(_is_control_character, value)):
        # PostgreSQL stores neither NUL nor half of a surrogate pair.
        raise ValueError(f"{field} contains control characters")
    return value


def _is_control_character(character: str) -> bool:
    return unicodedata.category(character) in _UNPRINTABLE
