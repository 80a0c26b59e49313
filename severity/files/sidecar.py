"""The sidecar: patient, time and view of images whose files cannot carry them (PNG, JPEG).

One ``metadata.csv`` or ``metadata.json`` in a drop folder describes the images in that
folder and below. Columns (or keys), in any case and with or without blanks, ``_`` and ``-``:

filename       the image's path relative to the sidecar, or its name
patient_id     the patient
acquired_at    date, or date and time (`severity.vocabulary.times`)
offset_days    instead of ``acquired_at``: days since the patient's day 0; also ``offset``
view           any words of `severity.vocabulary.views`; empty means unknown
issuer         optional: who issued the patient identifier

Further columns are ignored. A name that could mean several files means none of them:
`flows.sources.sidecars`.
"""

import csv
import hashlib
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from severity.errors import UnreadableSidecar
from severity.files.packed_rows import PackedRows, Row
from severity.files.sidecar_encoding import encoding_of
from severity.vocabulary.characters import has_control_characters

SIDECAR_NAMES = ("metadata.csv", "metadata.json")
_FILENAME = "filename"
COLUMNS = {
    "filename": _FILENAME,
    "patientid": "patient_id",
    "issuer": "issuer",
    "acquiredat": "acquired_at",
    "offsetdays": "offset_days",
    "offset": "offset_days",
    "view": "view",
}
"""The fields by their columns, without what `_field` leaves out of a column's name."""
SEPARATORS = (",", ";", "\t", "|")
"""Between the cells of a CSV; the first that makes a column ``filename`` of the header."""
_STATED_SEPARATOR = re.compile(r"sep=(.)\s*", re.IGNORECASE)  # the first line, as Excel writes it
_FIELDS = ("patient_id", "issuer", "acquired_at", "offset_days", "view")
_ROW = (_FILENAME, *_FIELDS)
_NOT_A_LIST = "it must be a list of objects, one for each image"
_MARK = re.compile(r"[ \t\r\n]*(\S)[ \t\r\n]*")
_MOST_RECORDS = 4_000_000  # bounds the memory


@dataclass(frozen=True)
class SidecarRecord:
    """One image's record in the sidecar, as written there; absent values are empty.

    ``problem`` says why there is none for a file that a sidecar may mean: the record could mean
    several files, or the sidecar cannot be read. It names neither.
    """

    patient_id: str = ""
    issuer: str = ""
    acquired_at: str = ""
    offset_days: str = ""
    view: str = ""
    problem: str = ""

    @property
    def digest(self) -> str:
        """A hash that changes whenever a value of the record changes."""
        values = [getattr(self, field) for field in _FIELDS]
        # JSON keeps them apart whatever characters they hold.
        return hashlib.sha256(json.dumps(values).encode()).hexdigest()


UNNAMED = SidecarRecord(patient_id="unnamed")
"""Stands in where no record is needed: the patient is known, or the score is not stored."""


@dataclass(frozen=True)
class NumberedRecord:
    """A record with its file name as the sidecar spells it, and its place among all, from 0."""

    number: int
    filename: str
    record: SidecarRecord


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

    @property
    def numbers(self) -> int:
        """The number above those of all records."""
        return self._rows.count

    def spelled_alike(self, filename: str) -> list[NumberedRecord]:
        """List the records of a file name in any spelling.

        Spellings of one name differ in case, in Unicode's form (NFC, NFD) and in the slash.
        """
        rows = self._rows.spelled_alike(filename)
        return [NumberedRecord(number, row[0], SidecarRecord(*row[1:])) for number, row in rows]


def parse_sidecar(name: str, content: bytes) -> SidecarRecords:
    """Read a sidecar.

    Parameters
    ----------
    name
        Its file name; the ending distinguishes CSV from JSON (a list of objects).
    content
        UTF-8, UTF-16 or cp1252; of CSV, separated by one of `SEPARATORS`. A million records of
        CSV take 150 MB while they are read. JSON is decoded as a whole: 64 MiB take up to 400 MB,
        if a character beyond the basic plane makes all characters wide.

    Returns
    -------
    The records by the image's file name as the sidecar spells it, with ``/`` between its parts.

    Raises
    ------
    UnreadableSidecar
        No such encoding, not CSV or JSON, no ``filename``, a row with more cells than columns, two
        different values for one file, or more records than fit into the memory. It says in which
        line or record.
    """
    try:
        encoding = encoding_of(content)
        is_json = name.lower().endswith(".json")
        records = _json_records(content, encoding) if is_json else _csv_records(content, encoding)
        return SidecarRecords(PackedRows(_rows(records), form=_form))
    # A recursion: JSON that is nested too deeply. A ValueError: everything else.
    except (ValueError, RecursionError) as error:
        raise UnreadableSidecar(f"{name} is not readable: {error}") from error


_Cells = Iterable[tuple[str, object]]
"""The cells of one record that are not ignored, each with its field."""

_Numbered = tuple[str, _Cells]
"""A record, and which it is: its line, or its number."""


def _csv_records(content: bytes, encoding: str) -> Iterator[_Numbered]:
    # Decoded line by line, so that the text is never in memory as a whole.
    lines = io.TextIOWrapper(io.BytesIO(content), encoding=encoding, newline="")
    stated = _STATED_SEPARATOR.fullmatch(first := lines.readline())
    header_line = lines.readline() if stated else first
    before = 2 if stated else 1
    separators = (stated[1],) if stated else SEPARATORS
    header, separator = _header(header_line, separators)
    columns = [(place, _field(name)) for place, name in enumerate(header)]
    known = [(place, field) for place, field in columns if field]
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        for row in reader:
            which = f"line {before + reader.line_num}"
            if any(row[len(header) :]):
                # Its values may stand in the wrong columns.
                raise ValueError(f"{which}: a row has more cells than there are columns")
            if any(row):
                yield which, [(field, row[place]) for place, field in known if place < len(row)]
    except csv.Error as error:
        raise ValueError(f"line {before + reader.line_num}: {error}") from error


def _header(line: str, separators: Iterable[str]) -> tuple[list[str], str]:
    """Return the names of the columns, and what separates them."""
    for separator in separators:
        with suppress(csv.Error):  # quoted names between other separators
            header = next(csv.reader([line], delimiter=separator, strict=True), [])
            if _FILENAME in map(_field, header):
                return header, separator
    raise ValueError(f"line 1: there is no column {_FILENAME}")


def _json_records(content: bytes, encoding: str) -> Iterator[_Numbered]:
    for number, record in enumerate(_objects(content.decode(encoding)), start=1):
        if not isinstance(record, dict):
            raise ValueError(_NOT_A_LIST)  # noqa: TRY004 - of the file
        cells = [(_field(key), value) for key, value in record.items() if _field(key)]
        yield f"record {number}", cells


def _objects(text: str) -> Iterator[object]:
    """Decode a list element by element, so that only one is in memory."""
    # NaN, which is not JSON but often written, means that there is no value.
    # Numbers are read as written, since two long identifiers may be one binary fraction.
    decoder = json.JSONDecoder(parse_constant=lambda _: None, parse_float=_plain, parse_int=str)
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


def _plain(number: str) -> str:
    """Return a number without zeros behind its point: many programs write 7 as 7.0."""
    return number if "e" in number.lower() else number.rstrip("0").rstrip(".")


def _mark(text: str, at: int) -> tuple[str, int]:
    """Return the next character that is no blank, and the place of the one after it."""
    match = _MARK.match(text, at)
    return (match[1], match.end()) if match else ("", len(text))


def _rows(records: Iterable[_Numbered]) -> Iterator[Row]:
    for number, (which, cells) in enumerate(records, start=1):
        try:
            yield _row(cells)
        except ValueError as error:
            raise ValueError(f"{which}: {error}") from error
        if number == _MOST_RECORDS:
            raise ValueError(f"it has {_MOST_RECORDS:,} records or more")


def _row(cells: _Cells) -> Row:
    """Return a record's values, its file name first; ValueError where it contradicts itself."""
    values: dict[str, str] = {}
    for field, cell in cells:
        value = _text(field, cell)
        if value and values.setdefault(field, value) != value:
            raise ValueError(f"two different values for {field}")
    values[_FILENAME] = _path(values.get(_FILENAME, ""))
    if not values[_FILENAME]:
        raise ValueError(f"no {_FILENAME}")
    return tuple(values.get(field, "") for field in _ROW)


def _field(column: str) -> str:
    """Return the field of a column, whose case, blanks and signs do not matter; empty if none."""
    letters = unicodedata.normalize("NFKC", column).casefold()
    return COLUMNS.get("".join(filter(str.isalnum, letters)), "")


def _form(filename: str) -> str:
    """Return what all spellings of a file name have in common."""
    if filename.isascii():
        return filename.lower().replace("\\", "/")
    folded = unicodedata.normalize("NFC", filename).casefold()
    return unicodedata.normalize("NFC", folded).replace("\\", "/")


def _path(filename: str) -> str:
    """Return a path as a listing has it: with ``/`` between its parts, and none without a name."""
    parts = filename.replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in {"", "."})


def _text(field: str, cell: object) -> str:
    if cell is None:
        return ""
    if not isinstance(cell, str):  # as numbers are by now
        raise ValueError(f"{field} is neither text nor a number")  # noqa: TRY004 - of the file
    value = cell.strip()
    if has_control_characters(value):
        raise ValueError(f"{field} contains control characters")
    return value
