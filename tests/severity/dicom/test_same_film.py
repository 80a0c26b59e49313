"""The same film, however it is stored, is handed to the network as the same image, or refused.

To try more ways than every run should: `SEVERITY_TEST_EXAMPLES=20000 pytest` on this file.
"""

import os
import resource
import time
from contextlib import suppress
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from severity.errors import RejectedImage
from severity.files.reader import read_radiograph
from severity.images.preprocessing import to_model_input
from severity.pseudonym import DerivedUids
from tests.builders.encoded_images import dicom_file
from tests.builders.film_variations import MARGIN, Variation, variation
from tests.builders.films import stored
from tests.builders.reading import UTC, brightness
from tests.severity.files.test_fuzz_reading import damaged

EXAMPLES = int(os.environ.get("SEVERITY_TEST_EXAMPLES", "400"))
SLOWEST_SECONDS, MOST_BYTES = 5, 300 * 2**20


def read(content: bytes) -> NDArray[np.float64]:
    """Return what is shown: 0 is black, 1 is white."""
    image = read_radiograph(content, None, uids=DerivedUids.unlinked(), zone=UTC)
    assert np.isfinite(to_model_input(image.grey)).all()
    return brightness(image.grey)


FILM = read(dicom_file(stored(12)))


def shows_the_film(image: NDArray[np.float64], drawn: Variation) -> bool:
    film = np.where(MARGIN, 0, FILM) if drawn.has_margin else FILM
    return image.shape == film.shape and bool(abs(image - film).max() < drawn.tolerance)


def test_a_film_is_the_same_however_it_is_stored() -> None:
    refused = 0
    for number in range(EXAMPLES):
        drawn = variation(Random(number))  # noqa: S311 - repeatable, not secret
        try:
            image = read(drawn.content)
        except RejectedImage:
            refused += 1
            continue
        assert shows_the_film(image, drawn), (number, drawn.steps)
    assert refused <= EXAMPLES / 100


def test_a_damaged_film_takes_little_time_and_memory() -> None:
    """Most are refused; what is read of the others cannot be known."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    slowest = 0.0
    for number in range(EXAMPLES):
        chance = Random(number)  # noqa: S311 - repeatable, not secret
        content = damaged(variation(chance).content, chance)
        began = time.process_time()
        with suppress(RejectedImage):
            read(content)
        slowest = max(slowest, time.process_time() - began)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < MOST_BYTES
    assert slowest < SLOWEST_SECONDS  # of this process alone, where a film takes 0.03


@pytest.mark.parametrize("polarity", ["MONOCHROME1", "MONOCHROME2"])
def test_a_film_of_the_other_polarity_is_another(polarity: str) -> None:
    """Otherwise the tests above could not fail."""
    image = read(dicom_file(stored(12), PhotometricInterpretation=polarity))

    assert shows_the_film(image, Variation()) is (polarity == "MONOCHROME2")
