"""Films with pixels that are not square, and films that are stored rotated."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pydicom.uid import JPEG2000Lossless

from severity.domain import Reason
from tests.builders.encoded_images import dicom_file, jpeg_2000
from tests.builders.films import handed_on, stored
from tests.builders.reading import brightness, read, reason

FILM = np.kron(stored(12), np.ones((2, 2), np.uint16))  # 200 x 208
PLAIN = handed_on(dicom_file(FILM))

SPACINGS = ["PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"]


@pytest.mark.parametrize("keyword", SPACINGS)
@pytest.mark.parametrize(("step", "axis"), [(2, 0), (2, 1)])
def test_a_film_of_oblong_pixels_is_the_same_film(keyword: str, step: int, axis: int) -> None:
    few = FILM[::step] if axis == 0 else np.ascontiguousarray(FILM[:, ::step])
    spacing = [0.4, 0.2] if axis == 0 else [0.2, 0.4]

    image = dicom_file(few, **{keyword: spacing})

    assert read(image).grey.values.shape == FILM.shape
    assert_allclose(handed_on(image), PLAIN, rtol=0, atol=0.03)


@pytest.mark.parametrize("polarity", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("ratio", [[2, 1], [4, 2]])
def test_an_aspect_ratio_counts_where_no_spacing_is_stated(ratio: list[int], polarity: str) -> None:
    plain = handed_on(dicom_file(FILM, PhotometricInterpretation=polarity))

    image = dicom_file(FILM[::2], PixelAspectRatio=ratio, PhotometricInterpretation=polarity)

    assert_allclose(handed_on(image), plain, rtol=0, atol=0.03)


def test_the_first_spacing_that_is_stated_counts() -> None:
    square = dicom_file(FILM, PixelSpacing=[0.2, 0.2], PixelAspectRatio=[2, 1])
    unreadable = dicom_file(FILM, PixelSpacing=[0, 0], ImagerPixelSpacing=["0.2", "0.4"])
    unreadable = unreadable.replace(rb"0.2\0.4", rb"0,2\0,4")

    assert_array_equal(read(square).grey.values, FILM)
    assert_array_equal(read(unreadable).grey.values, FILM)


@pytest.mark.parametrize("spacing", [[0.1430, 0.1431], [0.2, 0.2], [0.2], [-1, 2], ["nan", 2]])
def test_rounding_and_nonsense_leave_a_film_as_it_is(spacing: list[float]) -> None:
    assert_array_equal(read(dicom_file(FILM, PixelSpacing=spacing)).grey.values, FILM)


@pytest.mark.parametrize("spacing", [[1, 4.1], [1, 1000], [1e9, 1]])
def test_pixels_that_no_detector_has_are_untrustworthy(spacing: list[float]) -> None:
    assert reason(dicom_file(FILM, PixelSpacing=spacing)) == Reason.UNTRUSTWORTHY_PIXELS


STORED = {
    ("L", "F"): FILM,
    ("R", "H"): np.rot90(FILM, 2),
    ("L", "H"): np.flipud(FILM),
    ("F", "L"): FILM.T,
    ("F", "R"): np.fliplr(FILM).T,
    ("H", "L"): np.flipud(FILM).T,
    ("H", "R"): np.rot90(FILM, 2).T,
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("polarity", ["MONOCHROME1", "MONOCHROME2"])
def test_a_film_is_upright_however_it_is_stored(
    orientation: tuple[str, str], polarity: str
) -> None:
    pixels = np.ascontiguousarray(STORED[orientation])
    plain = read(dicom_file(FILM, PhotometricInterpretation=polarity))

    image = dicom_file(
        pixels, PatientOrientation=list(orientation), PhotometricInterpretation=polarity
    )

    assert_array_equal(brightness(read(image).grey), brightness(plain.grey))


def test_a_film_that_is_only_mirrored_stays_so() -> None:
    """Many senders write this of films that are stored like all others."""
    image = read(dicom_file(FILM, PatientOrientation=["R", "F"]))

    assert_array_equal(image.grey.values, FILM)


@pytest.mark.parametrize("orientation", [[], [""], ["L"], ["L", "F", "F"], ["X", "Y"], ["F", "F"]])
def test_an_orientation_that_says_nothing_rotates_nothing(orientation: list[str]) -> None:
    image = read(dicom_file(FILM, PatientOrientation=orientation))

    assert_array_equal(image.grey.values, FILM)


def test_a_large_compressed_film_is_upright_too() -> None:
    """Otherwise it would be decoded to half its size, whose rows and columns begin elsewhere."""
    large = np.kron(FILM, np.ones((9, 9), np.uint16))
    frame = jpeg_2000(np.ascontiguousarray(np.rot90(large, 2)), 12)

    image = dicom_file(large, syntax=JPEG2000Lossless, frame=frame, PatientOrientation=["R", "H"])

    assert_allclose(handed_on(image), handed_on(dicom_file(large)), rtol=0, atol=1e-3)


def test_a_film_may_be_rotated_and_have_oblong_pixels() -> None:
    pixels = np.ascontiguousarray(FILM.T[::2])
    image = dicom_file(pixels, PatientOrientation=["F", "L"], PixelSpacing=[0.4, 0.2])

    assert_allclose(handed_on(image), PLAIN, rtol=0, atol=0.03)
