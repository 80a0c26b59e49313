"""A network as data: its operations in their order, and the tensors that each one uses.

Written when a network is trained, and shipped with its weights, so that running it needs no
library of training. `severity.models.runtimes.openvino_graph` runs it on CPUs,
`severity.models.runtimes.torch_network` on GPUs and where a gradient is wanted.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from severity.errors import WrongWeights
from severity.heads.head import HeadInput
from severity.heads.lungs import Drawn

IMAGES = "images"
"""The name of a network's input: shape (N, 1, 224, 224) on [-1024, 1024]."""

_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

Output: TypeAlias = HeadInput | Drawn
"""What an output of a network is."""

Pair: TypeAlias = tuple[int, int]
"""Along rows, along columns."""


@dataclass(frozen=True, kw_only=True)
class _Operation:
    """``inputs`` name earlier nodes or `IMAGES`; ``tensors`` name the weights' arrays."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    inputs: tuple[str, ...]
    tensors: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _OfOne(_Operation):
    inputs: tuple[str]
    tensors: tuple[()] = ()


@dataclass(frozen=True, kw_only=True)
class _OfTwo(_Operation):
    inputs: tuple[str, str]
    tensors: tuple[()] = ()


@dataclass(frozen=True, kw_only=True)
class Convolution(_Operation):
    """Filters of shape (outputs, inputs of a group, rows, columns), without a bias.

    ``padding`` "same" is TensorFlow's: the odd pixel goes right and below.
    """

    kind: Literal["convolution"] = "convolution"
    inputs: tuple[str]
    tensors: tuple[str]
    stride: Pair
    padding: Pair | Literal["same"]
    dilation: Pair
    groups: int


@dataclass(frozen=True, kw_only=True)
class BatchNorm(_Operation):
    """Normalise channels by stored statistics: weight, bias, mean, variance."""

    kind: Literal["batch_norm"] = "batch_norm"
    inputs: tuple[str]
    tensors: tuple[str, str, str, str]
    epsilon: float


@dataclass(frozen=True, kw_only=True)
class ChannelBias(_Operation):
    """Add a number to each channel; the tensor has shape (channels,)."""

    kind: Literal["channel_bias"] = "channel_bias"
    inputs: tuple[str]
    tensors: tuple[str]


@dataclass(frozen=True, kw_only=True)
class Relu(_OfOne):
    """Replace negative numbers by zero."""

    kind: Literal["relu"] = "relu"


@dataclass(frozen=True, kw_only=True)
class Clamp(_OfOne):
    """Limit every number to a range."""

    kind: Literal["clamp"] = "clamp"
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Sigmoid(_OfOne):
    """Map every number to one between 0 and 1."""

    kind: Literal["sigmoid"] = "sigmoid"


@dataclass(frozen=True, kw_only=True)
class Enlarge(_OfOne):
    """Make images larger by a whole factor, bilinear between the centres of pixels."""

    kind: Literal["enlarge"] = "enlarge"
    factor: int


@dataclass(frozen=True, kw_only=True)
class MaxPool(_OfOne):
    """Compute the largest number of each window."""

    kind: Literal["max_pool"] = "max_pool"
    size: Pair
    stride: Pair
    padding: Pair


@dataclass(frozen=True, kw_only=True)
class AveragePool(_OfOne):
    """Compute the mean of each window."""

    kind: Literal["average_pool"] = "average_pool"
    size: Pair
    stride: Pair


@dataclass(frozen=True, kw_only=True)
class GlobalAverage(_OfOne):
    """Compute the mean of each channel: (N, channels, rows, columns) to (N, channels)."""

    kind: Literal["global_average"] = "global_average"


@dataclass(frozen=True, kw_only=True)
class LungAverage(_OfTwo):
    """Average features over the lungs that maps draw; each lung counts half.

    Features have shape (N, channels, rows, columns), maps (N, 2 or more, a multiple of the rows, a
    multiple of the columns): probabilities of right and left lung, and what is ignored. A cell
    counts by the mean probability in it and ``background``, so that all count where there are no
    lungs.
    """

    kind: Literal["lung_average"] = "lung_average"
    background: float


@dataclass(frozen=True, kw_only=True)
class LungFrame(_OfTwo):
    """Cut the lungs that maps draw out of images, in as many pixels; an edge goes on beyond it.

    A pixel counts by the square of the greater probability and ``background``. The frame reaches
    ``reach`` standard deviations of the pixels' columns and rows from their mean, but not less
    nor more than ``limits``, where an image goes from -1 to 1.
    """

    kind: Literal["lung_frame"] = "lung_frame"
    reach: tuple[float, float]
    limits: tuple[float, float]
    background: float


@dataclass(frozen=True, kw_only=True)
class Linear(_Operation):
    """Multiply by a weight of shape (outputs, inputs), and add a bias."""

    kind: Literal["linear"] = "linear"
    inputs: tuple[str]
    tensors: tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Add(_OfTwo):
    """Add two arrays of one shape."""

    kind: Literal["add"] = "add"


@dataclass(frozen=True, kw_only=True)
class Average(_OfTwo):
    """Compute the mean of two arrays of one shape."""

    kind: Literal["average"] = "average"


@dataclass(frozen=True, kw_only=True)
class Concatenate(_OfTwo):
    """Put the channels of the second input behind those of the first."""

    kind: Literal["concatenate"] = "concatenate"


@dataclass(frozen=True, kw_only=True)
class Mirror(_OfOne):
    """Mirror images left to right."""

    kind: Literal["mirror"] = "mirror"


@dataclass(frozen=True, kw_only=True)
class Standardise(_OfOne):
    """Subtract each image's mean and divide by its deviation, or by 1 if that is less.

    The deviation is that of a sample: divided by the number of pixels less one.
    """

    kind: Literal["standardise"] = "standardise"


Operation: TypeAlias = (
    Convolution
    | BatchNorm
    | ChannelBias
    | Relu
    | Sigmoid
    | Clamp
    | Enlarge
    | MaxPool
    | AveragePool
    | GlobalAverage
    | LungAverage
    | LungFrame
    | Linear
    | Add
    | Average
    | Concatenate
    | Mirror
    | Standardise
)


@dataclass(frozen=True)
class Network:
    """Operations by name, each after its inputs, and which of them are outputs.

    Attributes
    ----------
    nodes
        In the order in which they run.
    outputs
        The node of each output.
    findings
        The finding of each column of the logits; empty where there is none.

    Raises
    ------
    WrongWeights
        An operation's input is no earlier node, or an output is no node.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    nodes: dict[str, Annotated[Operation, Field(discriminator="kind")]]
    outputs: Mapping[Output, str]
    findings: tuple[str, ...] = ()
    format: Literal[1] = 1

    def __post_init__(self) -> None:
        earlier = {IMAGES}
        for name, operation in self.nodes.items():
            unknown = [source for source in operation.inputs if source not in earlier]
            if unknown or name in earlier:
                raise WrongWeights(f"the network's node {name} needs {unknown}, not made before it")
            earlier.add(name)
        missing = [name for name in self.outputs.values() if name not in self.nodes]
        if missing or not self.outputs:
            raise WrongWeights(f"the network's outputs {missing} are none of its nodes")

    @property
    def tensors(self) -> tuple[str, ...]:
        """The names of all tensors that it uses, each once."""
        return tuple({name: None for node in self.nodes.values() for name in node.tensors})

    def with_outputs(self, kinds: Collection[Output]) -> "Network":
        """Return the part of this network that the outputs of some kinds need."""
        outputs = {kind: node for kind, node in self.outputs.items() if kind in kinds}
        needed = {*outputs.values()}
        for name, operation in reversed(self.nodes.items()):
            if name in needed:
                needed.update(operation.inputs)
        nodes = {name: node for name, node in self.nodes.items() if name in needed}
        return replace(self, nodes=nodes, outputs=outputs)


def network_to_json(network: Network) -> str:
    """Serialise a network to JSON, one node a line; equal networks have equal text."""
    nodes = ",\n".join(
        f"    {json.dumps(name)}: {json.dumps(_fields(node))}"
        for name, node in network.nodes.items()
    )
    remainder = {"outputs": network.outputs, "findings": network.findings, "format": network.format}
    lines = "".join(f',\n  "{key}": {json.dumps(value)}' for key, value in remainder.items())
    return f'{{\n  "nodes": {{\n{nodes}\n  }}{lines}\n}}\n'


def _fields(node: Operation) -> dict[str, object]:
    """Return a node's fields, the kind first; an empty list of tensors is left out."""
    fields = asdict(node)
    return {"kind": fields.pop("kind")} | {k: v for k, v in fields.items() if v != ()}


def network_from_json(text: str | bytes) -> Network:
    """Read a network that `network_to_json` wrote.

    Raises
    ------
    WrongWeights
        The text is anything else.
    """
    try:
        return _reader().validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise WrongWeights(
            f"not a network as this program writes it: {place}: {first['msg']}"
        ) from error


@cache
def _reader() -> TypeAdapter[Network]:
    return TypeAdapter(Network)
