"""The displayed image: tables, windows and inversion, in the order of the standard."""

import io

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import ArrayLike, NDArray
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from severity.domain import Reason
from tests.builders.encoded_images import dicom_file, grey_image, patches
from tests.builders.reading import brightness, published, read, reason


def all_shown(content: bytes) -> NDArray[np.float64]:
    """Return the displayed grey levels: 0 is black, 1 is white."""
    return brightness(read(content).grey)


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


def test_without_any_table_the_stored_bits_are_the_range() -> None:
    image = dicom_file(patches(0, 1000, 4095), bits=12)

    assert shown(image, 3) == exactly(0, 1000 / 4095, 1)


def test_a_rescale_slope_moves_the_range_along() -> None:
    image = dicom_file(patches(0, 1000, 4095), RescaleSlope="2.5", RescaleIntercept="-1000")

    assert shown(image, 3) == exactly(0, 1000 / 4095, 1)


def test_a_slope_without_an_intercept_is_still_a_slope() -> None:
    image = dicom_file(
        patches(0, 1000, 2000),
        RescaleSlope="2",
        VOILUTFunction="LINEAR_EXACT",
        WindowCenter="2000",
        WindowWidth="4000",
    )

    assert shown(image, 3) == exactly(0, 0.5, 1)


def test_a_negative_slope_turns_black_into_white() -> None:
    image = dicom_file(patches(0, 1000, 4095), RescaleSlope="-1", RescaleIntercept="4095")

    assert shown(image, 3) == exactly(1, 3095 / 4095, 0)


def test_a_window_applies_to_rescaled_values() -> None:
    image = dicom_file(
        patches(0, 1200, 1500, 2000, 4000),
        RescaleSlope="2",
        RescaleIntercept="-1000",
        WindowCenter="2000",
        WindowWidth="2001",
    )

    # -1000, 1400, 2000, 3000, 7000 in a window from 999.5 to 2999.5
    assert shown(image, 5) == exactly(0, 400.5 / 2000, 1000.5 / 2000, 1, 1)


def test_a_modality_table_comes_before_the_window() -> None:
    image = dicom_file(
        patches(0, 1, 2, 3, dtype=np.uint8),
        bits=8,
        ModalityLUTSequence=table([0, 100, 1000, 65535], bits=16),
        WindowCenter="500.5",
        WindowWidth="1001",
    )

    assert shown(image, 4) == exactly(0, 0.1, 1, 1)


def test_a_modality_table_replaces_a_slope_and_sets_the_range() -> None:
    image = dicom_file(
        patches(0, 1, 2, dtype=np.uint8),
        bits=8,
        RescaleSlope="7",
        RescaleIntercept="7",
        ModalityLUTSequence=table([0, 100, 4095], bits=12),
    )

    assert shown(image, 3) == exactly(0, 100 / 4095, 1)


def test_a_voi_table_comes_before_a_window() -> None:
    image = dicom_file(
        patches(0, 1, 2),
        VOILUTSequence=table([10, 200, 1023], bits=10),
        WindowCenter="1",
        WindowWidth="2",
    )

    assert shown(image, 3) == exactly(10 / 1023, 200 / 1023, 1)


def test_an_empty_voi_sequence_leaves_the_window() -> None:
    image = dicom_file(patches(0, 1, 2), VOILUTSequence=[], WindowCenter="1.5", WindowWidth="3")

    assert shown(image, 3) == exactly(0, 0.5, 1)


def test_values_beyond_a_table_get_its_first_or_last_entry() -> None:
    image = dicom_file(
        patches(0, 99, 100, 101, 4095), VOILUTSequence=table([50, 200], bits=8, first=100)
    )

    assert shown(image, 5) == exactly(*(np.array([50, 50, 50, 200, 200]) / 255))


def test_a_table_may_begin_below_zero() -> None:
    image = dicom_file(
        patches(0, 1, 3),
        RescaleSlope="1",
        RescaleIntercept="-2",
        VOILUTSequence=table([0, 51, 102, 255], bits=8, first=-2),
    )

    assert shown(image, 3) == exactly(0, 0.2, 1)


@pytest.mark.parametrize("vr", ["US", "OW"])
def test_a_table_of_many_entries_may_have_eight_bits(vr: str) -> None:
    """pydicom's own function indexes in the output's type and fails here."""
    entries = np.arange(4096) // 16
    image = dicom_file(patches(0, 1600, 4095), VOILUTSequence=table(entries, bits=8, vr=vr))

    assert shown(image, 3) == exactly(0, 100 / 255, 1)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_table_may_have_every_16_bit_value(syntax: str) -> None:
    entries = np.arange(65536)[::-1]
    image = dicom_file(
        patches(0, 65535),
        bits=16,
        syntax=syntax,
        VOILUTSequence=table(entries, bits=16, vr="OW", count=0),
    )

    assert shown(image, 2) == exactly(1, 0)


def test_monochrome1_is_inverted_after_everything_else() -> None:
    image = dicom_file(
        patches(0, 1, 2, 3, dtype=np.uint8),
        bits=8,
        PhotometricInterpretation="MONOCHROME1",
        ModalityLUTSequence=table([0, 1, 2, 5], bits=12),
        VOILUTSequence=table([0, 10, 20, 30, 40, 255], bits=8),
    )

    assert shown(image, 4) == exactly(1, 245 / 255, 235 / 255, 0)


def test_a_window_of_monochrome1_is_that_of_the_values_before_inversion() -> None:
    image = dicom_file(
        patches(0, 100, 300),
        PhotometricInterpretation="MONOCHROME1",
        WindowCenter="200.5",
        WindowWidth="401",
    )

    assert shown(image, 3) == exactly(1, 0.75, 0.25)


def test_the_exact_linear_function_ends_half_a_value_further() -> None:
    image = dicom_file(
        patches(0, 100, 200, 300, 400),
        WindowCenter="200",
        WindowWidth="200",
        VOILUTFunction="LINEAR_EXACT",
    )

    assert shown(image, 5) == exactly(0, 0, 0.5, 1, 1)


def test_the_sigmoid_function_is_computed_as_the_standard_says() -> None:
    image = dicom_file(
        patches(1000, 2000, 3000),
        WindowCenter="2000",
        WindowWidth="2000",
        VOILUTFunction="SIGMOID",
    )

    assert shown(image, 3) == exactly(1 / (1 + np.e**2), 0.5, 1 / (1 + np.e**-2))


def test_of_several_windows_the_first_counts() -> None:
    image = dicom_file(patches(0, 1, 2), WindowCenter=["1.5", "900"], WindowWidth=["3", "10"])

    assert shown(image, 3) == exactly(0, 0.5, 1)


def test_a_centre_without_a_width_is_no_window() -> None:
    assert shown(dicom_file(patches(0, 4095), WindowCenter="5"), 2) == exactly(0, 1)


def test_two_exposures_keep_their_difference() -> None:
    bright = all_shown(dicom_file(patches(0, 2000, 4000)))
    dark = all_shown(dicom_file(patches(0, 1000, 2000)))

    np.testing.assert_allclose(dark, bright / 2, rtol=0, atol=1e-6)


def test_a_table_of_signed_pixels_reads_the_same_in_a_sequence_of_undefined_length() -> None:
    """In the implicit encoding, nothing in the item says that its first value is signed."""
    signed = grey_image().astype(np.int16) - 2048
    image = dicom_file(
        signed,
        syntax=ImplicitVRLittleEndian,
        VOILUTSequence=table(np.arange(4096)[::-1], bits=12, first=-2048, vr="OW"),
    )
    dataset = dcmread(io.BytesIO(image))
    dataset["VOILUTSequence"].is_undefined_length = True
    other = io.BytesIO()
    dcmwrite(other, dataset)

    assert_array_equal(all_shown(other.getvalue()), all_shown(image))


def test_signed_pixels_span_both_sides_of_zero() -> None:
    image = dicom_file(patches(-2048, 0, 2047, dtype=np.int16), bits=12)

    assert shown(image, 3) == exactly(0, 2048 / 4095, 1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pixels_come_in_eight_or_sixteen_bits(dtype: type) -> None:
    assert shown(dicom_file(patches(0, 51, 255, dtype=dtype), bits=8), 3) == exactly(0, 0.2, 1)


def test_a_real_image_is_white_where_bones_are() -> None:
    """RG1 is MONOCHROME1: without inversion its background would be white."""
    image = all_shown(published("RG1_UNCR.dcm"))

    rows, columns = image.shape
    corner, spine = image[:50, :50], image[rows // 2 :, columns // 2 - 25 :][:50, :50]
    assert corner.mean() < spine.mean()


@pytest.mark.parametrize(
    "attributes",
    [
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
    attributes: dict[str, object],
) -> None:
    assert reason(dicom_file(**attributes)) == Reason.UNTRUSTWORTHY_PIXELS
