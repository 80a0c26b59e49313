"""Networks of this project as OpenVINO graphs, for CPUs.

A DenseNet spends much of its time in norms and activations that torch runs one by one; OpenVINO
fuses them into the convolutions. The graph is written out here instead of being traced: that
takes a tenth of a second instead of several, and needs neither a compiler nor a converter.
"""

import sys
from collections.abc import Sequence
from functools import reduce, singledispatch

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from severity.errors import ModelUnavailable
from severity.images.preprocessing import MODEL_SIDE
from severity.models.backbone import Backbone, Precision
from severity.models.efficientnet_lite import EfficientNetLite0, InvertedResidual, SameConv2d

# Importing OpenVINO may ask a question on the terminal, and reports the import to its makers
# over the network. Here it finds that the package which does so is not installed.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
import openvino  # noqa: E402
from openvino import InferRequest, Node  # noqa: E402
from openvino import opset13 as ops  # noqa: E402

_CHANNELS, _ROWS, _COLUMNS = 1, 2, 3
_HALF = np.float32(0.5)
_BFLOAT16 = "BF16"


class Lane:
    """Runs one image at a time on one thread; several lanes share the weights.

    Images are copied into a tensor that is there from the beginning. Handing arrays to OpenVINO
    (2026.4) from several threads can stop all of them for good: the first two to convert a type
    wait for each other.
    """

    def __init__(self, request: InferRequest) -> None:
        self._request = request
        self._images = request.input_tensors[0].data
        request.infer()  # and so everything that is made once is made by one thread
        self._outputs = [tensor.data for tensor in request.output_tensors]

    def run(self, image: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Map one image, (224, 224), to the backbone's outputs, (1, width) each."""
        self._images[:] = image
        self._request.start_async()
        self._request.wait()
        return [output.copy() for output in self._outputs]


def compiled(backbone: Backbone, *, precision: Precision, lanes: int) -> list[Lane]:
    """Compile a backbone for this CPU.

    Raises
    ------
    ModelUnavailable
        The CPU has no bf16 instructions.
    """
    core = openvino.Core()
    can = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if precision is Precision.BF16 and _BFLOAT16 not in can:
        raise ModelUnavailable("this CPU has no bf16 instructions: use --precision fp32")
    images = input_images(MODEL_SIDE)
    graph = openvino.Model(list(backbone.in_openvino(images)), [images])
    options = {
        "INFERENCE_PRECISION_HINT": "bf16" if precision is Precision.BF16 else "f32",
        "NUM_STREAMS": lanes,
        "INFERENCE_NUM_THREADS": lanes,
    }
    network = core.compile_model(graph, "CPU", options)
    return [Lane(network.create_infer_request()) for _ in range(lanes)]


def input_images(side: int) -> Node:
    """Return the parameter of a graph: one image, (1, 1, side, side), float32."""
    return ops.parameter([1, 1, side, side], np.float32, name="images")


@singledispatch
def lowered(module: nn.Module, images: Node) -> Node:  # noqa: ARG001 - the rules use it
    """Append a module's inference to a graph.

    Raises
    ------
    TypeError
        There is no rule for this kind of module.
    """
    raise TypeError(f"there is no OpenVINO form of {type(module).__name__}")


@lowered.register
def _(module: nn.Sequential, images: Node) -> Node:
    if type(module).forward is not nn.Sequential.forward:
        raise TypeError(f"{type(module).__name__} is a sequence with rules of its own")
    return in_sequence(module, images)


def in_sequence(module: nn.Sequential, images: Node) -> Node:
    """Append a sequence's modules one after the other."""
    return reduce(lambda node, child: lowered(child, node), module, images)


@lowered.register
def _(module: nn.Conv2d, images: Node) -> Node:
    if isinstance(module.padding, str):
        raise TypeError(f"there is no OpenVINO form of padding {module.padding!r}")
    return _convolution(module, images, padding=_both(module.padding), auto_pad="explicit")


@lowered.register
def _(module: SameConv2d, images: Node) -> Node:
    return _convolution(module, images, padding=[0, 0], auto_pad="same_upper")


def _convolution(module: nn.Conv2d, images: Node, *, padding: list[int], auto_pad: str) -> Node:
    if module.bias is not None:
        raise TypeError("there is no OpenVINO form of a convolution with a bias")
    weights = _array(module.weight)
    convolve = ops.convolution
    if module.groups != 1:
        # OpenVINO wants (groups, outputs in each, inputs in each, rows, columns).
        weights = weights.reshape(module.groups, -1, *weights.shape[1:])
        convolve = ops.group_convolution
    strides, dilations = list(module.stride), list(module.dilation)
    return convolve(images, weights, strides, padding, padding, dilations, auto_pad=auto_pad)


@lowered.register
def _(module: nn.BatchNorm2d, images: Node) -> Node:
    if module.running_mean is None or module.running_var is None:
        raise TypeError("there is no OpenVINO form of a norm without statistics")
    values = (module.weight, module.bias, module.running_mean, module.running_var)
    return ops.batch_norm_inference(images, *(_array(value) for value in values), module.eps)


@lowered.register
def _(_module: nn.ReLU, images: Node) -> Node:
    return ops.relu(images)


@lowered.register
def _(_module: nn.ReLU6, images: Node) -> Node:
    return ops.clamp(images, 0.0, 6.0)


@lowered.register
def _(module: nn.MaxPool2d, images: Node) -> Node:
    size, stride, padding = map(_both, (module.kernel_size, module.stride, module.padding))
    return ops.max_pool(images, stride, [1, 1], padding, padding, size).output(0)


@lowered.register
def _(module: nn.AvgPool2d, images: Node) -> Node:
    size, stride = map(_both, (module.kernel_size, module.stride))
    return ops.avg_pool(images, stride, [0, 0], [0, 0], size, exclude_pad=True)


@lowered.register
def _(module: nn.Linear, features: Node) -> Node:
    product = ops.matmul(features, _array(module.weight), transpose_a=False, transpose_b=True)
    return ops.add(product, _array(module.bias)[None])


@lowered.register
def _(module: InvertedResidual, images: Node) -> Node:
    filtered = lowered(module.layers, images)
    return ops.add(images, filtered) if module.shortcut else filtered


@lowered.register
def _(module: EfficientNetLite0, images: Node) -> Node:
    standardised = _standardised(images)
    return pooled(lowered(module.top, lowered(module.blocks, lowered(module.stem, standardised))))


def _standardised(images: Node) -> Node:
    """Subtract each image's mean and divide by its deviation, as the network does in torch."""
    axes = np.array([_CHANNELS, _ROWS, _COLUMNS])
    centred = ops.subtract(images, ops.reduce_mean(images, axes, keep_dims=True))
    shape = images.get_output_partial_shape(0)
    others = shape[_ROWS].get_length() * shape[_COLUMNS].get_length() - 1
    squares = ops.reduce_sum(ops.multiply(centred, centred), axes, keep_dims=True)
    deviation = ops.sqrt(ops.divide(squares, np.float32(others)))
    return ops.divide(centred, ops.maximum(deviation, np.float32(1)))


def pooled(images: Node) -> Node:
    """Average each channel: (N, channels, rows, columns) to (N, channels)."""
    return ops.reduce_mean(images, np.array([_ROWS, _COLUMNS]), keep_dims=False)


def concatenated(images: Node, more: Node) -> Node:
    """Join channels."""
    return ops.concat([images, more], _CHANNELS)


def mirrored(images: Node) -> Node:
    """Mirror images left to right."""
    side = images.get_output_partial_shape(0)[_COLUMNS].get_length()
    return ops.gather(images, np.arange(side)[::-1].copy(), np.int64(_COLUMNS))


def mean_of(one: Node, other: Node) -> Node:
    """Average two nodes of the same shape."""
    return ops.multiply(ops.add(one, other), _HALF)


def joined(nodes: Sequence[Node]) -> Node:
    """Put the columns of nodes of shape (N, width) beside each other."""
    return ops.concat(list(nodes), axis=1)


def _both(length: int | tuple[int, ...]) -> list[int]:
    """Return a length along rows and along columns; torch writes one number if they are equal."""
    return [length, length] if isinstance(length, int) else list(length)


def _array(values: Tensor) -> NDArray[np.float32]:
    return values.detach().cpu().float().numpy()
