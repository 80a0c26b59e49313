"""Only what is needed is read from a DICOM file, whatever else is in it."""

import ast
from pathlib import Path

import pytest
from pydicom.datadict import tag_for_keyword

import severity.dicom
from severity.dicom.needed_attributes import NEEDED, NEEDED_SEQUENCES
from severity.domain import Reason
from tests.builders.dicom_elements import BIG, EXPLICIT, IMPLICIT, Encoding
from tests.builders.encoded_images import dicom_file
from tests.builders.reading import read, reason

PATIENT_ID, SEQUENCE, PRIVATE = 0x00100020, 0x52009230, 0x00111010
ENCODINGS = {"explicit": EXPLICIT, "implicit": IMPLICIT, "big endian": BIG}


def attributes_that_the_code_names() -> set[str]:
    """Return each keyword of the standard that stands in `severity.dicom`."""
    folder = Path(severity.dicom.__path__[0])
    nodes = [
        node
        for file in folder.glob("*.py")
        if file.stem not in {"needed_attributes", "identity"}  # `identity` asks for its own
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    ]
    words = {node.value for node in nodes if isinstance(node, ast.Constant)}
    words |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return {word for word in words if isinstance(word, str) and tag_for_keyword(word)}


def test_every_attribute_that_the_code_names_is_read() -> None:
    """Another would appear to be absent from every file."""
    in_items = {"LUTDescriptor", "LUTData", "CodeValue", "CodeMeaning"}
    elsewhere = in_items | {"TransferSyntaxUID"}  # in the file meta
    parts = {"", "Date", "Time"}  # of keywords

    assert attributes_that_the_code_names() - elsewhere - parts <= {*NEEDED, *NEEDED_SEQUENCES}


@pytest.mark.parametrize("source", ["Acquisition", "Content", "Series", "Study"])
def test_every_source_of_the_acquisition_time_is_read(source: str) -> None:
    times = {f"{source}Date": "20210304", f"{source}Time": "050607"}

    acquired = read(dicom_file(**{"StudyDate": None, **times})).record.acquired

    assert acquired.at
    assert acquired.at.isoformat() == "2021-03-04T05:06:07+00:00"


def other_elements(encoding: Encoding) -> dict[str, bytes]:
    """Elements that are not needed, in ways that files of the real world have them."""
    patient = encoding.element(PATIENT_ID, "LO", b"ANOTHER ")
    return {
        "an empty sequence": encoding.sequence(SEQUENCE, b""),
        "a sequence of items": encoding.sequence(
            SEQUENCE, encoding.item(patient) + encoding.open_item(patient) + encoding.item()
        ),
        "a sequence in a sequence": encoding.sequence(
            SEQUENCE, encoding.open_item(patient + encoding.sequence(SEQUENCE, encoding.item()))
        ),
        "a private sequence": encoding.sequence(PRIVATE, encoding.item(patient)),
        "a sequence of unknown type": encoding.sequence(
            PRIVATE, IMPLICIT.open_item(IMPLICIT.element(PATIENT_ID, "", b"ANOTHER ")), vr="UN"
        )
        if encoding is EXPLICIT
        else b"",
        "fragments": encoding.sequence(PRIVATE, encoding.item(b"abcd"), vr="OB"),
        "an element of a kilobyte": encoding.element(PRIVATE, "OB", bytes(1024)),
        "a delimiter in a value": encoding.sequence(
            SEQUENCE, encoding.open_item(encoding.element(PRIVATE, "OB", encoding.end))
        ),
    }


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("name", other_elements(EXPLICIT))
def test_what_is_not_needed_changes_nothing(encoding: Encoding, name: str) -> None:
    plain = read(encoding.file(b"", WindowCenter="2000", WindowWidth="900"))

    image = read(
        encoding.file(other_elements(encoding)[name], WindowCenter="2000", WindowWidth="900")
    )

    assert (image.record, image.pixel_sha256()) == (plain.record, plain.pixel_sha256())
    assert (image.grey.black, image.grey.white) == (plain.grey.black, plain.grey.white)


def test_bytes_without_fragments_end_at_the_first_delimiter() -> None:
    """The standard forbids them, but they exist; pydicom reads them, too."""
    assert read(EXPLICIT.file(EXPLICIT.sequence(PRIVATE, b"no item", vr="OB")))


def test_an_identifier_of_undefined_length_is_refused() -> None:
    """It would be read as empty, and several patients would become one."""
    assert reason(EXPLICIT.file(EXPLICIT.sequence(PATIENT_ID, b"", vr="OB"))) == Reason.CORRUPT
