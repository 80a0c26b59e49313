"""Lines of a CSV of treatments, whatever encoding and separator it has."""

import io

import pytest

from flows.errors import UsageError
from flows.events.csv_file import csv_cells
from flows.events.record import Cells, Problem, Refused

CSV = "patient,kind,label,start,end,group.arm\n4711,drug,Rémdesivir,2020-03-05,,A\n"
READ = [(2, Cells("4711", "", "drug", "Rémdesivir", "2020-03-05", groups={"arm": "A"}))]


def read(content: bytes) -> list[object]:
    return list(csv_cells(io.BytesIO(content)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_file_is_read_in_the_encodings_and_with_the_separators_of_spreadsheets(
    encoding, separator, newline
):
    text = CSV.replace(",", separator).replace("\n", newline)

    assert read(text.encode(encoding)) == READ


def test_an_encoding_is_that_of_its_line_so_that_one_wrong_byte_spoils_no_other():
    lines = "patient,group.ort\n1,Köln\n".encode() + "2,Köln\n".encode("cp1252")

    assert [cells.groups["ort"] for _, cells in read(lines)] == ["Köln", "Köln"]


@pytest.mark.parametrize("before", ["", "x"])  # whether a letter of two bytes is cut
def test_a_line_that_is_too_long_is_one_whatever_its_letters(before):
    note = before + "ä" * 40_000
    content = f"patient,kind,label,start,note\n1,drug,x,2020-03-05,{note}\n2,drug,x,2020-03-05,\n"

    refused, (number, cells) = read(content.encode())

    assert refused == Refused(2, Problem.TOO_LONG)
    assert (number, cells.patient) == (3, "2")


def test_names_of_columns_need_no_order_and_no_capitals_and_others_are_ignored():
    content = b'Start;Comment;PatientID;LABEL;"Kind"\n2020-03-05;"a;b";4711;x;drug\n'

    assert read(content) == [(2, Cells("4711", "", "drug", "x", "2020-03-05"))]


def test_what_cannot_be_read_is_refused_and_stops_nothing():
    content = b"\n".join(
        [
            b"patient,label",
            b'1,"open',
            b"2,a,b",
            b"3,a,",
            b"",
            b",,",
            b"4," + b"x" * 200_000,
            b"5",
        ]
    )

    assert read(content) == [
        Refused(2, Problem.WRONG_CELLS),
        Refused(3, Problem.WRONG_CELLS),
        (4, Cells("3", label="a")),
        Refused(7, Problem.TOO_LONG),
        (8, Cells("5")),
    ]


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"name,label",
        b"patient,label,label",
        b"patient,group.",
        b"patient,group.=1+1",
        b"patient,group.a=b",
        b"patient,group.arm,Group. arm",
    ],
)
def test_a_file_without_patients_or_with_two_meanings_of_a_column_is_refused(header):
    with pytest.raises(UsageError):
        read(header + b"\n4711,x,y\n")
