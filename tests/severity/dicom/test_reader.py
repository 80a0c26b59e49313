"""DICOM files: which are rejected and why, and the records of the others."""

import struct

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    SecondaryCaptureImageStorage,
)

from severity.domain import Reason, View
from severity.errors import RejectedImage
from tests.builders.encoded_images import dicom_file, grey_image, jpeg_2000, jpeg_file
from tests.builders.films import look_up_table
from tests.builders.reading import brightness, published, read, reason


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"PresentationIntentType": "FOR PROCESSING"}, Reason.FOR_PROCESSING),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1.1"}, Reason.FOR_PROCESSING),
        ({"ViewPosition": "LL"}, Reason.LATERAL),
        ({"ViewPosition": "lateral"}, Reason.LATERAL),
        ({"ViewPosition": "LATERAL", "PatientOrientation": ["L", "F"]}, Reason.LATERAL),
        ({"ViewPosition": None, "PatientOrientation": ["A", "F"]}, Reason.LATERAL),
        ({"ViewPosition": "", "PatientOrientation": ["PR", "F"]}, Reason.LATERAL),
        ({"BodyPartExamined": "HAND"}, Reason.NOT_CHEST),
        ({"Modality": "CT"}, Reason.NOT_A_RADIOGRAPH),
        ({"Modality": None}, Reason.NOT_A_RADIOGRAPH),
        ({"Modality": "OT", "BodyPartExamined": "HAND"}, Reason.NOT_CHEST),
        ({"Modality": "OT", "BodyPartExamined": ""}, Reason.NOT_A_RADIOGRAPH),
        ({"Modality": "SC", "BodyPartExamined": None}, Reason.NOT_A_RADIOGRAPH),
        ({"Modality": "SC", "ViewPosition": "LL"}, Reason.LATERAL),
        ({"NumberOfFrames": "2"}, Reason.MULTI_FRAME),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, Reason.COLOUR),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, Reason.COLOUR),
        ({"PhotometricInterpretation": "MONOCHROME3"}, Reason.COLOUR),
        ({"PatientID": None}, Reason.NO_PATIENT),
        ({"PatientID": ""}, Reason.NO_PATIENT),
        ({"PatientID": "   "}, Reason.NO_PATIENT),
        ({"PatientID": "NULL"}, Reason.NO_PATIENT),
        ({"PatientID": "1.23457E+11"}, Reason.NO_PATIENT),
        ({"SOPInstanceUID": None}, Reason.BAD_METADATA),
        ({"SOPInstanceUID": "1.2.ROE"}, Reason.BAD_METADATA),
        ({"SOPInstanceUID": "1..3"}, Reason.BAD_METADATA),
        ({"SOPInstanceUID": "1.3."}, Reason.BAD_METADATA),
        ({"SOPInstanceUID": "1." * 32 + "1"}, Reason.BAD_METADATA),
        ({"SOPInstanceUID": ["1.2", "1.3"]}, Reason.BAD_METADATA),
        ({"StudyInstanceUID": None}, Reason.BAD_METADATA),
        ({"Rows": 99}, Reason.TOO_SMALL),
        ({"Columns": 0}, Reason.TOO_SMALL),
        ({"BitsAllocated": 32}, Reason.UNSUPPORTED_ENCODING),
        ({"BitsAllocated": 1}, Reason.UNSUPPORTED_ENCODING),
        ({"PixelData": None}, Reason.CORRUPT),
        ({"PixelData": b"\0\0"}, Reason.CORRUPT),
        ({"Rows": None}, Reason.CORRUPT),
        ({"BitsStored": None}, Reason.CORRUPT),
        ({"PixelRepresentation": None}, Reason.CORRUPT),
        ({"PixelRepresentation": 2}, Reason.CORRUPT),
    ],
)
def test_what_is_no_frontal_chest_image_is_refused_with_its_reason(
    attributes: dict[str, object], expected: Reason
) -> None:
    assert reason(dicom_file(**attributes)) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("RG3_UNCR.dcm", Reason.NOT_CHEST),
        ("RG3_J2KI.dcm", Reason.NOT_CHEST),
        ("CT_small.dcm", Reason.NOT_A_RADIOGRAPH),
        ("MR_small.dcm", Reason.NOT_A_RADIOGRAPH),
        ("SC_rgb.dcm", Reason.NOT_A_RADIOGRAPH),
        ("rtplan.dcm", Reason.NOT_A_RADIOGRAPH),
    ],
)
def test_real_files_that_are_no_chest_images_are_refused(name: str, expected: Reason) -> None:
    assert reason(published(name)) == expected


@pytest.mark.parametrize("orientation", [["L", "F"], ["R", "F"], None])
def test_a_frontal_view_is_not_taken_for_a_lateral(orientation: list[str] | None) -> None:
    attributes = {"PatientOrientation": orientation} if orientation else {}

    assert read(dicom_file(ViewPosition="", **attributes)).record.view == View.UNKNOWN


@pytest.mark.parametrize(
    ("text", "view"),
    [("PA", View.PA), ("AP", View.AP), ("pa ", View.PA), ("", View.UNKNOWN), ("XY", View.UNKNOWN)],
)
def test_an_unknown_view_is_scored_and_never_assumed(text: str, view: View) -> None:
    assert read(dicom_file(ViewPosition=text)).record.view == view


@pytest.mark.parametrize("body_part", ["", None, "chest", "THORAX"])
def test_a_chest_may_have_several_names_or_none(body_part: str | None) -> None:
    assert read(dicom_file(BodyPartExamined=body_part))


def test_a_header_that_pydicom_reads_in_two_ways_hides_no_deflated_file() -> None:
    """An unknown type makes it start anew, with the lengths in other places."""
    image = dicom_file(syntax=DeflatedExplicitVRLittleEndian)
    body = image[image.index(b"1.2.840.10008.1.2.1.99") + 22 :]
    body = body[12 + body[8] :] if body[:4] == b"\x02\x00\x12\x00" else body
    decoy = b"\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\x00"
    skipped = 0x5A5A  # "ZZ" read as a length
    decoy += b"\x02\x00\x02\x01OB\x00\x00" + struct.pack("<I", skipped - len(decoy) - 12)
    hidden = b"\x02\x00\x10\x00\x16\x00\x00\x001.2.840.10008.1.2.1.99"

    content = image[:132] + b"\x02\x00\x01\x00ZZ\x00\x00" + decoy.ljust(skipped, b"\0") + hidden

    assert reason(content + body) == Reason.CORRUPT


@pytest.mark.parametrize("syntax", [MPEG2MPML, "1.2.840.10008.1.2.4.110"])
def test_an_encoding_that_cannot_be_decoded_is_told_apart_from_a_broken_file(syntax: str) -> None:
    image = dicom_file(syntax=JPEGBaseline8Bit, bits=8).replace(
        b"UI\x16\x001.2.840.10008.1.2.4.50",
        b"UI"
        + struct.pack("<H", len(syntax) + len(syntax) % 2)
        + syntax.encode().ljust(len(syntax) + len(syntax) % 2, b"\0"),
    )

    assert reason(image) == Reason.UNSUPPORTED_ENCODING


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, JPEG2000Lossless])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.999])
def test_a_file_that_was_cut_off_is_corrupt(syntax: str, share: float) -> None:
    image = dicom_file(syntax=syntax)
    length = max(int(len(image) * share), image.index(b"PA") + 40)

    assert reason(image[:length]) == Reason.CORRUPT


@pytest.mark.parametrize("modality", ["OT", "SC"])
@pytest.mark.parametrize("storage", [SecondaryCaptureImageStorage, "1.2.840.10008.5.1.4.1.1.1"])
def test_a_capture_that_names_the_chest_is_read(modality: str, storage: str) -> None:
    """Digitised films, and films that an old workstation sent on, come as captures."""
    assert read(dicom_file(Modality=modality, SOPClassUID=storage)).record.view == View.PA


def in_colour(pixels: NDArray[np.uint8], planes: int, **attributes: object) -> bytes:
    """A capture in RGB, its colours side by side or in planes of their own."""
    rgb = pixels if pixels.ndim == 3 else np.dstack([pixels] * 3)
    stored = np.moveaxis(rgb, 2, 0) if planes else rgb
    colour = {
        "Modality": "OT",
        "SamplesPerPixel": 3,
        "PhotometricInterpretation": "RGB",
        "PlanarConfiguration": planes,
        "PixelData": np.ascontiguousarray(stored).tobytes(),
    }
    return dicom_file(rgb[..., 0], bits=8, **(colour | attributes))


def test_a_uid_with_leading_zeros_names_its_image() -> None:
    """Some devices write such into all their films, against the standard."""
    record = read(dicom_file(SOPInstanceUID="1.02.3", StudyInstanceUID="1.002")).record

    assert (record.image_uid, record.study_uid) == ("1.02.3", "1.002")


@pytest.mark.parametrize("planes", [0, 1])
def test_a_grey_capture_in_colour_is_the_same_film(planes: int) -> None:
    pixels = grey_image(bits=8).astype(np.uint8)
    plain = read(dicom_file(pixels, bits=8))

    image = read(in_colour(pixels, planes))

    assert image.pixel_sha256() == plain.pixel_sha256()


@pytest.mark.parametrize(
    "of_the_film",
    [
        {"WindowCenter": "2048", "WindowWidth": "4096"},
        {"RescaleSlope": "2", "RescaleIntercept": "-100", "WindowCenter": "9", "WindowWidth": "9"},
        {"VOILUTSequence": look_up_table(range(4096), bits=12)},
    ],
)
def test_a_window_of_the_film_before_is_none_of_a_capture_in_colour(
    of_the_film: dict[str, object],
) -> None:
    """Workstations copy the header: a window of 12 bits would show 8 bits nearly black."""
    pixels = grey_image(bits=8).astype(np.uint8)

    image = read(in_colour(pixels, 0, **of_the_film))

    assert image.pixel_sha256() == read(in_colour(pixels, 0)).pixel_sha256()
    assert brightness(image.grey).max() > 0.9


@pytest.mark.parametrize("planes", [0, 1])
def test_a_coloured_capture_is_no_radiograph(planes: int) -> None:
    pixels = np.dstack([grey_image(bits=8).astype(np.uint8) // part for part in (1, 2, 4)])

    assert reason(in_colour(pixels, planes)) == Reason.COLOUR


def compressed(rgb: NDArray[np.uint8], syntax: str, colours: str) -> bytes:
    frame = jpeg_file(rgb) if syntax == JPEGBaseline8Bit else jpeg_2000(rgb, 8)
    pixels = {"PixelData": encapsulate([frame]), "PhotometricInterpretation": colours}
    return in_colour(rgb, 0, syntax=syntax, **pixels)


COMPRESSED = [
    (JPEGBaseline8Bit, "YBR_FULL_422"),
    (JPEGBaseline8Bit, "RGB"),
    (JPEG2000Lossless, "YBR_RCT"),
    (JPEG2000Lossless, "YBR_FULL"),  # as some writers name what they transform otherwise
    (JPEG2000Lossless, "RGB"),
]


@pytest.mark.parametrize(("syntax", "colours"), COMPRESSED)
def test_a_compressed_grey_capture_in_colour_is_the_same_film(syntax: str, colours: str) -> None:
    pixels = grey_image(bits=8).astype(np.uint8)

    shown = read(compressed(np.dstack([pixels] * 3), syntax, colours)).grey

    assert (shown.black, shown.white) == (0, 255)
    lossy = 3 if syntax == JPEGBaseline8Bit else 0
    assert np.abs(shown.values.astype(int) - pixels).max() <= lossy


@pytest.mark.parametrize(("syntax", "colours"), COMPRESSED)
def test_a_compressed_coloured_capture_is_no_radiograph(syntax: str, colours: str) -> None:
    rgb = np.dstack([grey_image(bits=8).astype(np.uint8) // part for part in (1, 2, 4)])

    assert reason(compressed(rgb, syntax, colours)) == Reason.COLOUR


@pytest.mark.parametrize("chroma", [128, 40])
def test_jpeg_2000_in_brightness_and_chroma_is_a_film_if_it_has_no_chroma(chroma: int) -> None:
    pixels = grey_image(bits=8).astype(np.uint8)
    channels = np.dstack([pixels, np.full_like(pixels, chroma), np.full_like(pixels, 128)])
    frame = encapsulate([jpeg_2000(channels, 8, is_transformed=False)])
    stated = {"PixelData": frame, "PhotometricInterpretation": "YBR_FULL"}
    content = in_colour(channels, 0, syntax=JPEG2000Lossless, **stated)

    if chroma == 128:
        assert np.array_equal(read(content).grey.values, pixels)
    else:
        assert reason(content) == Reason.COLOUR


def test_a_compressed_frame_of_fewer_channels_than_the_header_states_is_refused() -> None:
    pixels = grey_image(bits=8).astype(np.uint8)
    frame = {"PixelData": encapsulate([jpeg_file(pixels)])}

    image = in_colour(pixels, 0, syntax=JPEGBaseline8Bit, **frame)

    assert reason(image) == Reason.UNTRUSTWORTHY_PIXELS


def test_a_capture_in_colour_that_ends_too_early_is_corrupt() -> None:
    pixels = grey_image(bits=8).astype(np.uint8)

    assert reason(in_colour(pixels, 0, PixelData=pixels.tobytes())) == Reason.CORRUPT


def test_uids_are_those_of_the_file() -> None:
    record = read(dicom_file()).record

    assert (record.study_uid, record.image_uid) == ("1.2.3.4", "1.2.3.4.5")


@pytest.mark.parametrize(
    ("image_type", "simulated"),
    [
        (["DERIVED", "PRIMARY", "SIMULATED"], True),
        ("SIMULATED", True),
        (["ORIGINAL", "PRIMARY"], False),
        (["ORIGINAL", "PRIMARY", "NOT SIMULATED"], False),
        (None, False),
    ],
)
def test_a_simulated_image_says_so(image_type: list[str] | str | None, *, simulated: bool) -> None:
    attributes = {"ImageType": image_type} if image_type else {}

    assert read(dicom_file(**attributes)).record.simulated is simulated


def code(value: str, meaning: str) -> list[Dataset]:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return [item]


@pytest.mark.parametrize(
    ("attributes", "view"),
    [
        ({"ViewPosition": "PA ERECT"}, View.PA),
        ({"ViewPosition": "AP SUPINE"}, View.AP_SUPINE),
        ({"ViewPosition": "", "ViewCodeSequence": code("272479007", "postero-anterior")}, View.PA),
        ({"ViewPosition": None, "ViewCodeSequence": code("R-10206", "")}, View.AP),
        ({"ViewPosition": "PA", "PatientOrientation": ["A", "F"]}, View.UNKNOWN),
        ({"ViewPosition": "PA", "ViewCodeSequence": code("399067008", "lateral")}, View.UNKNOWN),
        ({"ViewPosition": "PA", "SeriesDescription": "Chest lat"}, View.UNKNOWN),
        ({"ViewPosition": "PA", "SeriesDescription": "Chest PA + lat"}, View.PA),
        ({"ViewPosition": "", "SeriesDescription": "Chest PA"}, View.UNKNOWN),
        ({"ViewPosition": "LAO"}, View.UNKNOWN),
        ({"ViewPosition": ["PA", "LAT"]}, View.UNKNOWN),
    ],
)
def test_every_attribute_of_the_view_is_asked(attributes: dict[str, object], view: View) -> None:
    image = read(dicom_file(**attributes))

    assert image.record.view == view
    (decision,) = [decision for decision in image.decisions if decision.subject == "view"]
    assert (decision.doubt == "") == (view is not View.UNKNOWN)


@pytest.mark.parametrize(
    "attributes",
    [
        {"ViewPosition": "LLAT"},
        {"ViewPosition": "Left Lateral"},
        {"ViewPosition": "", "ViewCodeSequence": code("399198007", "right lateral")},
        {"ViewPosition": "", "ViewCodeSequence": code("R-102CD", "")},
        {"ViewPosition": "", "PatientOrientation": ["F", "A"]},
    ],
)
def test_a_lateral_is_refused_whichever_attribute_says_so(attributes: dict[str, object]) -> None:
    assert reason(dicom_file(**attributes)) == Reason.LATERAL


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"BodyPartExamined": "TORAX"}, None),
        ({"BodyPartExamined": ["ABDOMEN", "CHEST"]}, None),
        ({"BodyPartExamined": "", "AnatomicRegionSequence": code("51185008", "")}, None),
        ({"BodyPartExamined": "", "AnatomicRegionSequence": code("1", "Knee")}, Reason.NOT_CHEST),
        ({"BodyPartExamined": "T SPINE"}, Reason.NOT_CHEST),
    ],
)
def test_the_body_part_is_read_in_words_and_codes(
    attributes: dict[str, object], expected: Reason | None
) -> None:
    image = dicom_file(**attributes)

    assert (reason(image) if expected else read(image) and None) == expected


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("Modality", "cr"),
        ("PhotometricInterpretation", "Monochrome2"),
        ("PhotometricInterpretation", "monochrome1 "),
        ("ImageType", ["original", "primary"]),
        ("PatientOrientation", ["l", "f"]),
    ],
)
def test_a_code_string_may_be_written_in_any_case(keyword: str, value: object) -> None:
    capitals = value.upper() if isinstance(value, str) else [word.upper() for word in value]

    written, standard = (
        read(dicom_file(**{keyword: value})),
        read(dicom_file(**{keyword: capitals})),
    )

    assert written.record == standard.record
    assert written.grey.black == standard.grey.black
    assert reason(dicom_file(PresentationIntentType="For Processing")) == Reason.FOR_PROCESSING


def test_what_was_decided_before_a_rejection_is_told_with_it() -> None:
    with pytest.raises(RejectedImage) as rejected:
        read(dicom_file(PatientID=None))

    assert [decision.subject for decision in rejected.value.decisions] == [
        "modality",
        "body part",
        "view",
    ]
