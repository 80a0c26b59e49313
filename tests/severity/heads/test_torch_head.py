import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from numpy.typing import NDArray

from severity.heads.head import Chain, Layer, apply_chain
from severity.heads.published import linear_on_lung_opacity
from severity.heads.torch_head import HeadModule

pytestmark = pytest.mark.weights  # torch takes as long


def mlp(seed: int) -> Chain:
    """As scikit-learn's MLPRegressor(hidden_layer_sizes=[1000]) on 1,024 features."""
    random = np.random.default_rng(seed)
    return (
        Layer(random.normal(scale=1 / 32, size=(1024, 1000)), random.normal(size=1000)),
        Layer(random.normal(scale=1 / 32, size=(1000, 1)), random.normal(size=1)),
    )


def features() -> NDArray[np.float32]:
    return np.random.default_rng(5).uniform(0, 2, (3, 1024)).astype(np.float32)


def test_the_published_linear_head_gives_the_same_points_to_the_last_bit() -> None:
    logits = np.random.default_rng(0).normal(scale=4, size=(500, 18)).astype(np.float32)
    head = linear_on_lung_opacity()

    on_tensors = HeadModule(head.layers)(torch.from_numpy(logits))

    assert (on_tensors.numpy() == head.points(logits)).all()


def test_tensors_get_the_same_points_and_a_gradient() -> None:
    chains = (mlp(0), mlp(2))
    module = HeadModule(chains)
    inputs = torch.from_numpy(features()).requires_grad_()

    points = module(inputs)
    points[:, 0].sum().backward()

    expected = np.concatenate([apply_chain(chain, features()) for chain in chains], axis=1)
    assert points.detach().numpy() == pytest.approx(expected, abs=1e-5)
    assert inputs.grad is not None
    assert inputs.grad.abs().sum() > 0
    assert list(module.parameters()) == []
