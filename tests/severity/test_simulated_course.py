"""The accuracy that the demonstration rests on, with the model that the package carries."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr

from flows.demo.images import RG1_LUNGS, clear_pixels
from severity.images.grey_image import GreyImage
from severity.images.preprocessing import to_model_input
from severity.models.bundled import load_bundled
from severity.models.scoring_model import Placement, ScoringModel
from severity.simulation import paint_opacities

pytestmark = pytest.mark.weights

AMOUNTS = np.linspace(0, 1, 10)


@pytest.fixture(scope="module")
def image() -> NDArray[np.float32]:
    return clear_pixels()


@pytest.fixture(scope="module")
def model() -> ScoringModel:
    return load_bundled("compact-2", Placement())


def grey(painted: NDArray[np.floating]) -> GreyImage:
    return GreyImage(painted.astype(np.float32), 0, 1, *painted.shape)


def test_the_model_calls_the_radiograph_clear_before_anything_is_painted(
    image: NDArray[np.float32], model: ScoringModel
) -> None:
    (score,) = model.score(to_model_input(grey(image))[None])

    assert score.geographic_extent < 1
    assert score.opacity < 1
    assert score.out_of_distribution is None


@pytest.mark.parametrize("seed", range(1, 9))  # the patients of the demonstration
def test_extent_follows_the_painted_amount(
    image: NDArray[np.float32], model: ScoringModel, seed: int
) -> None:
    images = (
        paint_opacities(image, lungs=RG1_LUNGS, amount=amount, seed=seed) for amount in AMOUNTS
    )
    inputs = np.stack([to_model_input(grey(painted)) for painted in images])

    extents = [score.geographic_extent for score in model.score(inputs)]

    assert spearmanr(AMOUNTS, extents).statistic >= 0.8
