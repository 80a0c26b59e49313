"""Networks in torch, from their description: for GPUs, and for gradients."""

from collections.abc import Sequence
from functools import singledispatch
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from severity.models.architectures.lung_framing import framed, frames_of, over_lungs
from severity.models.backbone import Backbone
from severity.models.network import (
    IMAGES,
    Add,
    Average,
    AveragePool,
    BatchNorm,
    ChannelBias,
    Clamp,
    Concatenate,
    Convolution,
    Enlarge,
    GlobalAverage,
    Linear,
    LungAverage,
    LungFrame,
    MaxPool,
    Mirror,
    Operation,
    Relu,
    Sigmoid,
    Standardise,
)

_Tensors: TypeAlias = Sequence[Tensor]


class TorchNetwork(nn.Module):
    """Maps (N, 1, 224, 224) on [-1024, 1024] to the outputs, shape (N, width) each.

    The weights are buffers, not parameters: nothing here is ever trained.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self._network = backbone.network
        self._buffer_of = {name: f"tensor_{n}" for n, name in enumerate(backbone.tensors)}
        for name, values in backbone.tensors.items():
            self.register_buffer(self._buffer_of[name], torch.tensor(values))
        self._last_use = {
            source: name for name, node in self._network.nodes.items() for source in node.inputs
        }

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Run the operations in their order; each result is dropped after its last use."""
        results = {IMAGES: images}
        for name, operation in self._network.nodes.items():
            inputs = [results[source] for source in operation.inputs]
            tensors = [self.get_buffer(self._buffer_of[tensor]) for tensor in operation.tensors]
            results[name] = _result(operation, inputs, tensors)
            del inputs
            for source in {*operation.inputs} - {*self._network.outputs.values()}:
                if self._last_use[source] == name:
                    del results[source]
        return tuple(results[name] for name in self._network.outputs.values())


def torch_network(backbone: Backbone, device: str) -> TorchNetwork:
    """Load a backbone onto a device such as ``cpu`` or ``cuda:1``, in fp32."""
    network = TorchNetwork(backbone).eval()
    if device == "cpu":
        return network
    # A GPU's convolutions prefer channels last.
    return network.to(torch.device(device), memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


@singledispatch
def _result(operation: Operation, inputs: _Tensors, tensors: _Tensors) -> Tensor:  # noqa: ARG001 - the rules use them
    """Run one operation."""
    raise TypeError(f"there is no torch form of {operation.kind}")


@_result.register
def _(operation: Convolution, inputs: _Tensors, tensors: _Tensors) -> Tensor:
    (images,), (weight,) = inputs, tensors
    padding = operation.padding
    if padding == "same":
        down, across = (
            _same_padding(*lengths)
            for lengths in zip(images.shape[-2:], weight.shape[-2:], operation.stride, strict=True)
        )
        images, padding = functional.pad(images, (*across, *down)), (0, 0)
    return functional.conv2d(
        images,
        weight,
        stride=operation.stride,
        padding=padding,
        dilation=operation.dilation,
        groups=operation.groups,
    )


def _same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


@_result.register
def _(operation: BatchNorm, inputs: _Tensors, tensors: _Tensors) -> Tensor:
    (images,), (weight, bias, mean, variance) = inputs, tensors
    return functional.batch_norm(images, mean, variance, weight, bias, eps=operation.epsilon)


@_result.register
def _(_operation: ChannelBias, inputs: _Tensors, tensors: _Tensors) -> Tensor:
    (images,), (bias,) = inputs, tensors
    return images + bias[:, None, None]


@_result.register
def _(_operation: Relu, inputs: _Tensors, _tensors: _Tensors) -> Tensor:
    (images,) = inputs
    return functional.relu(images)


@_result.register
def _(operation: Clamp, inputs: _Tensors, _tensors: _Tensors) -> Tensor:
    (images,) = inputs
    return functional.hardtanh(images, operation.low, operation.high)


@_result.register
def _(_operation: Sigmoid, inputs: _Tensors, _tensors: _Tensors) -> Tensor:
    (values,) = inputs
    return values.sigmoid()


@_result.register
def _(operation: Enlarge, inputs: _Tensors, _tensors: _Tensors) -> Tensor:
    (images,) = inputs
    return functional.interpolate(
        images, scale_factor=operation.factor, mode="bilinear", align_corners=False
    )


@_result.register
def _(operation: MaxPool, inputs: _Tensors, _tensors: _Tensors) -> Tensor:
    (images,) = inputs
    pooled: Tensor = functional.max_pool2d(
        images, operation.size, operation.stride, operation.padding
    )
    return pooled


@_result.register
def _(operation: AveragePool, inputs: _Tensors, _tensors: _Tensors) -> Tensor:
    (images,) = inputs
    return functional.avg_pool2d(images, operation.size, operation.stride)


@_result.register
def _(_operation: GlobalAverage, inputs: _Tensors, _tensors: _Tensors) -> Tensor:
    (images,) = inputs
    return images.mean(dim=(2, 3))


@_result.register
def _(operation: LungAverage, inputs: _Tensors, _tensors: _Tensors) -> Tensor:
    features, maps = inputs
    # Where the lungs lie is not what moves a score: no gradient goes through the maps.
    lungs = maps[:, :2].detach()
    return over_lungs(features, lungs, background=operation.background).mean(dim=1)


@_result.register
def _(operation: LungFrame, inputs: _Tensors, _tensors: _Tensors) -> Tensor:
    images, maps = inputs
    frames = frames_of(
        maps[:, :2].detach(),
        reach=operation.reach,
        limits=operation.limits,
        background=operation.background,
    )
    return framed(images, frames)


@_result.register
def _(_operation: Linear, inputs: _Tensors, tensors: _Tensors) -> Tensor:
    (features,), (weight, bias) = inputs, tensors
    return functional.linear(features, weight, bias)


@_result.register
def _(_operation: Add, inputs: _Tensors, _tensors: _Tensors) -> Tensor:
    first, second = inputs
    return first + second


@_result.register
def _(_operation: Average, inputs: _Tensors, _tensors: _Tensors) -> Tensor:
    first, second = inputs
    return (first + second) / 2


@_result.register
def _(_operation: Concatenate, inputs: _Tensors, _tensors: _Tensors) -> Tensor:
    return torch.cat(list(inputs), dim=1)


@_result.register
def _(_operation: Mirror, inputs: _Tensors, _tensors: _Tensors) -> Tensor:
    (images,) = inputs
    return images.flip(-1)


@_result.register
def _(_operation: Standardise, inputs: _Tensors, _tensors: _Tensors) -> Tensor:
    (images,) = inputs
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    deviation = images.std(dim=(1, 2, 3), keepdim=True).clamp_min(1.0)
    return (images - mean) / deviation
