"""Where networks run: OpenVINO and torch give the same numbers, from any number of threads."""

import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn
from torchxrayvision.models import DenseNet

from severity.errors import ModelUnavailable
from severity.heads.findings import FINDINGS
from severity.models.backbone import Backbone, Precision
from severity.models.bundled import MirrorAveraged
from severity.models.openvino_graph import input_images, lowered
from severity.models.runtime import (
    CpuRuntime,
    GpuRuntime,
    ModelInput,
    Outputs,
    halved_when_out_of_memory,
)
from severity.models.torchxrayvision import PublishedDenseNet
from tests.builders.networks import lively, three_images

BACKBONES = {
    "densenet": lambda: PublishedDenseNet(DenseNet(num_classes=18), FINDINGS),
    "compact": MirrorAveraged,
}


@pytest.fixture(scope="module", params=["densenet", "compact"])
def backbone(request: pytest.FixtureRequest) -> Backbone:
    torch.manual_seed(0)
    return lively(BACKBONES[request.param]())


def in_torch(backbone: Backbone, images: NDArray[np.float32]) -> Outputs:
    with torch.inference_mode():
        return tuple(output.numpy() for output in backbone(torch.from_numpy(images)[:, None]))


def test_openvino_gives_what_torch_gives(backbone: Backbone) -> None:
    images = three_images()
    expected = in_torch(backbone, images)

    outputs = CpuRuntime(backbone, precision=Precision.FP32).run(list(images))

    assert len(outputs) == len(expected) == len(backbone.gives)
    for ours, reference in zip(outputs, expected, strict=True):
        assert np.ptp(reference, axis=0).max() > 0.1, "the images must differ in what they give"
        assert ours == pytest.approx(reference, abs=5e-4)


def test_threads_at_once_get_the_outputs_of_their_own_images(backbone: Backbone) -> None:
    runtime = CpuRuntime(backbone, precision=Precision.FP32, lanes=2)
    images = three_images()
    alone = [runtime.run([image])[0][0] for image in images]

    with ThreadPoolExecutor(6) as threads:
        crowd = list(threads.map(lambda n: runtime.run([images[n % 3]])[0][0], range(18)))

    for number, output in enumerate(crowd):
        assert output == pytest.approx(alone[number % 3], abs=1e-5)


def test_bf16_is_another_arithmetic_and_close() -> None:
    torch.manual_seed(0)
    densenet = lively(BACKBONES["densenet"]())
    images = three_images()
    exact = CpuRuntime(densenet, precision=Precision.FP32).run(list(images))
    try:
        rounded = CpuRuntime(densenet, precision=Precision.BF16).run(list(images))
    except ModelUnavailable:
        pytest.skip("this CPU has no bf16 instructions")

    for ours, reference in zip(rounded, exact, strict=True):
        assert not np.array_equal(ours, reference)
        assert np.abs(ours - reference).max() < 0.05 * np.abs(reference).max()


class OwnRules(nn.Sequential):
    """Looks like a sequence and is none, as torchxrayvision's dense layers."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images + super().forward(images)


@pytest.mark.parametrize("module", [OwnRules(nn.ReLU()), nn.GELU(), nn.Conv2d(1, 2, 3)])
def test_what_has_no_form_in_openvino_is_refused_and_never_guessed(module: nn.Module) -> None:
    with pytest.raises(TypeError):
        lowered(module, input_images(224))


def test_openvino_reports_to_nobody() -> None:
    """Importing it would send an event over the network, or ask on the terminal first."""
    program = "import severity.models.openvino_graph, sys; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()

    assert "openvino" in modules
    assert not [name for name in modules if name.startswith("openvino_telemetry.")]


def at_most(limit: int, given: list[int]) -> object:
    """A device whose memory holds ``limit`` images; notes how many it was given."""

    def run(inputs: Sequence[ModelInput]) -> Outputs:
        given.append(len(inputs))
        if len(inputs) > limit:
            raise torch.OutOfMemoryError
        return (np.array([float(one[0, 0]) for one in inputs])[:, None],)

    return run


def test_a_batch_that_exceeds_the_memory_is_halved_until_it_fits_and_keeps_its_order() -> None:
    images = [np.full((2, 2), n, np.float32) for n in range(7)]
    given: list[int] = []

    (output,) = halved_when_out_of_memory(at_most(2, given), images)

    assert output[:, 0].tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert max(given) == 7
    assert sum(size for size in given if size <= 2) == 7


def test_one_image_that_exceeds_the_memory_is_an_error() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        halved_when_out_of_memory(at_most(0, []), [np.zeros((2, 2), np.float32)])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_gives_what_torch_gives_on_the_cpu(backbone: Backbone) -> None:
    images = three_images()
    expected = in_torch(backbone, images)

    runtime = GpuRuntime(backbone, precision=Precision.FP32, device=torch.device("cuda"))
    outputs = runtime.run(list(images))

    backbone.to("cpu")
    for ours, reference in zip(outputs, expected, strict=True):
        assert ours == pytest.approx(reference, abs=1e-3)
