"""The accuracy that the demonstration rests on, with the model that the package carries."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr

from flows.demo.images import RG1_LUNGS, rg1_pixels
from severity.images.grey_image import GreyImage
from severity.images.preprocessing import to_model_input
from severity.models.bundled import load_bundled
from severity.models.scoring_model import Placement, ScoringModel
from severity.simulation import paint_opacities

pytestmark = pytest.mark.weights

AMOUNTS = np.linspace(0, 1, 10)


@pytest.fixture(scope="module")
def image() -> NDArray[np.float32]:
    return rg1_pixels()


@pytest.fixture(scope="module")
def model() -> ScoringModel:
    return load_bundled("compact-2", Placement())


def grey(painted: NDArray[np.floating]) -> GreyImage:
    return GreyImage(painted.astype(np.float32), 0, 1, *painted.shape)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])  # the patients of the demonstration
def test_extent_follows_the_painted_amount(
    image: NDArray[np.float32], model: ScoringModel, seed: int
) -> None:
    images = (
        paint_opacities(image, lungs=RG1_LUNGS, amount=amount, seed=seed) for amount in AMOUNTS
    )
    inputs = np.stack([to_model_input(grey(painted)) for painted in images])

    extents = [score.geographic_extent for score in model.score(inputs)]

    assert spearmanr(AMOUNTS, extents).statistic >= 0.8
