"""Networks as OpenVINO graphs, for CPUs.

A DenseNet spends much of its time in norms and activations that torch runs one by one; OpenVINO
fuses them into the convolutions. The graph is written out here instead of being converted: that
takes a tenth of a second instead of several, and needs neither torch nor a compiler.
"""

import sys
from collections.abc import Sequence
from functools import singledispatch
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from severity.errors import ModelUnavailable, WrongWeights
from severity.images.preprocessing import MODEL_SIDE
from severity.models.backbone import Backbone, Precision
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

# Importing OpenVINO may ask a question on the terminal, and reports the import to its makers
# over the network. Here it finds that the package which does so is not installed.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
import openvino  # noqa: E402
from openvino import InferRequest, Node  # noqa: E402
from openvino import opset13 as ops  # noqa: E402

_CHANNELS, _ROWS, _COLUMNS = 1, 2, 3
_PIXELS = np.array([_ROWS, _COLUMNS])
_HALF = np.float32(0.5)
_BFLOAT16 = "BF16"

_Arrays: TypeAlias = Sequence[NDArray[np.float32]]


class Stream:
    """Runs one image at a time on one thread; several streams share the weights.

    Images are copied into a tensor that exists from the beginning. Handing arrays to OpenVINO
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


def compiled(backbone: Backbone, *, precision: Precision, streams: int) -> list[Stream]:
    """Compile a backbone for this CPU.

    Raises
    ------
    ModelUnavailable
        The CPU has no bf16 instructions.
    WrongWeights
        The tensors do not have the shapes that the network needs.
    """
    core = openvino.Core()
    capabilities = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if precision is Precision.BF16 and _BFLOAT16 not in capabilities:
        raise ModelUnavailable("this CPU has no bf16 instructions: use --precision fp32")
    options = {
        "INFERENCE_PRECISION_HINT": "bf16" if precision is Precision.BF16 else "f32",
        "NUM_STREAMS": streams,
        "INFERENCE_NUM_THREADS": streams,
    }
    network = core.compile_model(graph(backbone), "CPU", options)
    return [Stream(network.create_infer_request()) for _ in range(streams)]


def graph(backbone: Backbone) -> openvino.Model:
    """Build the graph of a backbone, which maps one image, (1, 1, 224, 224), to its outputs.

    Raises
    ------
    WrongWeights
        The tensors do not have the shapes that the network needs.
    """
    images = ops.parameter([1, 1, MODEL_SIDE, MODEL_SIDE], np.float32, name=IMAGES)
    nodes = {IMAGES: images}
    for name, operation in backbone.network.nodes.items():
        inputs = [nodes[source] for source in operation.inputs]
        tensors = [backbone.tensors[tensor] for tensor in operation.tensors]
        try:
            nodes[name] = _node(operation, inputs, tensors)
        except (RuntimeError, ValueError) as error:  # how OpenVINO and NumPy refuse a shape
            raise WrongWeights(f"the network's node {name} does not fit: {error}") from error
    return openvino.Model([nodes[name] for name in backbone.network.outputs.values()], [images])


@singledispatch
def _node(operation: Operation, inputs: Sequence[Node], tensors: _Arrays) -> Node:  # noqa: ARG001 - the rules use them
    """Append an operation to a graph."""
    raise TypeError(f"there is no OpenVINO form of {operation.kind}")


@_node.register
def _(operation: Convolution, inputs: Sequence[Node], tensors: _Arrays) -> Node:
    (weights,) = tensors
    convolve = ops.convolution
    if operation.groups != 1:
        # OpenVINO wants (groups, outputs in each, inputs in each, rows, columns).
        weights = weights.reshape(operation.groups, -1, *weights.shape[1:])
        convolve = ops.group_convolution
    same = operation.padding == "same"
    padding = [0, 0] if same else list(operation.padding)
    return convolve(
        *inputs,
        weights,
        list(operation.stride),
        padding,
        padding,
        list(operation.dilation),
        auto_pad="same_upper" if same else "explicit",
    )


@_node.register
def _(operation: BatchNorm, inputs: Sequence[Node], tensors: _Arrays) -> Node:
    return ops.batch_norm_inference(*inputs, *tensors, operation.epsilon)


@_node.register
def _(_operation: ChannelBias, inputs: Sequence[Node], tensors: _Arrays) -> Node:
    (bias,) = tensors
    return ops.add(*inputs, bias[None, :, None, None])


@_node.register
def _(_operation: Relu, inputs: Sequence[Node], _tensors: _Arrays) -> Node:
    return ops.relu(*inputs)


@_node.register
def _(operation: Clamp, inputs: Sequence[Node], _tensors: _Arrays) -> Node:
    return ops.clamp(*inputs, operation.low, operation.high)


@_node.register
def _(_operation: Sigmoid, inputs: Sequence[Node], _tensors: _Arrays) -> Node:
    return ops.sigmoid(*inputs)


@_node.register
def _(operation: Enlarge, inputs: Sequence[Node], _tensors: _Arrays) -> Node:
    return ops.interpolate(
        *inputs,
        np.array([operation.factor, operation.factor], np.float32),
        mode="linear_onnx",
        shape_calculation_mode="scales",
        coordinate_transformation_mode="half_pixel",
        axes=_PIXELS,
    )


@_node.register
def _(operation: MaxPool, inputs: Sequence[Node], _tensors: _Arrays) -> Node:
    size, stride, padding = map(list, (operation.size, operation.stride, operation.padding))
    return ops.max_pool(*inputs, stride, [1, 1], padding, padding, size).output(0)


@_node.register
def _(operation: AveragePool, inputs: Sequence[Node], _tensors: _Arrays) -> Node:
    size, stride = map(list, (operation.size, operation.stride))
    return ops.avg_pool(*inputs, stride, [0, 0], [0, 0], size, exclude_pad=True)


@_node.register
def _(_operation: GlobalAverage, inputs: Sequence[Node], _tensors: _Arrays) -> Node:
    return ops.reduce_mean(*inputs, _PIXELS, keep_dims=False)


@_node.register
def _(operation: LungAverage, inputs: Sequence[Node], _tensors: _Arrays) -> Node:
    features, maps = inputs
    _, _, rows, columns = _shape(features)
    size = [
        length // cells for length, cells in zip(_shape(maps)[_ROWS:], (rows, columns), strict=True)
    ]
    cells = ops.avg_pool(_lungs(maps), size, [0, 0], [0, 0], size, exclude_pad=True)
    cells = ops.add(cells, np.float32(operation.background))
    weights = ops.divide(cells, ops.reduce_sum(cells, _PIXELS, keep_dims=True))
    mean = ops.reduce_mean(weights, np.array([_CHANNELS]), keep_dims=True)
    return ops.reduce_sum(ops.multiply(features, mean), _PIXELS, keep_dims=False)


@_node.register
def _(operation: LungFrame, inputs: Sequence[Node], _tensors: _Arrays) -> Node:
    images, maps = inputs
    lungs = ops.reduce_max(_lungs(maps), np.array([_CHANNELS]), keep_dims=True)
    pixels = ops.add(ops.multiply(lungs, lungs), np.float32(operation.background))
    pixels = ops.divide(pixels, ops.reduce_sum(pixels, _PIXELS, keep_dims=True))
    shape = [1, *_shape(images)[_ROWS:], 1]
    grid = [
        ops.broadcast(_frame_places(pixels, images, axis, reach, operation.limits), shape)
        for axis, reach in zip((_COLUMNS, _ROWS), operation.reach, strict=True)
    ]
    options = {"mode": "bilinear", "padding_mode": "border", "align_corners": False}
    return ops.grid_sample(images, ops.concat(grid, 3), options)


def _frame_places(
    pixels: Node, images: Node, axis: int, reach: float, limits: tuple[float, float]
) -> Node:
    """Return where a frame's columns or rows lie in an image, to broadcast over its pixels."""
    other = _ROWS if axis == _COLUMNS else _COLUMNS
    along = ops.reduce_sum(pixels, np.array([other]), keep_dims=True)
    places = _along(axis, _shape(pixels)[axis])
    centre = ops.reduce_sum(ops.multiply(along, places), _PIXELS, keep_dims=True)
    squares = ops.reduce_sum(ops.multiply(along, places**2), _PIXELS, keep_dims=True)
    variance = ops.subtract(squares, ops.multiply(centre, centre))
    spread = ops.sqrt(ops.maximum(variance, np.float32(0)))
    half = ops.clamp(ops.multiply(spread, np.float32(reach)), *limits)
    sampled = ops.add(centre, ops.multiply(half, _along(axis, _shape(images)[axis])))
    # From (1, 1, rows, columns) to (1, rows, columns, 1), one of which is 1.
    return ops.transpose(sampled, np.array([0, _ROWS, _COLUMNS, _CHANNELS]))


def _along(axis: int, length: int) -> NDArray[np.float32]:
    """Return the centres of pixels, from -1 to 1, along an axis of four."""
    places = (np.arange(length, dtype=np.float32) + _HALF) * np.float32(2 / length) - np.float32(1)
    return places.reshape([-1 if number == axis else 1 for number in range(4)])


def _lungs(maps: Node) -> Node:
    return ops.gather(maps, np.array([0, 1]), np.int64(_CHANNELS))


def _shape(node: Node) -> list[int]:
    return [dimension.get_length() for dimension in node.get_output_partial_shape(0)]


@_node.register
def _(_operation: Linear, inputs: Sequence[Node], tensors: _Arrays) -> Node:
    weight, bias = tensors
    product = ops.matmul(*inputs, weight, transpose_a=False, transpose_b=True)
    return ops.add(product, bias[None])


@_node.register
def _(_operation: Add, inputs: Sequence[Node], _tensors: _Arrays) -> Node:
    return ops.add(*inputs)


@_node.register
def _(_operation: Average, inputs: Sequence[Node], _tensors: _Arrays) -> Node:
    return ops.multiply(ops.add(*inputs), _HALF)


@_node.register
def _(_operation: Concatenate, inputs: Sequence[Node], _tensors: _Arrays) -> Node:
    return ops.concat(list(inputs), _CHANNELS)


@_node.register
def _(_operation: Mirror, inputs: Sequence[Node], _tensors: _Arrays) -> Node:
    (images,) = inputs
    return ops.gather(images, np.arange(_shape(images)[_COLUMNS])[::-1].copy(), np.int64(_COLUMNS))


@_node.register
def _(_operation: Standardise, inputs: Sequence[Node], _tensors: _Arrays) -> Node:
    (images,) = inputs
    axes = np.array([_CHANNELS, _ROWS, _COLUMNS])
    centred = ops.subtract(images, ops.reduce_mean(images, axes, keep_dims=True))
    _, _, rows, columns = _shape(images)
    degrees = rows * columns - 1
    squares = ops.reduce_sum(ops.multiply(centred, centred), axes, keep_dims=True)
    deviation = ops.sqrt(ops.divide(squares, np.float32(degrees)))
    return ops.divide(centred, ops.maximum(deviation, np.float32(1)))
