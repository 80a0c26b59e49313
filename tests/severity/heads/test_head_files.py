import io
import json
import pickle
import zipfile

import numpy as np
import pytest
from safetensors.numpy import load, save

from severity.domain import Scale
from severity.errors import WrongWeights
from severity.heads.findings import FINDINGS
from severity.heads.head import Head, HeadInput, Layer
from severity.heads.head_files import (
    LARGEST_BYTES,
    head_from_safetensors,
    head_to_safetensors,
    read_linear_json,
    read_linear_npz,
    read_mlp_pickle,
)
from severity.heads.published import linear_on_lung_opacity

KEY = "cxr-severity-head"


def small_head() -> Head:
    random = np.random.default_rng(0)
    hidden = Layer(random.normal(size=(5, 4)), random.normal(size=4))
    last = Layer(random.normal(size=(4, 1)), random.normal(size=1))
    linear = Layer(random.normal(size=(5, 1)), random.normal(size=1))
    return Head(
        name="small-v1",
        backbone="densenet121-res224-nih",
        takes=HeadInput.FEATURES,
        layers=((hidden, last), (linear,)),
        geographic_extent=Scale(0, 8),
        opacity=Scale(0.5, 6),
    )


@pytest.mark.parametrize("head", [small_head(), linear_on_lung_opacity()])
def test_a_head_comes_back_as_it_was_written(head: Head) -> None:
    content = head_to_safetensors(head)
    read = head_from_safetensors(content)

    inputs = np.random.default_rng(1).normal(size=(3, head.inputs)).astype(np.float32)
    assert read.sha256 == head.sha256
    assert (read.name, read.backbone, read.takes) == (head.name, head.backbone, head.takes)
    assert (read.geographic_extent, read.opacity) == (head.geographic_extent, head.opacity)
    assert (read.points(inputs) == head.points(inputs)).all()
    assert head_to_safetensors(read) == content


def rewritten(**changes: object) -> bytes:
    """The small head with another description; None removes an entry."""
    content = head_to_safetensors(small_head())
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    description = json.loads(header["__metadata__"][KEY]) | changes
    description = {key: value for key, value in description.items() if value is not None}
    return save(load(content), {KEY: json.dumps(description)})


@pytest.mark.parametrize(
    "changes",
    [
        *({key: None} for key in ("format", "name", "backbone", "takes", "layers", "opacity")),
        {"format": 2},
        {"takes": "pixels"},
        {"name": "../../etc"},
        {"layers": [2]},
        {"layers": [2, "x"]},
        {"layers": [2, 2]},
        {"layers": [1, 1]},
        {"layers": [2, 10**12]},
        {"layers": [2, 0]},
        {"layers": [2, float("inf")]},
        {"opacity": [0, 10**400]},
        {"opacity": [0]},
        {"opacity": [6, 0]},
        {"opacity": ["x", "y"]},
        {"opacity": [0, float("inf")]},
    ],
    ids=str,
)
def test_a_head_that_is_described_wrongly_is_refused(changes: dict[str, object]) -> None:
    head_from_safetensors(rewritten())

    with pytest.raises(WrongWeights):
        head_from_safetensors(rewritten(**changes))


def test_a_head_with_other_tensors_is_refused() -> None:
    content = head_to_safetensors(small_head())
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    tensors = load(content)
    metadata = header["__metadata__"]
    doubled = {name: values.astype(np.float64) for name, values in tensors.items()}
    infinite = {name: values * np.float32(np.inf) for name, values in tensors.items()}
    surplus = tensors | {"another": np.zeros(1, np.float32)}

    for changed, message in [
        (doubled, "are float64, not float32"),
        (infinite, "not finite"),
        (surplus, "a tensor too many: another"),
        ({}, "not a head"),
    ]:
        with pytest.raises(WrongWeights, match=message):
            head_from_safetensors(save(changed, metadata))
    with pytest.raises(WrongWeights, match="not a head"):
        head_from_safetensors(save(tensors))


def test_a_head_that_is_broken_anywhere_is_refused_or_read() -> None:
    whole = head_to_safetensors(small_head())

    for end in range(0, len(whole), 7):
        with pytest.raises(WrongWeights):
            head_from_safetensors(whole[:end])
    for at in range(8 + int.from_bytes(whole[:8], "little")):
        try:
            head_from_safetensors(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        except WrongWeights:
            continue


@pytest.mark.parametrize("read", [head_from_safetensors, read_linear_json, read_linear_npz])
@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\0" * 100, b"PK\x03\x04", b"[" * 10**6])
def test_what_is_no_head_is_refused(read: object, content: bytes) -> None:
    with pytest.raises(WrongWeights):
        read(content)


@pytest.mark.parametrize("read", [head_from_safetensors, read_linear_json, read_linear_npz])
def test_a_file_too_large_is_refused(read: object) -> None:
    with pytest.raises(WrongWeights, match=f"more than {LARGEST_BYTES}"):
        read(bytes(LARGEST_BYTES + 1))


def test_a_pickled_mlp_becomes_the_layers_of_one_score() -> None:
    random = np.random.default_rng(0)
    coefs = [random.normal(size=(1024, 1000)), random.normal(size=(1000, 1))]
    intercepts = [random.normal(size=1000), random.normal(size=1)]

    hidden, last = read_mlp_pickle(pickle.dumps((coefs, intercepts)))

    assert np.array_equal(hidden.weight, coefs[0].astype(np.float32))
    assert np.array_equal(last.bias, intercepts[1].astype(np.float32))


@pytest.mark.parametrize(
    ("coefs", "intercepts"),
    [([], []), ([np.ones((2, 1))], []), ([np.ones((2, 1))], [np.ones(2)]), ([np.ones(2)],) * 2],
)
def test_a_pickle_whose_arrays_make_no_layers_is_refused(coefs: object, intercepts: object) -> None:
    with pytest.raises(WrongWeights):
        read_mlp_pickle(pickle.dumps((coefs, intercepts)))


def test_a_linear_head_is_read_from_json_by_finding() -> None:
    document = {
        "geographic_extent": {"weights": {"Lung Opacity": 0.5, "Pneumonia": 0.25}, "intercept": 3},
        "opacity": {"weights": [0.0] * 17 + [2], "intercept": [1.5]},
    }

    (extent,), (opacity,) = read_linear_json(json.dumps(document).encode())

    assert extent.weight[FINDINGS.index("Lung Opacity"), 0] == 0.5
    assert extent.weight[FINDINGS.index("Pneumonia"), 0] == 0.25
    assert np.count_nonzero(extent.weight) == 2
    assert (extent.bias[0], opacity.bias[0], opacity.weight[17, 0]) == (3, 1.5, 2)


GOOD = {"weights": [1.0, 2.0], "intercept": 0.0}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"opacity": GOOD}, "lacks 'geographic_extent'"),
        ({"geographic_extent": GOOD, "opacity": {"weights": [1]}}, "lacks 'intercept'"),
        ({"geographic_extent": GOOD, "opacity": 1}, "describes no linear head"),
        ({"geographic_extent": GOOD, "opacity": GOOD | {"weights": [[1], [1, 2]]}}, "no linear"),
        (
            {"geographic_extent": GOOD, "opacity": GOOD | {"weights": [[1, 2], [1, 2]]}},
            "one weight",
        ),
        ({"geographic_extent": GOOD, "opacity": GOOD | {"weights": 1}}, "one weight for each"),
        ({"geographic_extent": GOOD, "opacity": GOOD | {"weights": "x"}}, "no linear head"),
        ({"geographic_extent": GOOD, "opacity": GOOD | {"intercept": [1, 2]}}, "one intercept"),
        ({"geographic_extent": GOOD, "opacity": GOOD | {"intercept": float("nan")}}, "not finite"),
        ({"geographic_extent": GOOD, "opacity": GOOD | {"intercept": 10**400}}, "no linear head"),
        ({"geographic_extent": GOOD, "opacity": GOOD | {"weights": {"Covid": 1}}}, "no finding"),
    ],
    ids=str,
)
def test_json_that_describes_no_linear_head_is_refused(document: object, message: str) -> None:
    with pytest.raises(WrongWeights, match=message):
        read_linear_json(json.dumps(document).encode())


def npz(**arrays: object) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def arrays(**changes: object) -> dict[str, object]:
    return {
        "geographic_extent_weights": np.arange(18.0),
        "geographic_extent_intercept": 1.0,
        "opacity_weights": np.arange(18.0).reshape(18, 1),
        "opacity_intercept": np.array([2.0]),
        **changes,
    }


def test_a_linear_head_is_read_from_an_archive_of_arrays() -> None:
    (extent,), (opacity,) = read_linear_npz(npz(**arrays()))

    assert extent.weight[:, 0].tolist() == opacity.weight[:, 0].tolist() == list(range(18))
    assert (extent.bias[0], opacity.bias[0]) == (1, 2)


def test_an_archive_of_other_arrays_is_refused() -> None:
    lacking = arrays()
    del lacking["opacity_weights"]
    for content, message in [
        (npz(**lacking), "lacks an array: opacity_weights"),
        (npz(**arrays(opacity_weights=np.array([None] * 18))), "Object arrays cannot be loaded"),
        (npz(**arrays(opacity_weights=np.array(["x"] * 18))), "must be numbers"),
        (npz(**arrays(opacity_weights=np.ones((2, 9)))), "one weight for each input"),
        (npz(**arrays())[:-30], "not an archive"),
    ]:
        with pytest.raises(WrongWeights, match=message):
            read_linear_npz(content)


def test_an_archive_that_unpacks_to_much_more_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("opacity_weights.npy", bytes(LARGEST_BYTES + 1))

    with pytest.raises(WrongWeights, match="the archive unpacks to"):
        read_linear_npz(file.getvalue())


def test_an_array_that_claims_to_be_huge_is_refused() -> None:
    member = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        member, {"descr": "<f8", "fortran_order": False, "shape": (10**13,)}
    )

    with pytest.raises(WrongWeights, match="not an archive of NumPy arrays"):
        read_linear_npz(archive_of(member.getvalue()))


@pytest.mark.parametrize("header", [b"[[[[", b"{'descr': ", b"1 +", b"(" * 5000, b"\0", b"'" * 3])
def test_an_array_whose_header_is_no_description_is_refused(header: bytes) -> None:
    for version in (1, 2, 3):
        length = len(header).to_bytes(2 if version == 1 else 4, "little")
        member = b"\x93NUMPY" + bytes([version, 0]) + length + header

        with pytest.raises(WrongWeights, match="not an archive of NumPy arrays"):
            read_linear_npz(archive_of(member))


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_whose_compression_is_broken_is_refused(method: int) -> None:
    whole = archive_of(bytes(range(256)) * 40, method)
    start = 30 + len("geographic_extent_weights.npy")  # of the member's content
    broken = whole[:start] + bytes([255]) * 40 + whole[start + 40 :]

    with pytest.raises(WrongWeights, match="not an archive of NumPy arrays"):
        read_linear_npz(broken)


def archive_of(member: bytes, method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("geographic_extent_weights.npy", member)
    return file.getvalue()
