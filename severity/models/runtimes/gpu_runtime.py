"""Networks on one GPU, with torch."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from severity.images.grey_image import GreyImage
from severity.images.torch_preprocessing import to_model_input_on
from severity.models.backbone import Backbone, Precision
from severity.models.runtimes.runtime import ModelInput, Outputs
from severity.models.runtimes.torch_network import torch_network
from severity.reliability.blocks import Maps, light_blocks


def cuda_devices() -> int:
    """Count the GPUs that torch can use."""
    return torch.cuda.device_count()


class GpuRuntime:
    """A network on one GPU. Several GPUs need several workers, each with its own device.

    Images are uploaded as they were decoded and resized on the GPU, on the CUDA stream of the
    thread that decoded them, while the network runs on its own.
    """

    streams = 1

    def __init__(self, backbone: Backbone, *, precision: Precision, device: str) -> None:
        # The model version says fp32: no shorter mantissa behind its back.
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        self.device = device
        self._bfloat16 = precision is Precision.BF16
        self._network = torch_network(backbone, device)

    def prepare(self, grey: GreyImage) -> Tensor:
        """Upload, crop, resize and scale; done when this returns."""
        device = torch.device(self.device)
        stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        with torch.cuda.stream(stream):
            prepared = to_model_input_on(grey, device)
        stream.synchronize()
        return prepared

    def run(self, inputs: Sequence[ModelInput]) -> Outputs:
        """Run a batch; one that does not fit the memory is halved and tried again."""
        return halved_when_out_of_memory(self._run, inputs)

    def maps(self, inputs: Sequence[ModelInput]) -> list[Maps]:
        """Reduce images to maps on the GPU: only what they consist of is fetched."""
        images = self._stacked(inputs)
        blocks = torch.stack(light_blocks(images), 1).cpu().numpy()
        extremes = torch.stack([images.amin((1, 2)), images.amax((1, 2))], 1).tolist()
        return [
            Maps.of(image, extremes=tuple(ends))
            for image, ends in zip(blocks, extremes, strict=True)
        ]

    def _run(self, inputs: Sequence[ModelInput]) -> Outputs:
        images = self._stacked(inputs)[:, None].contiguous(memory_format=torch.channels_last)
        with (
            torch.inference_mode(),
            torch.autocast("cuda", torch.bfloat16, enabled=self._bfloat16),
        ):
            outputs = self._network(images)
        return tuple(output.float().cpu().numpy() for output in outputs)

    def _stacked(self, inputs: Sequence[ModelInput]) -> Tensor:
        return torch.stack([torch.as_tensor(image, device=self.device) for image in inputs])


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
