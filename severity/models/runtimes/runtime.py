"""Where a network runs: OpenVINO on a CPU, torch on a GPU.

Both compute the same numbers to a few millionths in fp32. Which one runs follows from the device;
the arithmetic is the caller's choice and part of the model version.
"""

from collections.abc import Sequence
from queue import SimpleQueue
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from severity.cores import cores
from severity.images.grey_image import GreyImage
from severity.images.preprocessing import to_model_input
from severity.models.backbone import Backbone, Precision
from severity.reliability.blocks import Maps, maps


class _DeviceImage(Protocol):
    """An image in a GPU's memory, as a torch tensor; only the GPU's runtime computes with it."""

    def numpy(self, *, force: bool = False) -> NDArray[np.float32]:
        """Return the image as an array; ``force`` fetches it from a GPU."""


ModelInput: TypeAlias = NDArray[np.float32] | _DeviceImage
"""One image as a network sees it: shape (224, 224) on [-1024, 1024], where the network runs."""

Outputs: TypeAlias = tuple[NDArray[np.float32], ...]
"""A backbone's outputs for a batch, in the order of `Backbone.outputs`: shape (N, ...) each."""


def in_memory(image: ModelInput) -> NDArray[np.float32]:
    """Return an image as an array, shape (224, 224); one on a GPU is fetched."""
    return image if isinstance(image, np.ndarray) else image.numpy(force=True)


class Runtime(Protocol):
    """Runs one backbone on one device; safe to call from several threads."""

    @property
    def device(self) -> str:
        """Where it runs, such as ``cpu`` or ``cuda:1``."""

    @property
    def streams(self) -> int:
        """The number of batches that may usefully run at the same time."""

    def prepare(self, grey: GreyImage) -> ModelInput:
        """Preprocess a decoded image into the network's input, in the thread that decoded it."""

    def run(self, inputs: Sequence[ModelInput]) -> Outputs:
        """Run a batch; image i of the outputs is image i of the inputs."""

    def maps(self, inputs: Sequence[ModelInput]) -> list[Maps]:
        """Reduce images to maps, which are compared with the reference distribution."""


class CpuRuntime:
    """OpenVINO with streams of one thread each: cores that do not wait for each other.

    Parameters
    ----------
    backbone
        The network that runs.
    precision
        The precision of the arithmetic; sums are kept in fp32 in either.
    streams
        The number of batches at the same time; one for each core if None.

    Raises
    ------
    ModelUnavailable
        The CPU has no bf16 instructions.
    """

    device = "cpu"

    def __init__(
        self, backbone: Backbone, *, precision: Precision, streams: int | None = None
    ) -> None:
        # Imported here, since a GPU does not need it.
        from severity.models.runtimes.openvino_graph import Stream, compiled  # noqa: PLC0415

        self.streams = streams or cores()
        self._idle: SimpleQueue[Stream] = SimpleQueue()
        for stream in compiled(backbone, precision=precision, streams=self.streams):
            self._idle.put(stream)

    def prepare(self, grey: GreyImage) -> NDArray[np.float32]:
        """Crop, resize and scale with NumPy."""
        return to_model_input(grey)

    def run(self, inputs: Sequence[ModelInput]) -> Outputs:
        """Run a batch on the next free stream, image by image.

        A core gains nothing from larger batches, whose intermediate images exceed its cache.
        """
        stream = self._idle.get()
        try:
            outputs = [stream.run(in_memory(image)) for image in inputs]
        finally:
            self._idle.put(stream)
        return tuple(np.concatenate(parts) for parts in zip(*outputs, strict=True))

    def maps(self, inputs: Sequence[ModelInput]) -> list[Maps]:
        """Reduce images to maps with NumPy."""
        return maps([in_memory(image) for image in inputs])
