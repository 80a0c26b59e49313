from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from benchmarks.weights import WEIGHTS, image_like, write_random_weights
from severity.heads.published import linear_on_lung_opacity
from severity.models.scoring_model import Placement
from severity.models.torchxrayvision import load_published
from severity.models.torchxrayvision_weights import weight_set

pytestmark = pytest.mark.weights


def test_the_product_loads_random_weights_as_published_ones_and_scores_differ(tmp_path):
    weights = write_random_weights(tmp_path)

    content = Path(weights.file).read_bytes()
    model = load_published(
        content,
        linear_on_lung_opacity(),
        weight_set(WEIGHTS),
        sha256=weights.sha256,
        placement=Placement(),
    )
    extents = [score.geographic_extent_raw for score in model.score(image_like(8))]

    assert np.std(extents) > 0.2
    assert 0 < np.mean(extents) < 8
