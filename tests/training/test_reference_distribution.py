import numpy as np
import pytest

pytest.importorskip("torch")


from severity.reliability.out_of_distribution import MAP_FEATURES
from training.reference_distribution import COMPONENTS, WITHIN, fit, limits


@pytest.fixture
def rows() -> np.ndarray:
    """Features that vary in as many directions as there are components, and a little in all."""
    random = np.random.default_rng(0)
    strengths = np.linspace(5, 1, COMPONENTS)
    directions = np.linalg.qr(random.normal(size=(MAP_FEATURES, COMPONENTS)))[0].T
    varied = random.normal(size=(4000, COMPONENTS)) * strengths @ directions
    return varied + random.normal(scale=0.01, size=(4000, MAP_FEATURES)) + 3


def test_components_are_the_directions_in_which_images_vary(rows: np.ndarray) -> None:
    reference = fit(rows)

    assert reference.mean == pytest.approx(rows.mean(axis=0), abs=1e-3)
    assert reference.deviations == pytest.approx(np.linspace(5, 1, COMPONENTS), rel=0.1)
    assert reference.components @ reference.components.T == pytest.approx(
        np.eye(COMPONENTS), abs=1e-4
    )


def test_distances_are_one_deviation_along_components_and_the_pixel_noise_beyond(
    rows: np.ndarray,
) -> None:
    within, beyond = np.sqrt((fit(rows).distances(rows) ** 2).mean(axis=0))

    assert within == pytest.approx(1, rel=0.02)
    assert beyond == pytest.approx(0.01, rel=0.1)


def test_the_same_images_give_the_same_reference(rows: np.ndarray) -> None:
    assert fit(rows).key == fit(rows.copy()).key


def test_the_limits_hold_the_wanted_share_of_images(rows: np.ndarray) -> None:
    random = np.random.default_rng(1)
    distances = random.gamma(5, size=(5000, 2)) * [1, 20]

    within = (distances <= limits(distances)).all(axis=1)

    assert within.mean() == pytest.approx(WITHIN, abs=1e-3)
