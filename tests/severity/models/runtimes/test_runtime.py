"""OpenVINO and torch compute the same outputs, from any number of threads."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from numpy.typing import NDArray
from torchxrayvision.models import DenseNet

from severity.errors import ModelUnavailable
from severity.heads.findings import FINDINGS
from severity.models.architectures.efficientnet_lite import MirrorAveraged
from severity.models.architectures.lung_maps import LungNetwork
from severity.models.backbone import Backbone, Precision
from severity.models.runtimes.gpu_runtime import GpuRuntime, halved_when_out_of_memory
from severity.models.runtimes.runtime import CpuRuntime, ModelInput, Outputs
from severity.models.runtimes.torch_network import torch_network
from severity.models.torchxrayvision import lowered_densenet
from severity.reliability import frontal_distribution, known_processing, maps
from tests.builders.images import three_images
from tests.builders.networks import lively

pytestmark = pytest.mark.weights

BACKBONES: dict[str, Callable[[], Backbone]] = {
    "densenet": lambda: lowered_densenet(lively(DenseNet(num_classes=18)), FINDINGS),
    "compact": lambda: lively(MirrorAveraged()).lowered(),
    "lungs": lambda: lively(LungNetwork()).lowered(),
}


@pytest.fixture(scope="module", params=[*BACKBONES])
def backbone(request: pytest.FixtureRequest) -> Backbone:
    torch.manual_seed(0)
    return BACKBONES[request.param]()


def in_torch(backbone: Backbone, images: NDArray[np.float32]) -> Outputs:
    with torch.inference_mode():
        outputs = torch_network(backbone, "cpu")(torch.from_numpy(images)[:, None])
    return tuple(output.numpy() for output in outputs)


def test_openvino_gives_what_torch_gives(backbone: Backbone) -> None:
    images = three_images()
    expected = in_torch(backbone, images)

    outputs = CpuRuntime(backbone, precision=Precision.FP32).run(list(images))

    assert len(outputs) == len(expected) == len(backbone.outputs)
    for output, reference in zip(outputs, expected, strict=True):
        assert np.ptp(reference, axis=0).max() > 0.1, "the images must differ in their outputs"
        assert output == pytest.approx(reference, abs=2e-3)


def test_threads_at_once_get_the_outputs_of_their_own_images(backbone: Backbone) -> None:
    runtime = CpuRuntime(backbone, precision=Precision.FP32, streams=2)
    images = three_images()
    alone = [runtime.run([image])[0][0] for image in images]

    with ThreadPoolExecutor(6) as threads:
        crowd = list(threads.map(lambda n: runtime.run([images[n % 3]])[0][0], range(18)))

    for number, output in enumerate(crowd):
        assert output == pytest.approx(alone[number % 3], abs=1e-5)


def test_bf16_is_another_arithmetic_and_close() -> None:
    torch.manual_seed(0)
    densenet = BACKBONES["densenet"]()
    images = three_images()
    exact = CpuRuntime(densenet, precision=Precision.FP32).run(list(images))
    try:
        rounded = CpuRuntime(densenet, precision=Precision.BF16).run(list(images))
    except ModelUnavailable:
        pytest.skip("this CPU has no bf16 instructions")

    for output, reference in zip(rounded, exact, strict=True):
        assert not np.array_equal(output, reference)
        assert np.abs(output - reference).max() < 0.05 * np.abs(reference).max()


def test_images_on_a_device_have_the_distances_of_those_in_memory(backbone: Backbone) -> None:
    images = [np.rot90(image, n) for n, image in enumerate(three_images())]
    on_device = GpuRuntime(backbone, precision=Precision.FP32, device="cpu")

    found = on_device.maps([torch.tensor(i.copy()) for i in images])

    checks = frontal_distribution().checks_of(found)
    for check, expected in zip(checks, frontal_distribution().check(images), strict=True):
        assert check.distance == pytest.approx(expected.distance, abs=1e-3)
        assert check.out_of_distribution == expected.out_of_distribution
    processing = known_processing().checks_of(maps(images))
    for processed, known in zip(known_processing().checks_of(found), processing, strict=True):
        assert processed.distance == pytest.approx(known.distance, abs=1e-3)
        assert processed.unlike_processing == known.unlike_processing


def at_most(limit: int, sizes: list[int]) -> object:
    """A device whose memory holds ``limit`` images; notes the sizes of its batches."""

    def run(inputs: Sequence[ModelInput]) -> Outputs:
        sizes.append(len(inputs))
        if len(inputs) > limit:
            raise torch.OutOfMemoryError
        return (np.array([float(image[0, 0]) for image in inputs])[:, None],)

    return run


def test_a_batch_that_exceeds_the_memory_is_halved_until_it_fits_and_keeps_its_order() -> None:
    images = [np.full((2, 2), n, np.float32) for n in range(7)]
    sizes: list[int] = []

    (output,) = halved_when_out_of_memory(at_most(2, sizes), images)

    assert output[:, 0].tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert max(sizes) == 7
    assert sum(size for size in sizes if size <= 2) == 7


def test_one_image_that_exceeds_the_memory_is_an_error() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        halved_when_out_of_memory(at_most(0, []), [np.zeros((2, 2), np.float32)])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_gives_what_torch_gives_on_the_cpu(backbone: Backbone) -> None:
    images = three_images()
    expected = in_torch(backbone, images)

    outputs = GpuRuntime(backbone, precision=Precision.FP32, device="cuda").run(list(images))

    for output, reference in zip(outputs, expected, strict=True):
        assert output == pytest.approx(reference, abs=1e-3)
