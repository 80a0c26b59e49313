"""What a header says of its pixels and what they say themselves: the data are believed, or refused.

Seen in the image that is handed on. A network that standardises each image would hide it.
"""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
)

from severity.domain import Reason
from tests.builders.encoded_images import dicom_file, jpeg_2000
from tests.builders.encoders import j2k, jpeg_ls, lossless_jpeg
from tests.builders.films import FULL, SHAPE, handed_on, is_flagged, look_up_table, stored
from tests.builders.reading import reason

SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
PLAIN = handed_on(dicom_file(stored(12)))


def assert_same(content: bytes, *, tolerance: float = 0.005) -> None:
    assert_allclose(handed_on(content), PLAIN, rtol=0, atol=tolerance)


@pytest.mark.parametrize("sequence", ["VOILUTSequence", "ModalityLUTSequence"])
@given(width=st.integers(8, 16), more=st.integers(0, 8), syntax=st.sampled_from(SYNTAXES))
@settings(max_examples=25, deadline=None)
def test_a_table_is_as_wide_as_its_entries(
    sequence: str, width: int, more: int, syntax: str
) -> None:
    """Senders write 16 bits for tables of 12, of which readers of the data show all greys."""
    entries = np.rint(np.linspace(0, 2**width - 1, 4096))
    table = look_up_table(entries, bits=min(width + more, 16))

    assert_same(dicom_file(stored(12), syntax=syntax, **{sequence: table}))


@pytest.mark.parametrize("bits", [0, 8, 11, 17])
def test_a_table_narrower_than_its_entries_is_refused(bits: int) -> None:
    image = dicom_file(stored(12), VOILUTSequence=look_up_table(np.arange(4096), bits=bits))

    assert reason(image) == Reason.UNTRUSTWORTHY_PIXELS


@given(
    intercept=st.integers(-4096, 4096),
    vr=st.sampled_from(["US", "SS"]),
    syntax=st.sampled_from([ExplicitVRLittleEndian, ImplicitVRLittleEndian]),
    signed=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_a_table_begins_where_its_inputs_do_whatever_type_its_first_value_has(
    intercept: int, vr: str, syntax: str, *, signed: bool
) -> None:
    pixels = stored(12).astype(np.int16) - 2048 if signed else stored(12)
    first = intercept - 2048 * signed
    if vr == "US" or syntax == ImplicitVRLittleEndian:
        vr, first = "US", first % 2**16
    image = dicom_file(
        pixels,
        syntax=syntax,
        RescaleSlope="1",
        RescaleIntercept=str(intercept),
        VOILUTSequence=look_up_table(np.arange(4096), bits=12, first=first, vr=vr),
    )

    assert_same(image)


@pytest.mark.parametrize("first", [5000, 40_000, -5000])
def test_a_table_that_no_pixel_reaches_is_refused(first: int) -> None:
    table = look_up_table(np.arange(4096), bits=12, first=first)

    assert reason(dicom_file(stored(12), VOILUTSequence=table)) == Reason.UNTRUSTWORTHY_PIXELS


def test_a_table_of_one_grey_is_refused() -> None:
    for entries in (np.zeros(4096), np.full(4096, 4095)):
        table = look_up_table(entries, bits=12)
        assert reason(dicom_file(stored(12), VOILUTSequence=table)) == Reason.UNTRUSTWORTHY_PIXELS


FRAMES: dict[str, tuple[str, Callable[[np.ndarray, int], bytes]]] = {
    "JPEG 2000": (JPEG2000Lossless, j2k),
    "lossless JPEG": (JPEGLosslessSV1, lossless_jpeg),
    "JPEG-LS": (JPEGLSLossless, jpeg_ls),
}


def framed(codec: str, width: int, **attributes: object) -> bytes:
    """A film in a frame of ``width`` bits, in a header of 16 allocated and 12 stored."""
    syntax, encode = FRAMES[codec]
    pixels = stored(width).astype(np.uint8 if width <= 8 else np.uint16)
    return dicom_file(stored(12), syntax=syntax, frame=encode(pixels, width), **attributes)


@pytest.mark.parametrize("stated", [12, 16])
@pytest.mark.parametrize(("codec", "width"), [(codec, 8) for codec in FRAMES] + [("JPEG 2000", 10),
                         ("JPEG 2000", 11), ("lossless JPEG", 10)])  # fmt: skip
def test_a_frame_of_fewer_bits_has_its_own_scale(codec: str, width: int, stated: int) -> None:
    image = framed(codec, width, BitsStored=stated, HighBit=stated - 1)

    assert_same(image)


@pytest.mark.parametrize("codec", FRAMES)
def test_a_window_for_more_bits_than_the_frame_has_is_refused(codec: str) -> None:
    """Either of the two is on another scale, and nothing tells which."""
    window = {"WindowCenter": "2048", "WindowWidth": "4096"}
    table = {"VOILUTSequence": look_up_table(np.arange(4096), bits=12)}

    assert reason(framed(codec, 8, **window)) == Reason.UNTRUSTWORTHY_PIXELS
    assert reason(framed(codec, 8, **table)) == Reason.UNTRUSTWORTHY_PIXELS


def test_a_window_for_the_bits_of_the_frame_counts() -> None:
    window = {"WindowCenter": "2048", "WindowWidth": "4096"}
    frame = jpeg_2000(stored(12), 12)
    image = dicom_file(stored(12), bits=16, syntax=JPEG2000Lossless, frame=frame, **window)

    assert_same(image)


@pytest.mark.parametrize("modality", [{}, {"RescaleSlope": "2", "RescaleIntercept": "-100"}])
@pytest.mark.parametrize("centre", ["-9000", "20000"])
@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT"])
@pytest.mark.parametrize("polarity", ["MONOCHROME1", "MONOCHROME2"])
def test_a_window_that_no_pixel_reaches_is_refused(
    modality: dict[str, str], centre: str, function: str, polarity: str
) -> None:
    image = dicom_file(
        stored(12),
        WindowCenter=centre,
        WindowWidth="2000",
        VOILUTFunction=function,
        PhotometricInterpretation=polarity,
        **modality,
    )

    assert reason(image) == Reason.UNTRUSTWORTHY_PIXELS


@pytest.mark.parametrize("keyword", ["WindowCenter", "WindowWidth", "RescaleSlope"])
def test_what_displays_pixels_must_be_a_number(keyword: str) -> None:
    numbers = {"WindowCenter": "2048", "WindowWidth": "4096", "RescaleSlope": "1"}
    image = dicom_file(stored(12), **(numbers | {keyword: "4321.5"}))

    assert reason(image.replace(b"4321.5", b"4321,5")) == Reason.UNTRUSTWORTHY_PIXELS


@pytest.mark.parametrize("grey", [0, 1, 2048, 4095])
def test_an_image_of_one_grey_is_refused(grey: int) -> None:
    even = np.full(SHAPE, grey, np.uint16)
    marked = even.copy()
    marked[:, 0] = 4095 - grey  # outside the square that networks see

    assert reason(dicom_file(even)) == Reason.UNTRUSTWORTHY_PIXELS
    assert reason(dicom_file(marked)) == Reason.UNTRUSTWORTHY_PIXELS


@pytest.mark.parametrize(("bits", "stated"), [(8, 12), (10, 12), (10, 16), (12, 16), (14, 16)])
@pytest.mark.parametrize("polarity", ["MONOCHROME1", "MONOCHROME2"])
def test_pixels_of_fewer_bits_than_the_header_states_are_flagged(
    bits: int, stated: int, polarity: str
) -> None:
    image = dicom_file(stored(bits), bits=stated, PhotometricInterpretation=polarity)

    assert is_flagged(image)


def test_an_exposure_is_no_matter_of_its_own_extremes() -> None:
    """Otherwise a change between two images of a patient would vanish."""
    dark = (stored(12) * 0.6).astype(np.uint16)

    # At its border an image is mixed with mid-grey, whatever its exposure.
    inside = handed_on(dicom_file(dark))[3:-3, 3:-3]
    assert_allclose(inside, PLAIN[3:-3, 3:-3] * 0.6, rtol=0, atol=0.005)


def test_the_film_of_these_tests_fills_the_scale() -> None:
    assert (FULL.min(), FULL.max()) == pytest.approx((0, 1), abs=0.01)
    assert np.ptp(PLAIN) > 0.95
