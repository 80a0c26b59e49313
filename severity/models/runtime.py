"""Where a network runs: OpenVINO on a CPU, torch on a GPU.

Both give the same numbers to a few millionths in fp32. Which one runs follows from the device;
the arithmetic is the caller's choice and part of the model version.
"""

from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from severity.cores import cores
from severity.images.grey_image import GreyImage
from severity.images.preprocessing import to_model_input, to_model_input_on
from severity.models.backbone import Backbone, Precision

ModelInput: TypeAlias = NDArray[np.float32] | Tensor
"""One image as a network sees it: shape (224, 224) on [-1024, 1024], where the network runs."""

Outputs: TypeAlias = tuple[NDArray[np.float32], ...]
"""What a backbone gives for a batch, in the order of its ``gives``: shape (N, width) each."""


class Runtime(Protocol):
    """Runs one backbone on one device; safe to call from several threads."""

    @property
    def lanes(self) -> int:
        """How many batches may usefully be run at the same time."""

    def prepare(self, grey: GreyImage) -> ModelInput:
        """Bring a decoded image to the network's input, in the thread that decoded it."""

    def run(self, inputs: Sequence[ModelInput]) -> Outputs:
        """Run a batch; image i of the outputs is image i of the inputs."""


class CpuRuntime:
    """One stream of one thread for each lane: cores that do not wait for each other.

    Parameters
    ----------
    backbone
        In inference mode.
    precision
        Of the arithmetic; sums are kept in fp32 in either.
    lanes
        Batches at the same time; one for each core if not given.

    Raises
    ------
    ModelUnavailable
        The CPU has no bf16 instructions.
    """

    def __init__(
        self, backbone: Backbone, *, precision: Precision, lanes: int | None = None
    ) -> None:
        # Imported here: a GPU does without.
        from severity.models.openvino_graph import Lane, compiled  # noqa: PLC0415

        self.lanes = lanes or cores()
        self._idle: SimpleQueue[Lane] = SimpleQueue()
        for lane in compiled(backbone, precision=precision, lanes=self.lanes):
            self._idle.put(lane)

    def prepare(self, grey: GreyImage) -> NDArray[np.float32]:
        """Crop, resize and scale with NumPy."""
        return to_model_input(grey)

    def run(self, inputs: Sequence[ModelInput]) -> Outputs:
        """Run a batch on the next free lane, image by image.

        A core gains nothing from larger batches, whose intermediate images exceed its cache.
        """
        lane = self._idle.get()
        try:
            outputs = [lane.run(np.asarray(image)) for image in inputs]
        finally:
            self._idle.put(lane)
        return tuple(np.concatenate(parts) for parts in zip(*outputs, strict=True))


class GpuRuntime:
    """One GPU. Several of them take several workers, each with a device of its own.

    Images are uploaded as they were decoded and resized on the GPU, on the stream of the thread
    that decoded them, while the network runs on its own.
    """

    lanes = 1

    def __init__(self, backbone: Backbone, *, precision: Precision, device: torch.device) -> None:
        self._device = device
        self._bfloat16 = precision is Precision.BF16
        self._backbone = backbone.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def prepare(self, grey: GreyImage) -> Tensor:
        """Upload, crop, resize and scale; done when this returns."""
        own = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        with torch.cuda.stream(own):
            prepared = to_model_input_on(grey, self._device)
        own.synchronize()
        return prepared

    def run(self, inputs: Sequence[ModelInput]) -> Outputs:
        """Run a batch; one that does not fit the memory is halved and tried again."""
        return halved_when_out_of_memory(self._run, inputs)

    def _run(self, inputs: Sequence[ModelInput]) -> Outputs:
        images = torch.stack([torch.as_tensor(one, device=self._device) for one in inputs])
        images = images[:, None].contiguous(memory_format=torch.channels_last)
        with (
            torch.inference_mode(),
            torch.autocast("cuda", torch.bfloat16, enabled=self._bfloat16),
        ):
            outputs = self._backbone(images)
        return tuple(output.float().cpu().numpy() for output in outputs)


def halved_when_out_of_memory(
    run: Callable[[Sequence[ModelInput]], Outputs], inputs: Sequence[ModelInput]
) -> Outputs:
    """Run a batch, in halves if the memory does not suffice, and those in halves again.

    Raises
    ------
    torch.OutOfMemoryError
        Not even one image fits.
    """
    try:
        return run(inputs)
    except torch.OutOfMemoryError:
        if len(inputs) == 1:
            raise
    # Outside the handler: its traceback would keep what the failed attempt had allocated.
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    middle = len(inputs) // 2
    halves = [halved_when_out_of_memory(run, half) for half in (inputs[:middle], inputs[middle:])]
    return tuple(np.concatenate(parts) for parts in zip(*halves, strict=True))
