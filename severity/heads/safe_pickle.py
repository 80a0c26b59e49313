"""Arrays out of a pickle, without unpickling anything else.

The authors of the RALO head publish ``pickle.dump((coefs_, intercepts_))`` of scikit-learn's
``MLPRegressor``. A pickle is a program: it may call whatever it can name. This one is run only
after its instructions were checked against the few that plain arrays need, and what it may
name is replaced by stand-ins of ours: not even NumPy's own code is called by it. The arrays are
made afterwards, from shapes and bytes that were checked.
"""

import io
import itertools
import math
import pickle
import pickletools
from collections.abc import Callable
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from severity.errors import WrongWeights

LARGEST_BYTES = 32 * 2**20
"""A head of the published shape has 8 MB, or 13 MB as written by protocol 2."""

_MOST_INSTRUCTIONS = 5_000  # the published ones have about 100
_LAST_MEMO = _MOST_INSTRUCTIONS  # Python reserves memory up to the number that is named
_MOST_DIMENSIONS = 2
_DTYPES: dict[tuple[str, str], np.dtype[np.floating]] = {
    (code, order): np.dtype(order + code) for code in ("f8", "f4") for order in "<>="
}
_BY_COLUMN = {"C": False, "F": True}

# What NumPy 1 and 2 write for lists and tuples of arrays, by protocols 2 to 5.
_INSTRUCTIONS = {
    *(
        "PROTO",
        "FRAME",
        "MARK",
        "STOP",
        "MEMOIZE",
        "BINPUT",
        "LONG_BINPUT",
        "BINGET",
        "LONG_BINGET",
    ),
    *("NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES", "BYTEARRAY8"),
    *("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_LIST", "APPEND", "APPENDS"),
    *("GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD"),
}

# What Python was seen to raise on instructions that are allowed, in an order that is not.
_UNREADABLE = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
)

Arrays = list[NDArray[np.floating]]


class _Name(Enum):
    """The only names that an array needs."""

    RECONSTRUCT = auto()
    FROMBUFFER = auto()
    NDARRAY = auto()
    DTYPE = auto()
    ENCODE = auto()


_NAMES = {
    ("numpy.core.multiarray", "_reconstruct"): _Name.RECONSTRUCT,  # NumPy 1
    ("numpy._core.multiarray", "_reconstruct"): _Name.RECONSTRUCT,  # NumPy 2
    ("numpy.core.numeric", "_frombuffer"): _Name.FROMBUFFER,  # both, by protocol 5
    ("numpy._core.numeric", "_frombuffer"): _Name.FROMBUFFER,
    ("numpy", "ndarray"): _Name.NDARRAY,
    ("numpy", "dtype"): _Name.DTYPE,
    ("_codecs", "encode"): _Name.ENCODE,  # bytes, by protocol 2
}


def read_layer_pickle(content: bytes) -> tuple[Arrays, Arrays]:
    """Read a pickle of two lists of arrays, weights and biases.

    Parameters
    ----------
    content
        The whole file, protocol 2 to 5.

    Returns
    -------
    The arrays of the first and of the second list, float64 or float32 in this machine's byte
    order, of one or two dimensions.

    Raises
    ------
    WrongWeights
        The file is larger than `LARGEST_BYTES`, cut off, holds anything else than such arrays,
        or names anything else than NumPy's way to write them. Nothing that it names is run.

    References
    ----------
    * Python, ``Lib/pickletools.py``: what each instruction does.
    * mlmed/covid-severity, ``severity_utils.py``: how the published files were written.
    """
    if len(content) > LARGEST_BYTES:
        raise WrongWeights(f"a pickle of {len(content)} bytes: more than {LARGEST_BYTES}")
    _check_instructions(content)
    try:
        loaded = _Unpickler(content).load()
    except _UNREADABLE as error:
        raise WrongWeights(f"the pickle cannot be read: {_begin(error)}") from error
    match loaded:
        case (list(weights), list(biases)):
            _check_lists(weights, biases)
            return [one.array() for one in weights], [one.array() for one in biases]
    raise WrongWeights("the pickle holds something else than two lists of arrays")


def _check_instructions(content: bytes) -> None:
    """Look at each instruction, without following any."""
    try:
        for count, (instruction, argument, _) in enumerate(pickletools.genops(content)):
            if count == _MOST_INSTRUCTIONS:
                raise WrongWeights(f"the pickle has more than {_MOST_INSTRUCTIONS} instructions")
            _check_instruction(instruction.name, argument)
    except ValueError as error:
        raise WrongWeights(f"no pickle, or one that is cut off: {_begin(error)}") from error


def _check_instruction(name: str, argument: object) -> None:
    if name == "GLOBAL":
        _known(*str(argument).split(" ", 1))
    if name not in _INSTRUCTIONS:
        raise WrongWeights(f"the pickle holds more than plain arrays: instruction {name}")
    if name == "LONG_BINPUT" and isinstance(argument, int) and argument > _LAST_MEMO:
        raise WrongWeights(f"the pickle reserves memory for {argument} values")


def _known(module: str, name: str = "") -> _Name:
    try:
        return _NAMES[module, name]
    except KeyError as error:
        named = f"{module}.{name}"[:60]
        raise WrongWeights(f"the pickle names {named!r}, which no array needs; not run") from error


def _begin(error: Exception) -> str:
    """Begin to say what Python says, which may quote the whole file."""
    return str(error)[:80]


def _check_lists(*lists: list[object]) -> None:
    """One array may be named many times: all of them together must fit into the limit."""
    total_bytes = 0
    for one in itertools.chain(*lists):
        if not isinstance(one, _Array):
            raise WrongWeights(f"a list holds {type(one).__name__} where an array must be")
        total_bytes += one.size_bytes
    if total_bytes > LARGEST_BYTES:
        raise WrongWeights(f"the arrays have {total_bytes} bytes: more than {LARGEST_BYTES}")


# Values that come out of the pickle are never shown or converted before their type is known:
# pairs nested a hundred deep, each holding one other twice, would never be written out.


class _Dtype:
    """Stands in for ``numpy.dtype``."""

    def __init__(self, code: object, *_: object) -> None:
        self._code = code
        self._order: object = "="

    def __setstate__(self, state: tuple[object, ...]) -> None:
        # (version, byte order, ...): the rest is of structured types, which are refused.
        self._order = state[1]

    def dtype(self) -> np.dtype[np.floating]:
        match self._code, self._order:
            case (str(code), str(order)) if (code, order) in _DTYPES:
                return _DTYPES[code, order]
        raise WrongWeights("an array is not of type float64 or float32")


class _Array:
    """Stands in for ``numpy.ndarray``: what was said of one, not believed yet."""

    def __init__(self, *said: object) -> None:
        self._said = said

    def __setstate__(self, state: tuple[object, ...]) -> None:
        self._said = state[1:]  # a version comes first

    @property
    def size_bytes(self) -> int:
        match self._said:
            case (_, _, _, bytes() | bytearray() as content):
                return len(content)
        return 0

    def array(self) -> NDArray[np.floating]:
        """Make the array, once shape and type are known to be those of its bytes."""
        match self._said:
            case (
                tuple(shape),
                _Dtype() as said,
                bool(by_column),
                bytes() | bytearray() as content,
            ):
                dtype = said.dtype()
            case _:
                raise WrongWeights("an array is not described as NumPy describes arrays")
        sizes = [size for size in shape if type(size) is int and size >= 0]
        if len(sizes) != len(shape) or not 1 <= len(sizes) <= _MOST_DIMENSIONS:
            raise WrongWeights("an array has neither one nor two dimensions")
        if math.prod(sizes) * dtype.itemsize != len(content):
            raise WrongWeights(f"an array of shape {sizes} does not fit its {len(content)} bytes")
        values = np.frombuffer(content, dtype).reshape(sizes, order="F" if by_column else "C")
        return values.astype(dtype.newbyteorder("="), order="C")


class _Unpickler(pickle.Unpickler):
    """Follows instructions that were checked; every name leads to a stand-in."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))
        self._left_bytes = 2 * len(content)

    def find_class(self, module: str, name: str) -> Callable[..., object]:
        match _known(module, name):
            case _Name.RECONSTRUCT:
                return lambda *_: _Array()  # its content comes with a BUILD
            case _Name.FROMBUFFER:
                return lambda content, dtype, shape, order, *_: _Array(
                    shape, dtype, _BY_COLUMN.get(order), content
                )
            case _Name.NDARRAY:
                return _Array
            case _Name.DTYPE:
                return _Dtype
            case _Name.ENCODE:
                return self._encoded

    def persistent_load(self, _: object) -> object:
        raise WrongWeights("the pickle refers to something outside itself")

    def _encoded(self, text: object, encoding: object) -> bytes:
        """Make bytes. The same text, encoded again and again, is a bomb."""
        if not isinstance(text, str) or encoding != "latin1":
            raise WrongWeights("the pickle encodes something in a way that no array needs")
        self._left_bytes -= len(text)
        if self._left_bytes < 0:
            raise WrongWeights("the pickle makes more bytes than it has")
        return text.encode("latin1")
