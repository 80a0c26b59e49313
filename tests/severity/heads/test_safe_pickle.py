import os
import pickle
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from severity.errors import WrongWeights
from severity.heads.safe_pickle import LARGEST_PICKLE_BYTES, read_layer_pickle

Arrays = list[NDArray[np.floating]]
PROTOCOLS = (3, 4, 5)


def published_shape(dtype: type[np.floating] = np.float64) -> tuple[Arrays, Arrays]:
    """(coefs_, intercepts_) of an MLPRegressor(hidden_layer_sizes=[1000]) on 1,024 features."""
    random = np.random.default_rng(0)
    shapes = [[(1024, 1000), (1000, 1)], [(1000,), (1,)]]
    first, second = ([random.normal(size=s).astype(dtype) for s in group] for group in shapes)
    return first, second


def assert_same(read: tuple[Arrays, Arrays], written: tuple[Arrays, Arrays]) -> None:
    for read_arrays, written_arrays in zip(read, written, strict=True):
        assert [array.dtype for array in read_arrays] == [
            array.dtype.newbyteorder("=") for array in written_arrays
        ]
        assert all(np.array_equal(a, b) for a, b in zip(read_arrays, written_arrays, strict=True))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_arrays_as_numpy_2_pickles_them_are_read(protocol: int, dtype: type[np.floating]) -> None:
    written = published_shape(dtype)

    assert_same(read_layer_pickle(pickle.dumps(written, protocol)), written)


def renamed(content: bytes, new: bytes, old: bytes) -> bytes:
    """Replace a module's name: counted in protocols 4 and 5, a line in 2 and 3."""
    counted = content.replace(bytes([len(new)]) + new, bytes([len(old)]) + old)
    return counted.replace(b"c" + new + b"\n", b"c" + old + b"\n")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_as_numpy_1_pickled_them_are_read(protocol: int) -> None:
    written = ([np.arange(6.0).reshape(2, 3), np.ones((3, 1))], [np.zeros(3), np.ones(1)])
    old = pickle.dumps(written, protocol)
    for module in (b"multiarray", b"numeric"):
        old = renamed(old, b"numpy._core." + module, b"numpy.core." + module)
    assert b"numpy.core." in old
    assert b"numpy._core." not in old
    if protocol >= 4:  # the frame is shorter by what the names are
        old = old[:3] + struct.pack("<Q", len(old) - 11) + old[11:]

    assert_same(read_layer_pickle(old), written)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_by_column_and_parts_of_others_are_read(protocol: int) -> None:
    by_column = np.asfortranarray(np.arange(12.0).reshape(3, 4))
    strided = np.arange(24.0).reshape(4, 6)[::2, ::3]
    written = ([by_column, strided, by_column.T], [strided[0]])

    read = read_layer_pickle(pickle.dumps(written, protocol))

    assert_same(read, written)
    assert all(array.flags.c_contiguous for array in read[0])


class Runs:
    """Unpickling it calls a function of its author's choice."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("place", ["alone", "in a list", "instead of bytes"])
def test_nothing_that_a_pickle_names_is_run(tmp_path: Path, protocol: int, place: str) -> None:
    proof = tmp_path / "was-here"
    runs = Runs(os.system, f"touch {proof}")
    written = {
        "alone": runs,
        "in a list": ([runs], [np.zeros(1)]),
        "instead of bytes": ([np.zeros(1)], [Runs(np.frombuffer, runs)]),
    }[place]
    malicious = pickle.dumps(written, protocol)

    with pytest.raises(WrongWeights, match=r"names '(posix|nt)\.system'|names 'numpy"):
        read_layer_pickle(malicious)

    assert not proof.exists()
    pickle.loads(pickle.dumps(runs, protocol))  # noqa: S301 - shows that the test tests
    assert proof.exists(), "it would have run"


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("numpy", "load"),
        ("numpy", "ndarray.tofile"),
        ("numpy.core.multiarray", "fromfile"),
        ("numpy.core", "multiarray._reconstruct"),
        ("multiarray", "_reconstruct"),
        ("_codecs", "lookup"),
        ("copyreg", "_reconstructor"),
        ("x" * 100_000 + "\n", "y"),
    ],
)
def test_only_the_names_of_an_array_are_known_and_the_message_is_one_short_line(
    module: str, name: str
) -> None:
    def text(value: str) -> bytes:
        return b"X" + struct.pack("<I", len(value)) + value.encode()

    with pytest.raises(WrongWeights, match="which no array needs; not run") as caught:
        read_layer_pickle(b"\x80\x04" + text(module) + text(name) + b"\x93.")
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "written",
    [
        {"a": 1},
        [1, 2],
        ([1.5], [np.zeros(1)]),
        ([np.zeros(1)], [np.zeros(1)], [np.zeros(1)]),
        ([np.zeros(1)],),
        ([np.array(["text"])], [np.zeros(1)]),
        ([np.array([1, 2])], [np.zeros(1)]),
        ([np.array([None])], [np.zeros(1)]),
        ([np.zeros(1, "f8,f8")], [np.zeros(1)]),
        ([np.zeros((1, 1, 1))], [np.zeros(1)]),
        ([np.array(1.0)], [np.zeros(1)]),
        ([np.float64(1)], [np.zeros(1)]),
        ([np.zeros(1)], ["text"]),
        ([np.zeros(1, ">f8")], [np.zeros(1)]),
    ],
    ids=repr,
)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_pickle_of_something_else_is_refused(written: object, protocol: int) -> None:
    with pytest.raises(WrongWeights):
        read_layer_pickle(pickle.dumps(written, protocol))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_pickle_that_is_cut_off_is_refused(protocol: int) -> None:
    whole = pickle.dumps(([np.ones((2, 3))], [np.ones(3)]), protocol)

    for end in range(len(whole)):
        with pytest.raises(WrongWeights):
            read_layer_pickle(whole[:end])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_whatever_byte_changes_it_is_read_or_refused(protocol: int) -> None:
    whole = pickle.dumps(([np.ones((2, 3))], [np.ones(3)]), protocol)

    for at in range(len(whole)):
        for value in {0, whole[at] ^ 1, whole[at] ^ 0x80, 0xFF, ord("R"), ord("b"), ord("t")}:
            changed = whole[:at] + bytes([value]) + whole[at + 1 :]
            try:
                read_layer_pickle(changed)
            except WrongWeights as error:
                assert len(str(error)) < 300  # noqa: PT017 - of the bytes that are refused


def test_a_file_too_large_is_refused_before_it_is_looked_at() -> None:
    with pytest.raises(WrongWeights, match=f"more than {LARGEST_PICKLE_BYTES}"):
        read_layer_pickle(bytes(LARGEST_PICKLE_BYTES + 1))


def short(value: bytes) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value


def name(module: bytes, attribute: bytes) -> bytes:
    return short(module) + short(attribute) + b"\x93"


RECONSTRUCT = name(b"numpy._core.multiarray", b"_reconstruct")
FROMBUFFER = name(b"numpy._core.numeric", b"_frombuffer")
DTYPE = name(b"numpy", b"dtype") + short(b"f8") + b"\x85R"
SHAPE = b"J" + struct.pack("<i", 2**31 - 1) + b"\x85"
BOMBS = {
    "a memo as long as the memory": b"N" + b"r" + struct.pack("<I", 2**32 - 1),
    "bytes that are not there": b"\x8e" + struct.pack("<Q", 2**40),
    "an array of bytes that are not there": b"\x96" + struct.pack("<Q", 2**40),
    "a text that is not there": b"X" + struct.pack("<I", 2**32 - 1),
    "a frame that is not there": b"\x95" + struct.pack("<Q", 2**60) + b"N.",
    "a number of megabytes": b"\x8b" + struct.pack("<i", 2**31 - 1),
    "instructions without end": b"N0" * 100_000,
    "lists in lists": b"]" * 100_000,
    "pairs of pairs": b"N" + b"\x94h\x00\x86" * 3,
    "an array of a huge shape": (
        RECONSTRUCT + name(b"numpy", b"ndarray") + SHAPE + short(b"b") + b"\x87R."
    ),
    "an array of a huge shape, made by its class": name(b"numpy", b"ndarray") + SHAPE + b"\x85R.",
    "bytes of a length": FROMBUFFER + b"J" + struct.pack("<i", 2**31 - 1) + DTYPE + b"N\x8c\x01C",
    "bytes of an array's name": name(b"numpy", b"ndarray") + b"J\xff\xff\xff\x7f\x85R.",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused_without_much_memory(bomb: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(WrongWeights):
            read_layer_pickle(b"\x80\x04" + bomb)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 50e6


def pairs(depth: int) -> bytes:
    """A pair that holds one pair twice, which holds one pair twice, and so on."""
    made = b"N\x94"
    for number in range(depth):
        made += b"h" + bytes([number]) + b"h" + bytes([number]) + b"\x86\x94"
    return made


@pytest.mark.parametrize(
    "around",
    [
        DTYPE[:-4] + b"%s\x85R.",
        name(b"numpy", b"dtype") + b"%s\x85R.",
        FROMBUFFER + b"(%s" + b"%s" % DTYPE + b"%sN" + b"tR.",
        b"%sQ",
        b"}%sNs.",  # a key, whose hash takes for ever
        b"]%sa]\x86.",
        b"%s.",
    ],
)
def test_what_would_be_endless_when_written_out_is_never_written_out(around: bytes) -> None:
    nested = pairs(100)

    with pytest.raises(WrongWeights) as caught:
        read_layer_pickle(b"\x80\x04" + around.replace(b"%s", nested))
    assert len(str(caught.value)) < 300


def test_one_large_array_named_many_times_is_refused() -> None:
    large = np.zeros(2**20)
    written = pickle.dumps(([large] * 100, [large] * 100), 5)
    assert len(written) < 9e6

    with pytest.raises(WrongWeights, match="the arrays have 1677721600 bytes"):
        read_layer_pickle(written)


def test_a_shape_that_does_not_fit_its_bytes_is_refused() -> None:
    small = pickle.dumps(([np.zeros((2, 3))], [np.zeros(3)]), 4)
    assert b"K\x02K\x03\x86" in small

    for shape in (b"K\x02K\x04\x86", b"K\xffK\xff\x86"):
        with pytest.raises(WrongWeights, match="cannot be read: cannot reshape"):
            read_layer_pickle(small.replace(b"K\x02K\x03\x86", shape))


def test_bytes_are_never_taken_for_pointers_to_objects() -> None:
    """NumPy's own dtype would let a pickle say that an array of objects holds none."""
    objects = name(b"numpy", b"dtype") + short(b"O8") + b"\x89\x88\x87R"
    flags = b"(K\x03" + short(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    empty = RECONSTRUCT + name(b"numpy", b"ndarray") + b"K\x00\x85C\x01b\x87R"
    array = empty + b"(K\x01K\x01\x85" + objects + flags + b"\x89C\x08" + b"A" * 8 + b"tb"

    with pytest.raises(WrongWeights, match="not of type float64 or float32"):
        read_layer_pickle(b"\x80\x04](" + array + b"e](" + array + b"e\x86.")
