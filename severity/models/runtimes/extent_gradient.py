"""The gradient of the geographic extent by pixel, with torch's automatic differentiation."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from severity.heads.head import Head
from severity.heads.torch_head import HeadModule
from severity.models.backbone import Backbone
from severity.models.runtimes.runtime import ModelInput
from severity.models.runtimes.torch_network import torch_network


class ExtentGradient:
    """The gradient of a model's geographic extent; keeps a copy of the network on ``device``."""

    def __init__(self, backbone: Backbone, head: Head, *, device: str) -> None:
        self._network = torch_network(backbone, device)
        self._output = backbone.outputs.index(head.takes)
        self._head = HeadModule(head.layers).to(device)
        self._device = device

    def __call__(self, inputs: Sequence[ModelInput]) -> NDArray[np.float32]:
        """Return points, before clipping to the scale, per unit of the input: (N, 224, 224)."""
        images = torch.stack([torch.as_tensor(image, device=self._device) for image in inputs])
        images = images[:, None].requires_grad_()
        outputs = self._network(images)
        # An image's score depends on that image alone, so one sum yields all gradients.
        extents = self._head(outputs[self._output])[:, 0].sum()
        (gradient,) = torch.autograd.grad(extents, images)
        slopes: NDArray[np.float32] = gradient[:, 0].cpu().numpy()
        return slopes
