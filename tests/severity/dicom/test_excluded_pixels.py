"""Pixels that a header excludes from the image are black, whatever they hold; no others are."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pydicom.uid import (
    JPEG2000,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGExtended12Bit,
)

from severity.dicom import excluded_pixels
from severity.domain import Reason
from tests.builders.encoded_images import dicom_file, jpeg_2000
from tests.builders.films import SHAPE, look_up_table, overlay, stored
from tests.builders.reading import brightness, read, reason

SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
FILMS = Path(__file__).parents[4] / "shared/faults/films"


def shown(content: bytes) -> np.ndarray:
    return brightness(read(content).grey)


PLAIN = shown(dicom_file(stored(12)))
MARGIN = np.zeros(SHAPE, np.bool_)
MARGIN[:, :20] = MARGIN[-8:] = True


def with_margin(value: float) -> np.ndarray:
    return np.where(MARGIN, value, PLAIN)


@given(
    value=st.integers(0, 2**16 - 1),
    polarity=st.sampled_from(["MONOCHROME1", "MONOCHROME2"]),
    syntax=st.sampled_from(SYNTAXES),
    signed=st.booleans(),
    window=st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_padding_is_black_whatever_its_value(
    value: int, polarity: str, syntax: str, *, signed: bool, window: bool
) -> None:
    """Also beyond the stored bits, and whatever type the value is written with."""
    offset = 2048 if signed else 0
    pixels = (stored(12).astype(np.int32) - offset).astype(np.int16 if signed else np.uint16)
    pixels[MARGIN] = np.uint16(value).view(np.int16) if signed else value
    attributes = {"WindowCenter": str(2048 - offset), "WindowWidth": "4096"} if window else {}

    image = shown(
        dicom_file(
            pixels,
            syntax=syntax,
            elements=[(0x00280120, "US", value)],
            PhotometricInterpretation=polarity,
            **attributes,
        )
    )

    assert_allclose(image[MARGIN], 0, rtol=0, atol=1 / 400)
    inside = PLAIN if polarity == "MONOCHROME2" else 1 - PLAIN
    few = (
        pixels == pixels[MARGIN][0]
    ) & ~MARGIN  # which belong to the image, or are its neighbours
    assert_allclose(image[~MARGIN & ~few], inside[~MARGIN & ~few], rtol=0, atol=1e-3)


@pytest.mark.parametrize("limit", [4000, 65_535])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_range_of_padding_is_black(limit: int, *, reverse: bool) -> None:
    pixels = np.minimum(stored(12), 3000)
    pixels[MARGIN] = np.linspace(3900, limit, MARGIN.sum()).astype(np.uint16)
    ends = [3900, limit][:: -1 if reverse else 1]

    image = shown(dicom_file(pixels, PixelPaddingValue=ends[0], PixelPaddingRangeLimit=ends[1]))

    assert_allclose(image, np.where(MARGIN, 0, pixels / 4095), rtol=0, atol=1e-6)


def test_padding_is_black_behind_a_table() -> None:
    pixels = stored(12)
    pixels[MARGIN] = 4095
    table = look_up_table(np.arange(4096), bits=12)

    image = dicom_file(pixels, PixelPaddingValue=4095, VOILUTSequence=table)

    assert_allclose(shown(image), with_margin(0), rtol=0, atol=1e-6)


def test_single_pixels_of_the_paddings_value_belong_to_the_image() -> None:
    """Senders name the highest value, which bright pixels have as well."""
    pixels = stored(12)
    pixels[50, 50] = pixels[60, 60:62] = 4095

    assert_array_equal(shown(dicom_file(pixels, PixelPaddingValue=4095)), pixels / 4095)


def test_a_value_beyond_the_stored_bits_is_padding_or_untrustworthy() -> None:
    pixels = stored(12)
    pixels[50, 50] = 60_000

    assert shown(dicom_file(pixels, PixelPaddingValue=60_000))[50, 50] == 0
    assert reason(dicom_file(pixels)) == Reason.UNTRUSTWORTHY_PIXELS
    assert reason(dicom_file(pixels, PixelPaddingValue=60_001)) == Reason.UNTRUSTWORTHY_PIXELS


def test_padding_that_is_black_anyway_leaves_a_film_as_it_was() -> None:
    """Most senders pad with the black of their films; such a film may be decoded to half size."""
    large = np.kron(stored(12), np.ones((18, 18), np.uint16))
    frame = jpeg_2000(large, 12)
    padded = dicom_file(large, syntax=JPEG2000Lossless, frame=frame, PixelPaddingValue=0)
    plain = dicom_file(large, syntax=JPEG2000Lossless, frame=frame)

    assert_array_equal(read(padded).grey.values, read(plain).grey.values)


@given(
    bits=st.lists(st.integers(12, 15), min_size=1, max_size=4, unique=True),
    signed=st.booleans(),
    syntax=st.sampled_from(SYNTAXES),
)
@settings(max_examples=30, deadline=None)
def test_overlays_in_unused_bits_are_no_part_of_the_image(
    bits: list[int], syntax: str, *, signed: bool
) -> None:
    pixels = stored(12).astype(np.int32) - 2048 * signed
    pixels = pixels.astype(np.int16).view(np.uint16) if signed else pixels.astype(np.uint16)
    elements = []
    for number, bit in enumerate(bits):
        pixels[10 + number :: 7, 5:50] ^= np.uint16(1 << bit)
        elements += [(tag + (2 * number << 16), vr, value) for tag, vr, value in overlay(bit)]
    content = dicom_file(pixels, syntax=syntax, elements=elements, PixelRepresentation=int(signed))

    assert_allclose(shown(content), PLAIN, rtol=0, atol=1e-6)


def test_a_bit_that_no_overlay_claims_makes_pixels_untrustworthy() -> None:
    pixels = stored(12) | np.uint16(1 << 14)

    assert reason(dicom_file(pixels)) == Reason.UNTRUSTWORTHY_PIXELS
    assert reason(dicom_file(pixels, elements=overlay(15))) == Reason.UNTRUSTWORTHY_PIXELS
    apart = overlay(14, allocated=1)
    assert reason(dicom_file(pixels, elements=apart)) == Reason.UNTRUSTWORTHY_PIXELS


def test_an_overlay_in_a_bit_of_the_image_leaves_it_alone() -> None:
    assert_array_equal(shown(dicom_file(stored(12), elements=overlay(3))), PLAIN)


@pytest.mark.skipif(not FILMS.is_dir(), reason="no ../shared/faults: the real film is not here")
def test_a_real_overlay_in_a_high_bit_is_no_part_of_the_image() -> None:
    content = (FILMS / "overlay-in-a-high-bit.dcm").read_bytes()
    film = content.replace(b"CS\x02\x00OT", b"CS\x02\x00CR")
    identifier = b"\x10\x00\x20\x00LO\x04\x000042"
    at = film.index(b"\x20\x00\x0d\x00UI")

    grey = read(film[:at] + identifier + film[at:]).grey

    assert grey.values.max() <= grey.white == 4095


SHUTTERS = {
    "RECTANGULAR": {
        "ShutterLeftVerticalEdge": "21",
        "ShutterRightVerticalEdge": "104",
        "ShutterUpperHorizontalEdge": "1",
        "ShutterLowerHorizontalEdge": "92",
    },
    "POLYGONAL": {"VerticesOfThePolygonalShutter": [1, 21, 1, 104, 92, 104, 92, 21]},
}


@pytest.mark.parametrize("shape", SHUTTERS)
@pytest.mark.parametrize("polarity", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("window", [{}, {"WindowCenter": "1000", "WindowWidth": "9000"}])
def test_what_lies_behind_a_shutter_is_black(
    shape: str, polarity: str, window: dict[str, str]
) -> None:
    attributes = {"PhotometricInterpretation": polarity, **window}
    plain = shown(dicom_file(stored(12), **attributes))

    image = shown(dicom_file(stored(12), ShutterShape=shape, **SHUTTERS[shape], **attributes))

    assert_allclose(image, np.where(MARGIN, 0, plain), rtol=0, atol=1e-6)


def test_what_lies_outside_a_circular_shutter_is_black() -> None:
    rows, columns = np.indices(SHAPE)
    outside = (rows + 1 - 50) ** 2 + (columns + 1 - 60) ** 2 > 30**2

    image = shown(
        dicom_file(
            stored(12),
            ShutterShape="CIRCULAR",
            CenterOfCircularShutter=[50, 60],
            RadiusOfCircularShutter="30",
        )
    )

    assert_allclose(image, np.where(outside, 0, PLAIN), rtol=0, atol=1e-6)


def test_several_shutters_leave_what_is_in_all_of_them() -> None:
    both = dicom_file(
        stored(12),
        ShutterShape=["RECTANGULAR", "CIRCULAR"],
        CenterOfCircularShutter=[1, 1],
        RadiusOfCircularShutter="40",
        **SHUTTERS["RECTANGULAR"],
    )
    image = shown(both)

    assert (image[20, 30], image[60, 60], image[20, 10]) == (PLAIN[20, 30], 0, 0)


def test_a_shape_that_is_named_a_thousand_times_is_drawn_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[str] = []
    shapes = {
        name: lambda *of, name=name, draw=draw: (drawn.append(name), draw(*of))[1]
        for name, draw in excluded_pixels._OUTSIDE.items()  # noqa: SLF001 - draws are counted
    }
    monkeypatch.setattr(excluded_pixels, "_OUTSIDE", shapes)

    shown(
        dicom_file(
            stored(12), ShutterShape=["RECTANGULAR", "rectangular"] * 500, **SHUTTERS["RECTANGULAR"]
        )
    )

    assert drawn == ["RECTANGULAR"]


def test_a_shutter_that_hides_everything_is_refused() -> None:
    edges = dict.fromkeys(SHUTTERS["RECTANGULAR"], "0")

    image = dicom_file(stored(12), ShutterShape="RECTANGULAR", **edges)

    assert reason(image) == Reason.UNTRUSTWORTHY_PIXELS


@pytest.mark.parametrize(
    "attributes",
    [
        {"ShutterShape": "RECTANGULAR"},
        {"ShutterShape": "CIRCULAR", "RadiusOfCircularShutter": "5"},
        {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": [1, 1, 5, 5]},
        {"ShutterShape": "BITMAP"},
    ],
)
def test_a_shutter_without_an_extent_hides_nothing(attributes: dict[str, object]) -> None:
    assert_array_equal(shown(dicom_file(stored(12), **attributes)), PLAIN)


def test_a_shutter_that_cannot_be_read_hides_nothing() -> None:
    circle = {"CenterOfCircularShutter": [50, 60], "RadiusOfCircularShutter": "30"}
    image = dicom_file(stored(12), ShutterShape="CIRCULAR", **circle)

    assert_array_equal(shown(image.replace(rb"50\60 ", rb"fifty ")), PLAIN)


@pytest.mark.parametrize("syntax", [JPEG2000, JPEGExtended12Bit])
def test_a_lossy_codec_may_overshoot_the_stored_bits_a_little(syntax: str) -> None:
    """JPEG 2000 and JPEG write 12 or 16 bits where 10 are stored, and ring at sharp edges."""
    pixels = stored(10)
    pixels[40:60, 40] = 1023 + 40
    frame = jpeg_2000(pixels, 16) if syntax == JPEG2000 else None
    image = dicom_file(pixels, bits=10, syntax=ExplicitVRLittleEndian, LossyImageCompression="01")
    if frame:
        image = dicom_file(pixels, bits=10, syntax=syntax, frame=frame)

    assert shown(image)[50, 40] == 1
    assert reason(dicom_file(pixels, bits=10)) == Reason.UNTRUSTWORTHY_PIXELS


def test_more_than_overshoot_is_a_wrong_header_also_of_a_lossy_codec() -> None:
    for pixels in (stored(11), np.where(MARGIN, 1100, stored(10)).astype(np.uint16)):
        image = dicom_file(pixels, bits=10, LossyImageCompression="01")
        assert reason(image) == Reason.UNTRUSTWORTHY_PIXELS


def test_the_overlays_that_were_removed_are_named_among_the_decisions() -> None:
    pixels = stored(12) | np.uint16(1 << 14)

    decisions = {by.subject: by for by in read(dicom_file(pixels, elements=overlay(14))).decisions}

    assert decisions["overlays"].outcome.startswith("1 bit")
    assert "0102" in decisions["overlays"].source
