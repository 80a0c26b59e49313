"""What a film shows, whose it is, when it was taken, and which films are refused."""

import struct
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import imagecodecs
import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLossless,
    RLELossless,
)

from severity.domain import PatientId, Reason, TimeSource, View
from severity.errors import RejectedImage
from severity.files.reader import read_radiograph
from severity.images.radiograph import Radiograph

Film = Callable[..., bytes]
BERLIN = ZoneInfo("Europe/Berlin")


def read(content: bytes, zone: tzinfo = UTC) -> Radiograph:
    return read_radiograph(content, None, content_sha256="", zone=zone)


def reason(content: bytes) -> Reason:
    with pytest.raises(RejectedImage) as rejected:
        read(content)
    assert "ROE" not in str(rejected.value), "a message never names a patient"
    return rejected.value.reason


def real(name: str) -> bytes:
    return Path(get_testdata_file(name, download=False)).read_bytes()


def patches(*values: int, dtype: type = np.uint16) -> NDArray[np.integer]:
    """100 x 100 pixels that begin with the given values and go on with the first."""
    pixels = np.full((100, 100), values[0], dtype)
    pixels[0, : len(values)] = values
    return pixels


def all_shown(content: bytes) -> NDArray[np.float64]:
    """What a person would see: 0 is black, 1 is white."""
    grey = read(content).grey
    return (grey.values.astype(np.float64) - grey.black) / (grey.white - grey.black)


def shown(content: bytes, count: int) -> NDArray[np.float64]:
    return all_shown(content)[0, :count]


def table(
    entries: ArrayLike, *, bits: int, first: int = 0, vr: str = "US", count: int | None = None
) -> list[Dataset]:
    """Build a LUT sequence; OW packs entries of at most 8 bits two to a word."""
    entries = np.asarray(entries)
    item = Dataset()
    item.add_new(
        "LUTDescriptor",
        "SS" if first < 0 else "US",
        [len(entries) if count is None else count, first, bits],
    )
    if vr == "OW":
        item.add_new("LUTData", "OW", entries.astype("u1" if bits <= 8 else "<u2").tobytes())
    else:
        item.add_new("LUTData", "US", [int(entry) for entry in entries])
    return [item]


def exactly(*values: float) -> object:
    return pytest.approx(np.array(values), abs=1e-6)


# What is shown


def test_without_any_table_the_stored_bits_are_the_range(dicom_film: Film) -> None:
    film = dicom_film(patches(0, 1000, 4095), bits=12)

    assert shown(film, 3) == exactly(0, 1000 / 4095, 1)


def test_a_rescale_slope_moves_the_range_along(dicom_film: Film) -> None:
    film = dicom_film(patches(0, 1000, 4095), RescaleSlope="2.5", RescaleIntercept="-1000")

    assert shown(film, 3) == exactly(0, 1000 / 4095, 1)


def test_a_slope_without_an_intercept_is_still_a_slope(dicom_film: Film) -> None:
    film = dicom_film(
        patches(0, 1000, 2000),
        RescaleSlope="2",
        VOILUTFunction="LINEAR_EXACT",
        WindowCenter="2000",
        WindowWidth="4000",
    )

    assert shown(film, 3) == exactly(0, 0.5, 1)


def test_a_negative_slope_turns_black_into_white(dicom_film: Film) -> None:
    film = dicom_film(patches(0, 1000, 4095), RescaleSlope="-1", RescaleIntercept="4095")

    assert shown(film, 3) == exactly(1, 3095 / 4095, 0)


def test_a_window_applies_to_rescaled_values(dicom_film: Film) -> None:
    film = dicom_film(
        patches(0, 1200, 1500, 2000, 4000),
        RescaleSlope="2",
        RescaleIntercept="-1000",
        WindowCenter="2000",
        WindowWidth="2001",
    )

    # -1000, 1400, 2000, 3000, 7000 in a window from 999.5 to 2999.5
    assert shown(film, 5) == exactly(0, 400.5 / 2000, 1000.5 / 2000, 1, 1)


def test_a_modality_table_comes_before_the_window(dicom_film: Film) -> None:
    film = dicom_film(
        patches(0, 1, 2, 3, dtype=np.uint8),
        bits=8,
        ModalityLUTSequence=table([0, 100, 1000, 65535], bits=16),
        WindowCenter="500.5",
        WindowWidth="1001",
    )

    assert shown(film, 4) == exactly(0, 0.1, 1, 1)


def test_a_modality_table_replaces_a_slope_and_sets_the_range(dicom_film: Film) -> None:
    film = dicom_film(
        patches(0, 1, 2, dtype=np.uint8),
        bits=8,
        RescaleSlope="7",
        RescaleIntercept="7",
        ModalityLUTSequence=table([0, 100, 4095], bits=12),
    )

    assert shown(film, 3) == exactly(0, 100 / 4095, 1)


def test_a_voi_table_comes_before_a_window(dicom_film: Film) -> None:
    film = dicom_film(
        patches(0, 1, 2),
        VOILUTSequence=table([10, 200, 1023], bits=10),
        WindowCenter="1",
        WindowWidth="2",
    )

    assert shown(film, 3) == exactly(10 / 1023, 200 / 1023, 1)


def test_an_empty_voi_sequence_leaves_the_window(dicom_film: Film) -> None:
    film = dicom_film(patches(0, 1, 2), VOILUTSequence=[], WindowCenter="1.5", WindowWidth="3")

    assert shown(film, 3) == exactly(0, 0.5, 1)


def test_values_beyond_a_table_get_its_first_or_last_entry(dicom_film: Film) -> None:
    film = dicom_film(
        patches(0, 99, 100, 101, 4095), VOILUTSequence=table([50, 200], bits=8, first=100)
    )

    assert shown(film, 5) == exactly(*(np.array([50, 50, 50, 200, 200]) / 255))


def test_a_table_may_begin_below_zero(dicom_film: Film) -> None:
    film = dicom_film(
        patches(0, 1, 3),
        RescaleSlope="1",
        RescaleIntercept="-2",
        VOILUTSequence=table([0, 51, 102, 255], bits=8, first=-2),
    )

    assert shown(film, 3) == exactly(0, 0.2, 1)


@pytest.mark.parametrize("vr", ["US", "OW"])
def test_a_table_of_many_entries_may_have_eight_bits(dicom_film: Film, vr: str) -> None:
    """pydicom's own function indexes in the output's type and fails here."""
    entries = np.arange(4096) // 16
    film = dicom_film(patches(0, 1600, 4095), VOILUTSequence=table(entries, bits=8, vr=vr))

    assert shown(film, 3) == exactly(0, 100 / 255, 1)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_table_may_have_every_16_bit_value(dicom_film: Film, syntax: str) -> None:
    entries = np.arange(65536)[::-1]
    film = dicom_film(
        patches(0, 65535),
        bits=16,
        syntax=syntax,
        VOILUTSequence=table(entries, bits=16, vr="OW", count=0),
    )

    assert shown(film, 2) == exactly(1, 0)


def test_monochrome1_is_inverted_after_everything_else(dicom_film: Film) -> None:
    film = dicom_film(
        patches(0, 1, 2, 3, dtype=np.uint8),
        bits=8,
        PhotometricInterpretation="MONOCHROME1",
        ModalityLUTSequence=table([0, 1, 2, 5], bits=12),
        VOILUTSequence=table([0, 10, 20, 30, 40, 255], bits=8),
    )

    assert shown(film, 4) == exactly(1, 245 / 255, 235 / 255, 0)


def test_a_window_of_monochrome1_is_that_of_the_values_before_inversion(dicom_film: Film) -> None:
    film = dicom_film(
        patches(0, 100, 300),
        PhotometricInterpretation="MONOCHROME1",
        WindowCenter="200.5",
        WindowWidth="401",
    )

    assert shown(film, 3) == exactly(1, 0.75, 0.25)


def test_the_exact_linear_function_ends_half_a_value_further(dicom_film: Film) -> None:
    film = dicom_film(
        patches(0, 100, 200, 300, 400),
        WindowCenter="200",
        WindowWidth="200",
        VOILUTFunction="LINEAR_EXACT",
    )

    assert shown(film, 5) == exactly(0, 0, 0.5, 1, 1)


def test_the_sigmoid_function_is_computed_as_the_standard_says(dicom_film: Film) -> None:
    film = dicom_film(
        patches(1000, 2000, 3000),
        WindowCenter="2000",
        WindowWidth="2000",
        VOILUTFunction="SIGMOID",
    )

    assert shown(film, 3) == exactly(1 / (1 + np.e**2), 0.5, 1 / (1 + np.e**-2))


def test_of_several_windows_the_first_counts(dicom_film: Film) -> None:
    film = dicom_film(patches(0, 1, 2), WindowCenter=["1.5", "900"], WindowWidth=["3", "10"])

    assert shown(film, 3) == exactly(0, 0.5, 1)


def test_a_centre_without_a_width_is_no_window(dicom_film: Film) -> None:
    assert shown(dicom_film(patches(0, 4095), WindowCenter="5"), 2) == exactly(0, 1)


def test_two_exposures_keep_their_difference(dicom_film: Film) -> None:
    bright = all_shown(dicom_film(patches(0, 2000, 4000)))
    dark = all_shown(dicom_film(patches(0, 1000, 2000)))

    assert dark == pytest.approx(bright / 2, abs=1e-6)


def test_signed_pixels_span_both_sides_of_zero(dicom_film: Film) -> None:
    film = dicom_film(patches(-2048, 0, 2047, dtype=np.int16), bits=12)

    assert shown(film, 3) == exactly(0, 2048 / 4095, 1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pixels_come_in_eight_or_sixteen_bits(dicom_film: Film, dtype: type) -> None:
    assert shown(dicom_film(patches(0, 51, 255, dtype=dtype), bits=8), 3) == exactly(0, 0.2, 1)


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless, JPEG2000Lossless],
)
def test_the_same_pixels_are_the_same_image_in_every_lossless_encoding(
    dicom_film: Film, syntax: str
) -> None:
    plain = read(dicom_film())

    assert read(dicom_film(syntax=syntax)).pixel_sha256() == plain.pixel_sha256()


def test_a_real_film_is_the_same_image_when_compressed_without_loss() -> None:
    """Although it is then decoded to half its size."""
    plain, lossless, lossy = (
        read(real(f"RG1_{name}.dcm")).pixel_sha256() for name in ("UNCR", "J2KR", "J2KI")
    )

    assert plain == lossless
    assert plain != lossy


def test_lossless_jpeg_is_read(dicom_film: Film) -> None:
    published = dcmread(get_testdata_file("JPGLosslessP14SV1_1s_1f_8b.dcm", download=False))
    frame = get_frame(published.PixelData, 0, number_of_frames=1)
    film = dicom_film(
        np.zeros((published.Rows, published.Columns), np.uint8),
        bits=8,
        syntax=published.file_meta.TransferSyntaxUID,
        frame=frame,
    )

    lossless = imagecodecs.ljpeg_decode(frame)  # not the decoder that is used
    assert all_shown(film) == pytest.approx(lossless / 255, abs=1e-6)


def test_lossy_jpeg_is_read(dicom_film: Film) -> None:
    pixels = np.add.outer(np.arange(100), np.arange(120)).astype(np.uint8)

    film = all_shown(dicom_film(pixels, bits=8, syntax=JPEGBaseline8Bit))

    assert film == pytest.approx(pixels / 255, abs=0.03)


def test_a_real_film_is_white_where_bones_are() -> None:
    """RG1 is MONOCHROME1: without inversion its background would be white."""
    film = all_shown(real("RG1_UNCR.dcm"))

    rows, columns = film.shape
    corner, spine = film[:50, :50], film[rows // 2 :, columns // 2 - 25 :][:50, :50]
    assert corner.mean() < spine.mean()


# Pixels that contradict the header


def test_a_pixel_beyond_the_stored_bits_is_not_masked_away(dicom_film: Film) -> None:
    assert reason(dicom_film(patches(0, 4096), bits=12)) == Reason.UNTRUSTWORTHY_PIXELS


def test_a_signed_pixel_beyond_the_stored_bits_is_refused(dicom_film: Film) -> None:
    film = dicom_film(patches(0, 2048, dtype=np.int16), bits=12)

    assert reason(film) == Reason.UNTRUSTWORTHY_PIXELS


@pytest.mark.parametrize(
    "attributes",
    [
        {"HighBit": 15},
        {"BitsStored": 0},
        {"BitsStored": 17, "HighBit": 16},
        {"RescaleSlope": "0", "RescaleIntercept": "0"},
        {"RescaleSlope": "nan", "RescaleIntercept": "0"},
        {"RescaleSlope": "1e300", "RescaleIntercept": "0"},
        {"WindowCenter": "1", "WindowWidth": "0"},
        {"WindowCenter": "1", "WindowWidth": "1"},
        {"WindowCenter": "1", "WindowWidth": "-5"},
        {"WindowCenter": "inf", "WindowWidth": "5"},
        {"WindowCenter": "1", "WindowWidth": "0", "VOILUTFunction": "SIGMOID"},
        {"WindowCenter": "1", "WindowWidth": "5", "VOILUTFunction": "CUBIC"},
        {"VOILUTSequence": table([0, 1, 2], bits=8, count=4)},
        {"VOILUTSequence": table([0, 300], bits=8)},
        {"VOILUTSequence": table([0, 1], bits=17)},
        {"VOILUTSequence": table([0, 1], bits=0)},
        {"ModalityLUTSequence": table([0, 1], bits=8, count=0)},
    ],
)
def test_a_header_that_contradicts_itself_makes_pixels_untrustworthy(
    dicom_film: Film, attributes: dict[str, object]
) -> None:
    assert reason(dicom_film(**attributes)) == Reason.UNTRUSTWORTHY_PIXELS


# Which films are refused


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
        ({"NumberOfFrames": "2"}, Reason.MULTI_FRAME),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, Reason.COLOUR),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, Reason.COLOUR),
        ({"PhotometricInterpretation": "MONOCHROME3"}, Reason.COLOUR),
        ({"PatientID": None}, Reason.NO_PATIENT),
        ({"PatientID": ""}, Reason.NO_PATIENT),
        ({"PatientID": "   "}, Reason.NO_PATIENT),
        ({"SOPInstanceUID": None}, Reason.BAD_METADATA),
        ({"SOPInstanceUID": "1.2.ROE"}, Reason.BAD_METADATA),
        ({"SOPInstanceUID": "1.02.3"}, Reason.BAD_METADATA),
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
def test_what_is_no_frontal_chest_film_is_refused_with_its_reason(
    dicom_film: Film, attributes: dict[str, object], expected: Reason
) -> None:
    assert reason(dicom_film(**attributes)) == expected


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
def test_real_files_that_are_no_chest_films_are_refused(name: str, expected: Reason) -> None:
    assert reason(real(name)) == expected


@pytest.mark.parametrize("orientation", [["L", "F"], ["R", "F"], None])
def test_a_frontal_view_is_not_taken_for_a_lateral(
    dicom_film: Film, orientation: list[str] | None
) -> None:
    attributes = {"PatientOrientation": orientation} if orientation else {}

    assert read(dicom_film(ViewPosition="", **attributes)).record.view == View.UNKNOWN


@pytest.mark.parametrize(
    ("written", "view"),
    [("PA", View.PA), ("AP", View.AP), ("pa ", View.PA), ("", View.UNKNOWN), ("XY", View.UNKNOWN)],
)
def test_an_unknown_view_is_scored_and_never_assumed(
    dicom_film: Film, written: str, view: View
) -> None:
    assert read(dicom_film(ViewPosition=written)).record.view == view


@pytest.mark.parametrize("body_part", ["", None, "chest", "THORAX"])
def test_a_chest_may_have_several_names_or_none(dicom_film: Film, body_part: str | None) -> None:
    assert read(dicom_film(BodyPartExamined=body_part))


def test_a_huge_image_is_refused_before_anything_is_allocated(dicom_film: Film) -> None:
    film = dicom_film(Rows=60_000, Columns=60_000)
    tracemalloc.start()
    try:
        assert reason(film) == Reason.TOO_LARGE
        assert tracemalloc.get_traced_memory()[1] < 10 * len(film) + 2**20
    finally:
        tracemalloc.stop()


def test_a_compressed_frame_of_another_size_is_refused_before_it_is_decoded(
    dicom_film: Film, jpeg_film: Film
) -> None:
    jpeg = bytearray(jpeg_film(np.zeros((100, 100), np.uint8)))
    start = jpeg.index(b"\xff\xc0")
    jpeg[start + 5 : start + 9] = struct.pack(">2H", 60_000, 60_000)
    lossless = bytearray(frame_of(dicom_film(syntax=JPEG2000Lossless)))
    lossless[8:16] = struct.pack(">2I", 60_000, 60_000)

    for frame, syntax in ((jpeg, JPEGBaseline8Bit), (lossless, JPEG2000Lossless)):
        film = dicom_film(patches(0, dtype=np.uint8), bits=8, syntax=syntax, frame=bytes(frame))
        assert reason(film) == Reason.UNTRUSTWORTHY_PIXELS


def frame_of(film: bytes) -> bytes:
    return get_frame(dcmread(BytesIO(film)).PixelData, 0, number_of_frames=1)


@pytest.mark.parametrize("lost", [1, 2, 50, 500])
@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEG2000Lossless])
def test_a_compressed_frame_that_was_cut_off_before_it_was_sent_is_corrupt(
    dicom_film: Film, syntax: str, lost: int
) -> None:
    """libjpeg decodes such frames without complaint and leaves the rest grey."""
    pixels = np.random.default_rng(0).integers(0, 256, (100, 100)).astype(np.uint8)
    frame = frame_of(dicom_film(pixels, bits=8, syntax=syntax)).rstrip(b"\0")

    film = dicom_film(pixels, bits=8, syntax=syntax, frame=frame[:-lost])

    assert reason(film) == Reason.CORRUPT


def test_a_jp2_file_instead_of_a_frame_is_refused_and_not_searched_for_ever(
    dicom_film: Film,
) -> None:
    """pydicom never ends on a box of length 0."""
    frame = b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(100)

    film = dicom_film(syntax=JPEG2000Lossless, frame=frame)

    assert reason(film) == Reason.UNSUPPORTED_ENCODING


@pytest.mark.parametrize("frame", [b"\xff\xd8", b"\xff\xd8\xff\xde\x00\x04", b"\xff" * 99])
def test_a_frame_that_is_no_jpeg_is_corrupt(dicom_film: Film, frame: bytes) -> None:
    film = dicom_film(syntax=JPEGLossless, frame=frame + bytes(len(frame) % 2))

    assert reason(film) == Reason.CORRUPT


def test_a_second_frame_that_the_header_conceals_is_not_overlooked(
    dicom_film: Film, grey_film: Callable[..., NDArray[np.uint16]]
) -> None:
    frame = frame_of(dicom_film(syntax=RLELossless))

    plain = dicom_film(PixelData=grey_film().tobytes() * 2)
    compressed = dicom_film(syntax=RLELossless, PixelData=encapsulate([frame, frame]))

    assert reason(plain) == Reason.MULTI_FRAME
    assert reason(compressed) == Reason.MULTI_FRAME


def test_one_frame_in_several_fragments_is_read(dicom_film: Film) -> None:
    frame = frame_of(dicom_film(syntax=JPEG2000Lossless))
    fragments = encapsulate([frame], fragments_per_frame=3)

    film = read(dicom_film(syntax=JPEG2000Lossless, PixelData=fragments))

    assert film.pixel_sha256() == read(dicom_film()).pixel_sha256()


@pytest.mark.parametrize("preamble", [bytes(128), b"\x02\x00\x10\x00UI\x12\x001.2.840.10008.1.2.1"])
def test_a_deflated_file_is_refused_before_it_is_inflated(
    dicom_film: Film, preamble: bytes
) -> None:
    """The second preamble pretends to be the transfer syntax, which stands elsewhere."""
    film = preamble.ljust(128, b"\0") + dicom_film(syntax=DeflatedExplicitVRLittleEndian)[128:]

    assert reason(film) == Reason.UNSUPPORTED_ENCODING


def test_a_header_that_pydicom_reads_in_two_ways_hides_no_deflated_file(dicom_film: Film) -> None:
    """An unknown type makes it start anew, with the lengths in other places."""
    film = dicom_film(syntax=DeflatedExplicitVRLittleEndian)
    body = film[film.index(b"1.2.840.10008.1.2.1.99") + 22 :]
    body = body[12 + body[8] :] if body[:4] == b"\x02\x00\x12\x00" else body
    decoy = b"\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\x00"
    skipped = 0x5A5A  # "ZZ" read as a length
    decoy += b"\x02\x00\x02\x01OB\x00\x00" + struct.pack("<I", skipped - len(decoy) - 12)
    hidden = b"\x02\x00\x10\x00\x16\x00\x00\x001.2.840.10008.1.2.1.99"

    content = film[:132] + b"\x02\x00\x01\x00ZZ\x00\x00" + decoy.ljust(skipped, b"\0") + hidden

    assert reason(content + body) == Reason.CORRUPT


@pytest.mark.parametrize("syntax", [MPEG2MPML, "1.2.840.10008.1.2.4.110"])
def test_an_encoding_that_cannot_be_decoded_is_told_apart_from_a_broken_file(
    dicom_film: Film, syntax: str
) -> None:
    film = dicom_film(syntax=JPEGBaseline8Bit, bits=8).replace(
        b"UI\x16\x001.2.840.10008.1.2.4.50",
        b"UI"
        + struct.pack("<H", len(syntax) + len(syntax) % 2)
        + syntax.encode().ljust(len(syntax) + len(syntax) % 2, b"\0"),
    )

    assert reason(film) == Reason.UNSUPPORTED_ENCODING


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, JPEG2000Lossless])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.999])
def test_a_file_that_was_cut_off_is_corrupt(dicom_film: Film, syntax: str, share: float) -> None:
    film = dicom_film(syntax=syntax)
    kept = max(int(len(film) * share), film.index(b"PA") + 40)

    assert reason(film[:kept]) == Reason.CORRUPT


# Whose it is


def test_padding_is_no_part_of_an_identifier(dicom_film: Film) -> None:
    film = dicom_film(PatientID=" ROE-1  ", IssuerOfPatientID="City  ")

    assert read(film).record.patient == PatientId("ROE-1", "City")


def test_an_identifier_with_a_backslash_is_not_cut_there(dicom_film: Film) -> None:
    """DICOM reads it as two values; the first alone would be many patients."""
    assert read(dicom_film(PatientID="ROE\\1")).record.patient.value == "ROE\\1"


def test_an_identifier_in_another_script_is_read(dicom_film: Film) -> None:
    film = dicom_film(SpecificCharacterSet="ISO_IR 192", PatientID="Müller-1")

    assert read(film).record.patient.value == "Müller-1"


def test_an_identifier_that_cannot_be_decoded_is_nobody(dicom_film: Film) -> None:
    film = dicom_film(SpecificCharacterSet="ISO_IR 192", PatientID="RxE-1").replace(
        b"RxE-1", b"R\xf6E-1"
    )

    assert reason(film) == Reason.NO_PATIENT


def test_uids_are_those_of_the_file(dicom_film: Film) -> None:
    record = read(dicom_film()).record

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
def test_a_simulated_film_says_so(
    dicom_film: Film, image_type: list[str] | str | None, *, simulated: bool
) -> None:
    attributes = {"ImageType": image_type} if image_type else {}

    assert read(dicom_film(**attributes)).record.simulated is simulated


# When it was taken

TIMES = {
    "AcquisitionDateTime": "20200401120001",
    "AcquisitionDate": "20200402",
    "AcquisitionTime": "120002",
    "ContentDate": "20200403",
    "ContentTime": "120003",
    "SeriesDate": "20200404",
    "SeriesTime": "120004",
    "StudyDate": "20200405",
    "StudyTime": "120005",
}
ORDER = [
    TimeSource.ACQUISITION_DATETIME,
    TimeSource.ACQUISITION,
    TimeSource.CONTENT,
    TimeSource.SERIES,
    TimeSource.STUDY,
]


@pytest.mark.parametrize("missing", range(5))
@pytest.mark.parametrize("how", ["absent", "empty", "not a date"])
def test_the_time_comes_from_the_first_source_that_has_a_date(
    dicom_film: Film, missing: int, how: str
) -> None:
    attributes = dict(TIMES)
    for keyword in [key for key in TIMES if not key.endswith("Time") or "DateTime" in key][
        :missing
    ]:
        match how:
            case "absent":
                del attributes[keyword]
            case "empty":
                attributes[keyword] = ""
            case _:
                attributes[keyword] = "20200231" + attributes[keyword][8:]

    acquired = read(dicom_film(**attributes)).record.acquired

    assert acquired.source == ORDER[missing]
    assert acquired.at == datetime(2020, 4, missing + 1, 12, 0, missing + 1, tzinfo=UTC)


def test_without_any_date_the_time_is_unknown_and_never_that_of_storage(dicom_film: Film) -> None:
    film = dicom_film(
        StudyDate=None,
        StudyTime="120000",
        InstanceCreationDate="20200401",
        PatientBirthDate="19500101",
        ScheduledProcedureStepStartDate="20200401",
    )

    acquired = read(film).record.acquired

    assert (acquired.at, acquired.source) == (None, TimeSource.UNKNOWN)


@pytest.mark.parametrize(
    "written",
    ["20201340", "20200230", "2020", "0000", "UNKNOWN", "00010101", "2020-04-01"],
)
def test_a_date_that_does_not_exist_is_not_a_time(dicom_film: Film, written: str) -> None:
    film = dicom_film(StudyDate=written, TimezoneOffsetFromUTC="+0100")

    assert read(film).record.acquired.source == TimeSource.UNKNOWN


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("093015", (9, 30, 15, 0)),
        ("093015.25", (9, 30, 15, 250_000)),
        ("0930", (9, 30, 0, 0)),
        ("09", (9, 0, 0, 0)),
        ("09:30:15", (9, 30, 15, 0)),
        ("235960", (23, 59, 59, 0)),
        ("", (0, 0, 0, 0)),
        ("noon", (0, 0, 0, 0)),
    ],
)
def test_a_time_of_day_may_be_short_or_missing(
    dicom_film: Film, time: str, expected: tuple[int, ...]
) -> None:
    acquired = read(dicom_film(StudyTime=time)).record.acquired

    assert acquired.at == datetime(2020, 4, 1, *expected, tzinfo=UTC)


def test_a_date_of_the_old_standard_is_read(dicom_film: Film) -> None:
    acquired = read(dicom_film(StudyDate="2020.04.01")).record.acquired

    assert acquired.at == datetime(2020, 4, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "utc_hour"),
    [("20200115", 11), ("20200715", 10), ("20200329", 10), ("20201025", 11)],
)
def test_the_assumed_zone_knows_daylight_saving(dicom_film: Film, day: str, utc_hour: int) -> None:
    film = dicom_film(StudyDate=day, StudyTime="120000")

    acquired = read(film, BERLIN).record.acquired

    assert acquired.at == datetime.strptime(f"{day}{utc_hour}+0000", "%Y%m%d%H%z")
    assert acquired.zone == "Europe/Berlin"


def test_the_hour_that_is_repeated_in_autumn_is_read_the_same_way_every_time(
    dicom_film: Film,
) -> None:
    film = dicom_film(StudyDate="20201025", StudyTime="023000")

    assert read(film, BERLIN).record.acquired.at == datetime(2020, 10, 25, 0, 30, tzinfo=UTC)


def test_the_file_s_offset_goes_before_the_assumed_zone(dicom_film: Film) -> None:
    film = dicom_film(StudyTime="120000", TimezoneOffsetFromUTC="-0430")

    acquired = read(film, BERLIN).record.acquired

    assert acquired.at == datetime(2020, 4, 1, 16, 30, tzinfo=UTC)
    assert acquired.zone == str(timezone(-timedelta(hours=4, minutes=30)))


@pytest.mark.parametrize("offset", ["+2500", "Berlin", "+02", ""])
def test_an_offset_that_is_none_leaves_the_assumed_zone(dicom_film: Film, offset: str) -> None:
    film = dicom_film(StudyTime="120000", TimezoneOffsetFromUTC=offset)

    assert read(film, BERLIN).record.acquired.at == datetime(2020, 4, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "utc_hour", "zone"),
    [
        ("20200401120000+0900", 3, "UTC+09:00"),
        ("20200401120000.000000-0300", 15, "UTC-03:00"),
        ("2020040112+0000", 12, "UTC"),
        ("20200401120000", 7, "UTC+05:00"),
    ],
)
def test_a_date_and_time_with_its_own_offset_needs_no_other(
    dicom_film: Film, written: str, utc_hour: int, zone: str
) -> None:
    film = dicom_film(AcquisitionDateTime=written, TimezoneOffsetFromUTC="+0500")

    acquired = read(film, BERLIN).record.acquired

    assert acquired.at == datetime(2020, 4, 1, utc_hour, tzinfo=UTC)
    assert acquired.zone == zone
    assert acquired.source == TimeSource.ACQUISITION_DATETIME


def test_a_real_film_s_time_is_that_of_its_content() -> None:
    acquired = read(real("RG1_UNCR.dcm")).record.acquired

    assert acquired.source == TimeSource.CONTENT
    assert acquired.at == datetime(1995, 9, 26, 16, 51, 30, tzinfo=UTC)
