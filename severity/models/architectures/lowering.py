"""Converting torch modules to the description of a network, which runs without torch."""

from collections.abc import Mapping
from functools import reduce, singledispatch

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from severity.models.backbone import Backbone
from severity.models.network import (
    AveragePool,
    BatchNorm,
    ChannelBias,
    Clamp,
    Convolution,
    Linear,
    MaxPool,
    Network,
    Operation,
    Output,
    Pair,
    Relu,
)


class Lowering:
    """Collects the operations of a module, and the names of the tensors that they use."""

    def __init__(self, module: nn.Module) -> None:
        state = module.state_dict(keep_vars=True)
        self._names = {id(tensor): name for name, tensor in state.items()}
        self._state = state
        self._nodes: dict[str, Operation] = {}

    def append(self, operation: Operation) -> str:
        """Append an operation, and return its node's name."""
        name = f"{operation.kind}-{len(self._nodes)}"
        self._nodes[name] = operation
        return name

    def name_of(self, tensor: Tensor | None) -> str:
        """Return the name under which a tensor is stored."""
        return self._names[id(tensor)]

    def backbone(
        self, outputs: Mapping[Output, str], *, findings: tuple[str, ...] = ()
    ) -> Backbone:
        """Return the collected operations as a backbone, with the tensors that they use."""
        network = Network(dict(self._nodes), dict(outputs), findings)
        return Backbone(network, {name: _array(self._state[name]) for name in network.tensors})


@singledispatch
def lowered(module: nn.Module, lowering: Lowering, images: str) -> str:  # noqa: ARG001 - the rules use them
    """Append a module's inference on the node ``images``, and return the node of its result.

    Raises
    ------
    TypeError
        There is no rule for this kind of module.
    """
    raise TypeError(f"there is no description of {type(module).__name__}")


@lowered.register
def _(module: nn.Sequential, lowering: Lowering, images: str) -> str:
    if type(module).forward is not nn.Sequential.forward:
        raise TypeError(f"{type(module).__name__} is a sequence with rules of its own")
    return in_sequence(module, lowering, images)


def in_sequence(module: nn.Sequential, lowering: Lowering, images: str) -> str:
    """Append a sequence's modules one after the other."""
    return reduce(lambda node, child: lowered(child, lowering, node), module, images)


@lowered.register
def _(module: nn.Conv2d, lowering: Lowering, images: str) -> str:
    if isinstance(module.padding, str):
        raise TypeError(f"there is no description of padding {module.padding!r}")
    return convolution(module, lowering, images, same=False)


def convolution(module: nn.Conv2d, lowering: Lowering, images: str, *, same: bool) -> str:
    """Append a convolution; with TensorFlow's padding if ``same``."""
    filtered = lowering.append(
        Convolution(
            inputs=(images,),
            tensors=(lowering.name_of(module.weight),),
            stride=_pair(module.stride),
            padding="same" if same or isinstance(module.padding, str) else _pair(module.padding),
            dilation=_pair(module.dilation),
            groups=module.groups,
        )
    )
    if module.bias is None:
        return filtered
    return lowering.append(
        ChannelBias(inputs=(filtered,), tensors=(lowering.name_of(module.bias),))
    )


@lowered.register
def _(module: nn.BatchNorm2d, lowering: Lowering, images: str) -> str:
    if module.running_mean is None or module.running_var is None:
        raise TypeError("there is no description of a norm without statistics")
    values = (module.weight, module.bias, module.running_mean, module.running_var)
    weight, bias, mean, variance = map(lowering.name_of, values)
    tensors = (weight, bias, mean, variance)
    return lowering.append(BatchNorm(inputs=(images,), tensors=tensors, epsilon=module.eps))


@lowered.register
def _(_module: nn.ReLU, lowering: Lowering, images: str) -> str:
    return lowering.append(Relu(inputs=(images,)))


@lowered.register
def _(_module: nn.ReLU6, lowering: Lowering, images: str) -> str:
    return lowering.append(Clamp(inputs=(images,), low=0.0, high=6.0))


@lowered.register
def _(module: nn.MaxPool2d, lowering: Lowering, images: str) -> str:
    size, stride, padding = map(_pair, (module.kernel_size, module.stride, module.padding))
    return lowering.append(MaxPool(inputs=(images,), size=size, stride=stride, padding=padding))


@lowered.register
def _(module: nn.AvgPool2d, lowering: Lowering, images: str) -> str:
    size, stride = map(_pair, (module.kernel_size, module.stride))
    return lowering.append(AveragePool(inputs=(images,), size=size, stride=stride))


@lowered.register
def _(module: nn.Linear, lowering: Lowering, features: str) -> str:
    weight, bias = map(lowering.name_of, (module.weight, module.bias))
    return lowering.append(Linear(inputs=(features,), tensors=(weight, bias)))


def _pair(length: int | tuple[int, ...]) -> Pair:
    """Return a length along rows and along columns; torch writes one number if they are equal."""
    down, across = (length, length) if isinstance(length, int) else length
    return down, across


def _array(values: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = values.detach().cpu().float().numpy()
    return array
