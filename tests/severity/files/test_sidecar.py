import csv
import dataclasses
import io
import itertools
import json
import subprocess
import sys
import unicodedata
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from severity.errors import UnreadableSidecar
from severity.files.sidecar import SEPARATORS, NumberedRecord, SidecarRecord, parse_sidecar

VALUES_OF_A_RECORD = ("patient_id", "issuer", "acquired_at", "offset_days", "view")
FULL = SidecarRecord(
    patient_id="7", issuer="City", acquired_at="2020-04-01", offset_days="3", view="PA"
)


def from_csv(*lines: str) -> Mapping[str, SidecarRecord]:
    return parse_sidecar("metadata.csv", "\n".join(lines).encode())


def from_json(rows: object) -> Mapping[str, SidecarRecord]:
    return parse_sidecar("metadata.json", json.dumps(rows).encode())


def test_csv_and_json_say_the_same() -> None:
    row = {"filename": "a.png", **dataclasses.asdict(FULL)}

    assert from_csv(",".join(row), ",".join(row.values())) == {"a.png": FULL}
    assert from_json([row]) == {"a.png": FULL}


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_the_text() -> None:
    content = b"\xef\xbb\xbffilename,patient_id\r\na.png,7\r\n"

    assert parse_sidecar("metadata.csv", content) == {"a.png": SidecarRecord(patient_id="7")}


def test_the_published_collections_column_names_are_known() -> None:
    assert from_csv("patientid,offset,filename", "7,3,a.png") == {
        "a.png": SidecarRecord(patient_id="7", offset_days="3")
    }


def test_further_columns_and_blanks_around_values_are_ignored() -> None:
    assert from_csv(" filename , patient_id,age", " a.png , 7 ,65") == {
        "a.png": SidecarRecord(patient_id="7")
    }


def test_empty_cells_short_rows_and_empty_lines_say_nothing() -> None:
    lines = ("filename,patient_id,view", "a.png,7", "", ",,", "b.png,,PA")

    assert from_csv(*lines) == {
        "a.png": SidecarRecord(patient_id="7"),
        "b.png": SidecarRecord(view="PA"),
    }


def test_numbers_and_nulls_of_json_are_read_as_written() -> None:
    content = b'[{"filename": "a.png", "patient_id": 7, "offset_days": 1.50, "view": null}]'

    assert parse_sidecar("metadata.json", content)["a.png"] == SidecarRecord(
        patient_id="7", offset_days="1.5"
    )


@pytest.mark.parametrize("written", ["4711.0", "4711.00", "4711"])
def test_a_whole_number_of_json_is_one_identifier_however_it_is_written(written: str) -> None:
    """Programs that hold a column with gaps as fractions write its whole numbers as such."""
    content = f'[{{"filename": "a.png", "patient_id": {written}}}]'.encode()

    assert parse_sidecar("metadata.json", content)["a.png"].patient_id == "4711"


def test_long_identifiers_stay_apart_as_numbers_of_json() -> None:
    content = b"""[
        {"filename": "a.png", "patient_id": 12345678901234567890.0},
        {"filename": "b.png", "patient_id": 12345678901234567891.0}
    ]"""

    records = parse_sidecar("metadata.json", content)
    assert records["a.png"].patient_id == "12345678901234567890"
    assert records["b.png"].patient_id == "12345678901234567891"


@pytest.mark.parametrize("number", ["1e999999999", "1e-999999999", f"1e{'9' * 30}", "9" * 5000])
def test_a_number_of_any_size_is_read_as_written(number: str) -> None:
    content = f'[{{"filename": "a.png", "patient_id": {number}}}]'.encode()

    assert parse_sidecar("metadata.json", content)["a.png"].patient_id == number


def test_not_a_number_is_nobody_s_identifier() -> None:
    """Many programs write NaN for a missing value: all such patients would be one."""
    content = b'[{"filename": "a.png", "patient_id": NaN}]'

    assert parse_sidecar("metadata.json", content)["a.png"].patient_id == ""


def test_an_image_may_be_named_twice_if_both_say_the_same() -> None:
    assert from_csv("filename,patient_id", "a.png,7", "a.png,7") == {
        "a.png": SidecarRecord(patient_id="7")
    }


def test_an_image_of_two_patients_makes_the_sidecar_unreadable() -> None:
    with pytest.raises(UnreadableSidecar, match="record 2"):
        from_csv("filename,patient_id", "a.png,7", "a.png,8")


def test_a_column_and_its_alias_may_not_contradict_each_other() -> None:
    assert from_csv("filename,patient_id,patientid", "a.png,7,")["a.png"].patient_id == "7"
    with pytest.raises(UnreadableSidecar, match="patient_id"):
        from_csv("filename,patient_id,patientid", "a.png,7,8")


def test_a_shifted_row_is_not_read_into_the_wrong_columns() -> None:
    assert "a.png" in from_csv("filename,patient_id", "a.png,7,,")
    with pytest.raises(UnreadableSidecar, match="more cells"):
        from_csv("filename,patient_id,acquired_at", "a.png,Roe, Jane,2020-04-01")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"patient_id\n7\n",
        b"filename,patient_id\n,7\n",
        b'filename,patient_id\n"a.png,7\n',
        b'filename,patient_id\n"a"b,7\n',
        b"filename,patient_id\na.png,7\x00\n",
        "filename,patient_id\na.png,Müller\n".encode() + "b.png,Möller\n".encode("cp1252"),
        b"filename,patient_id\na.png,\x81\n",
        b"filename,patient_id\na.png," + b"7" * 200_000 + b"\n",
    ],
)
def test_a_broken_csv_is_unreadable(content: bytes) -> None:
    with pytest.raises(UnreadableSidecar, match=r"metadata\.csv"):
        parse_sidecar("metadata.csv", content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'[{"filename": "a.png"',
        b'{"a.png": {"patient_id": "7"}}',
        b'["a.png"]',
        b'[{"patient_id": "7"}]',
        b'[{"filename": null, "patient_id": "7"}]',
        b'[{"filename": "a.png", "patient_id": {"value": "7"}}]',
        b'[{"filename": "a.png", "patient_id": ["7"]}]',
        b'[{"filename": "a.png", "patient_id": true}]',
        b'[{"filename": "a.png", "patient_id": "7\\u0000"}]',
        b'[{"filename": "a.png", "patient_id": "\\ud800"}]',
        b'[{"filename": "a.png"},]',
        b'[{"filename": "a.png"} {"filename": "b.png"}]',
        b'[{"filename": "a.png"} [{"filename": "b.png"}]',
        b'[{"filename": "a.png"}] []',
        b"[,]",
        b"[",
        b"[" * 200_000,
        b"\xff\xfe[]",
    ],
)
def test_a_broken_json_is_unreadable(content: bytes) -> None:
    with pytest.raises(UnreadableSidecar, match=r"metadata\.json"):
        parse_sidecar("metadata.json", content)


def test_a_sidecar_may_describe_nothing() -> None:
    assert from_json([]) == from_csv("filename") == {}


def test_a_record_is_found_by_the_name_alone() -> None:
    names = ["a.png", "größe-肺-😀.png", "with, comma.png", "A.png", "a.pn", "7" * 1000]
    records = from_json([{"filename": name, "patient_id": name[::-1]} for name in names])

    assert list(records) == names, "in the order of the sidecar"
    assert {name: record.patient_id for name, record in records.items()} == {
        name: name[::-1] for name in names
    }
    assert not {"", "7", "a.png "} & records.keys()


def test_repeated_names_are_one_record_and_the_first_contradiction_is_told() -> None:
    rows = [f"{number % 100}.png,{number % 100}" for number in range(1000)]

    assert len(from_csv("filename,patient_id", *rows)) == 100
    with pytest.raises(UnreadableSidecar, match="record 1001:"):
        from_csv("filename,patient_id", *rows, "7.png,8", "8.png,9", "7.png,9")


def test_a_quoted_cell_may_go_over_several_lines() -> None:
    records = from_csv("filename,note,patient_id", 'a.png,"one', 'two, three",7', "b.png,,8")

    assert [record.patient_id for record in records.values()] == ["7", "8"]


_READ = """
import resource, sys
from pathlib import Path
from severity.files.sidecar import parse_sidecar
path = Path(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
records = parse_sidecar(path.name, path.read_bytes())
assert records["249999.png"].patient_id == "patient 249999"
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.json"])
def test_a_sidecar_of_a_million_rows_fits_into_300_mb(tmp_path: Path, name: str) -> None:
    rows = [(f"{number}.png", f"patient {number}", "2020-04-01") for number in range(250_000)]
    fields = ("filename", "patient_id", "acquired_at")
    sidecar = tmp_path / name
    if name.endswith(".csv"):
        sidecar.write_text("\n".join(map(",".join, [fields, *rows])))
    else:
        sidecar.write_text(json.dumps([dict(zip(fields, row, strict=True)) for row in rows]))

    growth = subprocess.run(
        [sys.executable, "-c", _READ, sidecar], check=True, capture_output=True, text=True
    ).stdout

    assert 4 * int(growth) < 250 * 1024, "KiB; the interpreter and NumPy take the rest"


def test_what_is_unreadable_is_told_without_naming_a_patient() -> None:
    with pytest.raises(UnreadableSidecar) as told:
        from_csv("filename,patient_id", "roe.png,ROE-1", "roe.png,ROE-2")

    assert "roe" not in str(told.value).lower()


@pytest.mark.parametrize("field", list(VALUES_OF_A_RECORD))
def test_the_digest_changes_with_any_field_and_only_then(field: str) -> None:
    assert dataclasses.replace(FULL, **{field: "other"}).digest != FULL.digest
    assert dataclasses.replace(FULL).digest == FULL.digest


def test_the_digest_keeps_neighbouring_fields_apart() -> None:
    first, second = SidecarRecord("a\x1fb", "c"), SidecarRecord("a", "b\x1fc")

    assert first.digest != second.digest


def test_the_digest_does_not_depend_on_the_kind_of_sidecar() -> None:
    csv = from_csv("filename,patientid,age", "a.png,7,65")["a.png"]
    json_ = from_json([{"patient_id": 7, "filename": "a.png"}])["a.png"]

    assert csv.digest == json_.digest


NAMES = st.text("abcöß肺 _-", min_size=1, max_size=8).map(str.strip).filter(bool)
VALUES = st.text("7abcöß,;|'\" -", max_size=8).map(str.strip)
CODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")
HEADERS = {
    "filename": ("filename", "FileName", " File Name ", "FILE_NAME", "file-name"),
    "patient_id": ("patient_id", "patientid", "Patient ID", "PATIENT_ID", "PatientId"),
    "acquired_at": ("acquired_at", "Acquired_At", "ACQUIRED AT", "acquired-at"),
    "offset_days": ("offset_days", "offset", "Offset Days", "OFFSET"),
    "view": ("view", "View", "VIEW", " view "),
    "issuer": ("issuer", "Issuer", "ISSUER "),
}


@given(st.data())
def test_a_table_is_the_same_however_a_program_saves_it(data):
    """Separators, encodings, line ends, and the case, blanks and order of columns."""
    names = data.draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    rows = [{"filename": f"{name}.png"} for name in names]
    for row in rows:
        row |= {field: data.draw(VALUES) for field in HEADERS if field != "filename"}
    order = data.draw(st.permutations(list(HEADERS)))
    separator = data.draw(st.sampled_from(SEPARATORS))
    stated = data.draw(st.booleans())
    file = io.StringIO()
    if stated:
        file.write(f"sep={separator}\n")
    ends = data.draw(st.sampled_from(["\n", "\r\n"]))
    writer = csv.writer(file, delimiter=separator, lineterminator=ends, quoting=csv.QUOTE_ALL)
    writer.writerow([data.draw(st.sampled_from(HEADERS[field])) for field in order])
    writer.writerows([row[field] for field in order] for row in rows)

    records = parse_sidecar(
        "metadata.csv", file.getvalue().encode(data.draw(st.sampled_from(CODINGS)))
    )

    assert records == {row.pop("filename"): SidecarRecord(**row) for row in rows}


def test_a_table_of_a_european_spreadsheet_is_read() -> None:
    content = "filename;patient_id;offset\r\na.png;Müller;1,5\r\n".encode("cp1252")

    assert parse_sidecar("metadata.csv", content) == {
        "a.png": SidecarRecord(patient_id="Müller", offset_days="1,5")
    }


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("./a.png", "a.png"),
        (r".\a.png", "a.png"),
        (r"one\a.png", "one/a.png"),
        ("one//a.png", "one/a.png"),
        ("/one/a.png", "one/a.png"),
    ],
)
def test_a_path_is_read_as_a_listing_has_it(written: str, path: str) -> None:
    assert list(from_csv("filename,patient_id", f"{written},7")) == [path]


@given(NAMES)
def test_a_name_is_found_in_any_spelling(name):
    records = from_json([{"filename": f"X/{name}", "patient_id": "7"}])

    for form in ("NFC", "NFD"):
        for spelling in (name, name.upper(), name.title()):
            written = unicodedata.normalize(form, spelling)
            if written.casefold() == spelling.casefold() or form == "NFD":
                (found,) = records.spelled_alike(f"x\\{written}")
                assert found == NumberedRecord(0, f"X/{name}", SidecarRecord("7"))


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b'filename,note,patient_id\na.png,"one\ntwo",7\nb.png,,8,9\n', "line 4: a row has more"),
        (b"filename,patient_id\na.png,7\n,8\n", "line 3: no filename"),
        (b"name;patient_id\n", "line 1: there is no column filename"),
        (b'filename,patient_id\na.png,7\nb.png,"8"8\n', "line 3"),
        ("filename,patient_id\na,ü\nb,".encode() + b"\xfc\n", "line 3: neither UTF-8"),
    ],
)
def test_the_line_and_the_cause_are_told(content: bytes, where: str) -> None:
    with pytest.raises(UnreadableSidecar, match=where):
        parse_sidecar("metadata.csv", content)


def test_a_name_in_hundreds_of_spellings_is_refused_and_not_compared_for_minutes() -> None:
    spellings = ["".join(letters) for letters in itertools.product(*[("a", "A")] * 8)]

    with pytest.raises(UnreadableSidecar, match="spellings"):
        from_csv("filename,patient_id", *(f"{name},7" for name in spellings))
