"""Reading arrays from a pickle without running anything in it.

The authors of the RALO head publish ``pickle.dump((coefs_, intercepts_))`` of scikit-learn's
``MLPRegressor``, without a checksum. A pickle calls whatever it names, so the names that arrays
need lead to substitutes. NumPy's own are no safe choice: ``dtype.__setstate__`` sets the flags by
which any bytes are taken for pointers to objects, and ``_reconstruct`` allocates any shape.
"""

import io
import pickle
import pickletools
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from severity.errors import WrongWeights

LARGEST_PICKLE_BYTES = 32 * 2**20
"""A head of the published shape has 8 MB."""

_MOST_INSTRUCTIONS = 5_000  # the published ones have about 100
_MOST_DIMENSIONS = 2

# What lists and tuples of arrays need by protocols 3 to 5, the defaults of Python 3. Other
# instructions make more than they are long, or hash nested pairs, which never ends.
_INSTRUCTIONS = re.compile(
    "PROTO|FRAME|MARK|STOP|MEMOIZE|(LONG_)?BIN(PUT|GET)|NONE|NEW(TRUE|FALSE)|BININT[12]?"
    "|(SHORT_)?BIN(UNICODE|BYTES)|BYTEARRAY8|TUPLE[123]?|EMPTY_LIST|APPENDS?"
    "|(STACK_)?GLOBAL|REDUCE|BUILD"
)

# Exceptions that Python was seen to raise on allowed instructions in a wrong order.
_UNREADABLE = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
)

_Arrays = list[NDArray[np.floating]]


def read_layer_pickle(content: bytes) -> tuple[_Arrays, _Arrays]:
    """Read a pickle of two lists of arrays, weights and biases.

    Parameters
    ----------
    content
        The whole file, protocol 3 to 5.

    Returns
    -------
    The arrays of the first and of the second list, float64 or float32, of one or two
    dimensions.

    Raises
    ------
    WrongWeights
        The file is larger than `LARGEST_PICKLE_BYTES`, cut off, holds anything else than such
        arrays, or names anything else than NumPy's way to write them. Nothing that it names is run.

    References
    ----------
    * Python, ``Lib/pickletools.py``: what each instruction does.
    * mlmed/covid-severity, ``severity_utils.py``: how the published files were written.
    """
    if len(content) > LARGEST_PICKLE_BYTES:
        raise WrongWeights(f"a pickle of {len(content)} bytes: more than {LARGEST_PICKLE_BYTES}")
    _check_instructions(content)
    try:
        loaded = _Unpickler(io.BytesIO(content)).load()
    except _UNREADABLE as error:
        # No more than the beginning: Python may quote the whole file.
        raise WrongWeights(f"the pickle cannot be read: {str(error)[:80]}") from error
    match loaded:
        case (list(weights), list(biases)):
            arrays = _checked([*weights, *biases])
            return arrays[: len(weights)], arrays[len(weights) :]
    raise WrongWeights("the pickle holds something else than two lists of arrays")


def _check_instructions(content: bytes) -> None:
    """Refuse instructions that arrays do not need, without executing any."""
    try:
        for count, (instruction, argument, _) in enumerate(pickletools.genops(content)):
            if not _INSTRUCTIONS.fullmatch(instruction.name):
                raise WrongWeights(
                    f"the pickle holds more than plain arrays: instruction {instruction.name}"
                )
            # Python reserves memory for as many values as the highest place has that is named.
            places = int(argument or 0) if instruction.name == "LONG_BINPUT" else count
            if places >= _MOST_INSTRUCTIONS:
                raise WrongWeights(f"the pickle has more than {_MOST_INSTRUCTIONS} instructions")
    except ValueError as error:
        raise WrongWeights(f"no pickle, or one that is cut off: {str(error)[:80]}") from error


def _checked(items: Sequence[object]) -> _Arrays:
    """Copy the arrays; a pickle may repeat one, and all together must fit into the limit."""
    views = [item.values for item in items if isinstance(item, _Array) and item.values is not None]
    if len(views) < len(items):
        raise WrongWeights("a list holds something else than arrays")
    if any(not 1 <= view.ndim <= _MOST_DIMENSIONS for view in views):
        raise WrongWeights("an array has neither one nor two dimensions")
    total_bytes = sum(view.nbytes for view in views)
    if total_bytes > LARGEST_PICKLE_BYTES:
        raise WrongWeights(f"the arrays have {total_bytes} bytes: more than {LARGEST_PICKLE_BYTES}")
    return [view.astype(view.dtype.newbyteorder("="), order="C") for view in views]


# Values that come out of the pickle are never shown or compared with each other: pairs nested a
# hundred deep, each holding one other twice, would never be written out.


class _Dtype:
    """Substitute for ``numpy.dtype``."""

    def __init__(self, code: object, *_: object) -> None:
        if code not in ("f8", "f4"):
            raise WrongWeights("an array is not of type float64 or float32")
        self.dtype: np.dtype[np.floating] = np.dtype(f"<{code}")

    def __setstate__(self, state: Sequence[object]) -> None:
        _, order, *_ = state  # a version comes first; the rest is of structured types
        if order != "<":
            raise WrongWeights("an array is not in the byte order of almost all machines")


class _Array:
    """Substitute for ``numpy.ndarray``: a view of bytes that are in the pickle."""

    def __init__(self, *_: object) -> None:
        self.values: NDArray[np.floating] | None = None  # they come with the state

    def __setstate__(self, state: Sequence[object]) -> None:
        _, shape, dtype, by_column, content = state
        match shape, dtype, content:
            case tuple(), _Dtype(), bytes() | bytearray():
                values = np.frombuffer(content, dtype.dtype)
                self.values = values.reshape(shape, order="F" if by_column else "C")
            case _:
                raise WrongWeights("an array is not described as NumPy describes arrays")


def _from_buffer(content: object, dtype: object, shape: object, order: object) -> _Array:
    array = _Array()
    array.__setstate__((1, shape, dtype, order == "F", content))
    return array


_SUBSTITUTES = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,  # NumPy 1
    ("numpy._core.multiarray", "_reconstruct"): _Array,  # NumPy 2
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,  # both, by protocol 5
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
}


class _Unpickler(pickle.Unpickler):
    """Resolves the few names of an array to their substitutes, and refuses every other name."""

    def find_class(self, module: str, name: str) -> object:
        try:
            return _SUBSTITUTES[module, name]
        except KeyError as error:
            full_name = f"{module}.{name}"[:60]
            raise WrongWeights(
                f"the pickle names {full_name!r}, which no array needs; not run"
            ) from error
