"""Torch modules and the networks that are shipped in their stead."""

import pytest

pytest.importorskip("torch")
import torch
from torch import nn
from torch.nn import functional
from torchxrayvision.models import DenseNet

from severity.heads.findings import FINDINGS
from severity.models.architectures.efficientnet_lite import MirrorAveraged
from severity.models.architectures.lowering import Lowering, lowered
from severity.models.architectures.lung_maps import LungNetwork, trained_network
from severity.models.bundled import bundled_tensors
from severity.models.bundled_cards import BUNDLED, bundled_file
from severity.models.network import IMAGES, network_from_json
from severity.models.runtimes.torch_network import torch_network
from severity.models.torchxrayvision import lowered_densenet
from tests.builders.images import three_images
from tests.builders.networks import lively

pytestmark = pytest.mark.weights

IMAGES_3 = torch.from_numpy(three_images())[:, None]


def trained(name: str) -> MirrorAveraged | LungNetwork:
    tensors = {key: torch.tensor(value) for key, value in bundled_tensors(name).items()}
    return trained_network(tensors).eval()


@pytest.mark.parametrize("name", BUNDLED)
def test_the_shipped_network_is_what_was_trained(name: str) -> None:
    shipped = network_from_json(bundled_file(name, "network.json").read_bytes())

    assert trained(name).lowered().network == shipped


@torch.inference_mode()
def test_the_description_of_the_trained_network_gives_its_features_to_the_last_bit() -> None:
    network = trained("compact-2")

    (features,) = torch_network(network.lowered(), "cpu")(IMAGES_3)

    assert torch.equal(features, network(IMAGES_3))


@torch.inference_mode()
def test_the_description_of_a_network_that_draws_gives_its_features_and_maps():
    network = trained("compact-3")

    features, maps = torch_network(network.lowered(), "cpu")(IMAGES_3)

    trained_features, trained_maps = network(IMAGES_3)
    assert features == pytest.approx(trained_features, abs=2e-4)
    assert maps == pytest.approx(trained_maps, abs=2e-4)


@torch.inference_mode()
def test_the_description_of_a_densenet_gives_its_outputs_to_the_last_bit() -> None:
    torch.manual_seed(0)
    densenet = lively(DenseNet(num_classes=18))
    maps = functional.relu(densenet.features(IMAGES_3))
    features = functional.adaptive_avg_pool2d(maps, 1).flatten(1)

    outputs = torch_network(lowered_densenet(densenet, FINDINGS), "cpu")(IMAGES_3)

    assert torch.equal(outputs[0], features)
    assert torch.equal(outputs[1], densenet.classifier(features))


class OwnRules(nn.Sequential):
    """Looks like a sequence and is none, as torchxrayvision's dense layers."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images + super().forward(images)


@pytest.mark.parametrize("module", [OwnRules(nn.ReLU()), nn.GELU()])
def test_what_has_no_description_is_refused_and_never_guessed(module: nn.Module) -> None:
    with pytest.raises(TypeError):
        lowered(module, Lowering(module), IMAGES)
