"""Files of heads: this project's own (safetensors), and formats that can be imported."""

import io
import json
import lzma
import tokenize
import zipfile
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from severity.domain import Scale
from severity.errors import BROKEN_FILE, WrongWeights
from severity.heads.findings import FINDINGS
from severity.heads.head import Chain, Head, HeadInput, Layer
from severity.heads.safe_pickle import read_layer_pickle

LARGEST_BYTES = 64 * 2**20
"""The largest file with a head that is read; a published one has 16 MB."""

_BROKEN_ARCHIVE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    MemoryError,
    SyntaxError,  # NumPy reads the headers of arrays as Python's literals
    tokenize.TokenError,
)
_SCORES = ("geographic_extent", "opacity")
_DESCRIPTION = "cxr-severity-head"
_FORMAT = 1


def head_to_safetensors(head: Head) -> bytes:
    """Serialise a head; equal heads have equal bytes.

    Each layer is two float32 tensors, such as ``opacity.0.weight`` and ``opacity.0.bias``.
    Everything else is JSON, under one key of the metadata.
    """
    description = {
        "format": _FORMAT,
        "name": head.name,
        "backbone": head.backbone,
        "takes": head.takes.value,
        "layers": [len(chain) for chain in head.layers],
        "geographic_extent": [head.geographic_extent.lowest, head.geographic_extent.highest],
        "opacity": [head.opacity.lowest, head.opacity.highest],
    }
    tensors: dict[str, NDArray[np.float32]] = {}
    for score, chain in zip(_SCORES, head.layers, strict=True):
        for number, layer in enumerate(chain):
            tensors[f"{score}.{number}.weight"] = layer.weight
            tensors[f"{score}.{number}.bias"] = layer.bias
    return save(tensors, {_DESCRIPTION: json.dumps(description, sort_keys=True)})


def head_from_safetensors(content: bytes) -> Head:
    """Read a head that `head_to_safetensors` wrote.

    Raises
    ------
    WrongWeights
        The content is anything else.
    """
    _check_size(content)
    try:
        tensors = load(content)
        # The library reads a file's metadata only from a path; its header is JSON.
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        description = json.loads(header["__metadata__"][_DESCRIPTION])
        if description["format"] != _FORMAT:
            raise WrongWeights(f"the head has format {description['format']!r}, not {_FORMAT}")
        extent_layers, opacity_layers = (int(count) for count in description["layers"])
        head = Head(
            name=str(description["name"]),
            backbone=str(description["backbone"]),
            takes=HeadInput(description["takes"]),
            layers=(
                _chain(tensors, "geographic_extent", extent_layers),
                _chain(tensors, "opacity", opacity_layers),
            ),
            geographic_extent=_scale(description["geographic_extent"]),
            opacity=_scale(description["opacity"]),
        )
    except (SafetensorError, *BROKEN_FILE) as error:
        raise WrongWeights(f"not a head as this program writes it: {error}") from error
    if tensors:
        raise WrongWeights(f"the head has a tensor too many: {min(tensors)}")
    return head


def _chain(tensors: dict[str, NDArray[np.float32]], score: str, count: int) -> Chain:
    """Remove the layers of one score from ``tensors`` and return them."""
    layers = []
    for number in range(count):
        weight, bias = (tensors.pop(f"{score}.{number}.{part}") for part in ("weight", "bias"))
        if weight.dtype != np.float32 or bias.dtype != np.float32:
            raise WrongWeights(f"the head's numbers are {weight.dtype}, not float32")
        layers.append(Layer(weight, bias))
    return tuple(layers)


def _scale(ends: Sequence[float]) -> Scale:
    lowest, highest = ends
    return Scale(float(lowest), float(highest))


def read_mlp_pickle(content: bytes) -> Chain:
    """Read the layers of one score from a pickled ``(coefs_, intercepts_)``.

    This is how the authors of the RALO head publish scikit-learn's ``MLPRegressor`` with ReLU.

    Raises
    ------
    WrongWeights
        The content is anything else; nothing in it is run. See `severity.heads.safe_pickle`.
    """
    weights, biases = read_layer_pickle(content)
    if not weights or len(weights) != len(biases):
        raise WrongWeights(f"{len(weights)} arrays of weights and {len(biases)} of biases")
    return tuple(Layer(w, b) for w, b in zip(weights, biases, strict=True))


def read_linear_json(content: bytes) -> tuple[Chain, Chain]:
    """Read a linear head from JSON.

    ``{"geographic_extent": {"weights": ..., "intercept": 3.4}, "opacity": {...}}``, where the
    weights are a list with one number for each input, or an object by finding, such as
    ``{"Lung Opacity": 0.87}``, for a head on the logits.

    Raises
    ------
    WrongWeights
        The content is anything else.
    """
    _check_size(content)
    try:
        document = json.loads(content)
        extent, opacity = (_linear(document[score]) for score in _SCORES)
    except KeyError as error:
        raise WrongWeights(f"the JSON lacks {error}") from error
    except BROKEN_FILE as error:
        raise WrongWeights(f"the JSON describes no linear head: {error}") from error
    return extent, opacity


def _linear(layer: Mapping[str, object]) -> Chain:
    weights = layer["weights"]
    if isinstance(weights, Mapping):
        unknown = sorted(set(weights) - set(FINDINGS))
        if unknown:
            raise WrongWeights(f"no finding {unknown[0]!r}; there are {', '.join(FINDINGS)}")
        weights = [weights.get(finding, 0.0) for finding in FINDINGS]
    return _one_layer(np.asarray(weights, np.float64), np.asarray(layer["intercept"], np.float64))


def read_linear_npz(content: bytes) -> tuple[Chain, Chain]:
    """Read a linear head from an archive of NumPy arrays.

    ``geographic_extent_weights`` and ``opacity_weights`` have one number for each input,
    ``geographic_extent_intercept`` and ``opacity_intercept`` one each.

    Raises
    ------
    WrongWeights
        The content is anything else, or holds pickled objects.
    """
    _check_size(content)
    try:
        _check_unpacked_size(content)
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            extent, opacity = (
                _one_layer(arrays[f"{score}_weights"], arrays[f"{score}_intercept"])
                for score in _SCORES
            )
    except KeyError as error:
        raise WrongWeights(f"the archive lacks an array: {error.args[0]}") from error
    except (*BROKEN_FILE, *_BROKEN_ARCHIVE) as error:
        raise WrongWeights(f"not an archive of NumPy arrays: {error}") from error
    return extent, opacity


def _check_unpacked_size(content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        unpacked_bytes = sum(member.file_size for member in archive.infolist())
    if unpacked_bytes > LARGEST_BYTES:
        raise WrongWeights(f"the archive unpacks to {unpacked_bytes} bytes: over {LARGEST_BYTES}")


def _one_layer(weights: NDArray[np.floating], intercept: NDArray[np.floating]) -> Chain:
    if weights.dtype.kind not in "fiu" or intercept.dtype.kind not in "fiu":
        raise WrongWeights("weights and intercept must be numbers")
    if intercept.size != 1 or weights.size != max(weights.shape, default=0):
        raise WrongWeights(
            f"weights of shape {weights.shape} and an intercept of shape {intercept.shape}: "
            "a linear head has one weight for each input and one intercept"
        )
    return (Layer(weights.reshape(-1, 1), intercept.reshape(1)),)


def _check_size(content: bytes) -> None:
    if len(content) > LARGEST_BYTES:
        raise WrongWeights(f"a head of {len(content)} bytes: more than {LARGEST_BYTES}")
