"""A head as a torch module: for the GPU, and for gradients."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from severity.heads.head import Chain, Layer


class HeadModule(nn.Module):
    """Maps (N, inputs) to (N, 2) points before clipping, as `severity.heads.head.Head.points`.

    The numbers are buffers, not parameters: nothing here is ever trained.
    """

    def __init__(self, layers: tuple[Chain, Chain]) -> None:
        super().__init__()
        self.geographic_extent = _sequence(layers[0])
        self.opacity = _sequence(layers[1])

    def forward(self, outputs: Tensor) -> Tensor:
        """Compute geographic extent and opacity."""
        return torch.cat([self.geographic_extent(outputs), self.opacity(outputs)], dim=1)


class _Affine(nn.Module):
    """``inputs @ weight + bias``, rounded twice as in NumPy: `nn.Linear` may round once."""

    weight: Tensor
    bias: Tensor

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.register_buffer("weight", torch.tensor(layer.weight))
        self.register_buffer("bias", torch.tensor(layer.bias))

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs @ self.weight + self.bias


def _sequence(chain: Chain) -> nn.Sequential:
    modules: list[nn.Module] = [_Affine(chain[0])]
    for _, layer in pairwise(chain):
        modules += [nn.ReLU(), _Affine(layer)]
    return nn.Sequential(*modules)
