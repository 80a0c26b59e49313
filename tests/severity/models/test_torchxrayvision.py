import dataclasses
import hashlib
import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import nn
from torchxrayvision.models import DenseNet, model_urls

from severity.domain import Scale
from severity.errors import ModelUnavailable, WrongWeights
from severity.heads.head import Layer
from severity.heads.published import linear_on_lung_opacity
from severity.images.preprocessing import PREPROCESSING
from severity.models.scoring_model import Placement, ScoringModel
from severity.models.torchxrayvision import load_published
from severity.models.torchxrayvision_weights import WEIGHT_SETS, weight_set
from tests.builders.images import three_images
from tests.builders.networks import lively

pytestmark = pytest.mark.weights

CPU = Placement()
ALL = weight_set("densenet121-res224-all")
HEAD = linear_on_lung_opacity()


def plausible_backbone() -> DenseNet:
    """A DenseNet with random weights whose logits are of a size that real ones have."""
    torch.manual_seed(0)
    backbone = lively(DenseNet())
    with torch.no_grad():
        backbone.classifier.weight.normal_(std=0.2)
    return backbone


def pickled(value: object, *, legacy: bool = False) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=not legacy)
    return file.getvalue()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def load(content: bytes) -> ScoringModel:
    return load_published(content, HEAD, ALL, sha256=sha256(content), placement=CPU)


@pytest.fixture(scope="module")
def published() -> bytes:
    """A file in the published format, which pickles the module and not its tensors."""
    return pickled(plausible_backbone())


@pytest.fixture(scope="module")
def model(published: bytes) -> ScoringModel:
    return load(published)


def test_scores_are_those_of_torchxrayvision_and_the_published_line(
    published: bytes, model: ScoringModel, tmp_path: Path
) -> None:
    (tmp_path / ALL.file).write_bytes(published)
    reference = DenseNet(weights="densenet121-res224-all", cache_dir=str(tmp_path))
    reference.op_threshs = None
    images = three_images()
    with torch.inference_mode():
        logits = reference(torch.from_numpy(images[:, None]))
    z = logits[:, reference.pathologies.index("Lung Opacity")].numpy()

    scores = model.score(images)

    extent = 0.8705248236656189 * z + 3.4137437
    opacity = 0.5484423041343689 * z + 2.5535977
    assert np.ptp(extent) > 0.1, "the images must differ for this test to mean anything"
    assert [s.geographic_extent_raw for s in scores] == pytest.approx(extent, abs=1e-4)
    assert [s.opacity_raw for s in scores] == pytest.approx(opacity, abs=1e-4)
    assert [s.geographic_extent for s in scores] == pytest.approx(extent.clip(0, 8), abs=1e-4)
    assert [s.opacity for s in scores] == pytest.approx(opacity.clip(0, 6), abs=1e-4)


def test_a_batch_scores_as_each_image_alone_and_in_its_order(model: ScoringModel) -> None:
    images = three_images()

    together = model.score(images)
    alone = [model.score(image[None])[0] for image in images]
    backwards = model.score(np.ascontiguousarray(images[::-1]))[::-1]

    for scores in (alone, backwards):
        assert [s.geographic_extent_raw for s in together] == pytest.approx(
            [s.geographic_extent_raw for s in scores], abs=1e-4
        )


def test_scores_keep_the_18_raw_outputs_of_torchxrayvision(
    published: bytes, model: ScoringModel, tmp_path: Path
) -> None:
    (tmp_path / ALL.file).write_bytes(published)
    reference = DenseNet(weights=ALL.name, cache_dir=str(tmp_path))
    reference.op_threshs = None
    images = three_images()
    with torch.inference_mode():
        logits = reference(torch.from_numpy(images[:, None])).numpy()

    scores = model.score(images)

    for score, row in zip(scores, logits, strict=True):
        assert list(score.findings) == reference.pathologies
        assert list(score.findings.values()) == pytest.approx(row, abs=1e-4)


def test_columns_that_a_weight_set_does_not_answer_are_no_findings(published: bytes) -> None:
    rsna = weight_set("densenet121-res224-rsna")
    head = dataclasses.replace(HEAD, name="of-rsna", backbone=rsna.name)

    model = load_published(published, head, rsna, sha256=sha256(published), placement=CPU)

    assert set(model.score(three_images())[0].findings) == {"Pneumonia", "Lung Opacity"}


def test_a_head_for_other_weights_is_refused(published: bytes) -> None:
    nih = weight_set("densenet121-res224-nih")

    with pytest.raises(WrongWeights, match="a head for densenet121-res224-all"):
        load_published(published, HEAD, nih, sha256=sha256(published), placement=CPU)


def test_scores_are_clipped_to_their_scales_and_raw_ones_are_not(published: bytes) -> None:
    steep, flat = (
        Layer(layer.weight * factor, layer.bias)
        for layer, factor in zip((chain[0] for chain in HEAD.layers), (1e3, -1e3), strict=True)
    )
    head = dataclasses.replace(HEAD, layers=((steep,), (flat,)))
    model = load_published(published, head, ALL, sha256=sha256(published), placement=CPU)

    score = model.score(three_images()[:1])[0]

    ends = [(8, 0), (0, 6)] if score.geographic_extent_raw > 0 else [(0, 6)]
    assert (score.geographic_extent, score.opacity) in ends
    assert abs(score.geographic_extent_raw) > 8
    assert abs(score.opacity_raw) > 6


def test_the_gradient_is_that_of_the_raw_extent(model: ScoringModel) -> None:
    # Away from the kinks that the network has where an image is flat.
    grain = np.random.default_rng(1).normal(0, 50, (3, 224, 224))
    images = (three_images() + grain).astype(np.float32)
    gradient = model.gradient(list(images))
    norm = np.linalg.norm(gradient, axis=(1, 2))
    step = gradient / norm[:, None, None]

    up, down = (
        np.array([score.geographic_extent_raw for score in model.score(list(images + way * step))])
        for way in (1, -1)
    )

    assert gradient.shape == images.shape
    assert (up - down) / 2 == pytest.approx(norm, rel=0.2)


def test_the_version_names_file_head_and_preprocessing(
    published: bytes, model: ScoringModel
) -> None:
    version = model.version

    assert version.name == "txrv-cidc-v1"
    assert version.weights_sha256 == sha256(published)
    assert version.head_sha256 == HEAD.sha256
    assert version.preprocessing == PREPROCESSING
    assert version.precision == "fp32"
    assert (version.geographic_extent, version.opacity) == (Scale(0, 8), Scale(0, 6))


def test_weight_sets_are_those_of_torchxrayvision() -> None:
    published_urls = {
        name: urls for name, urls in model_urls.items() if name.startswith("densenet121")
    }

    assert WEIGHT_SETS.keys() == published_urls.keys()
    for name, weights in WEIGHT_SETS.items():
        assert weights.url == published_urls[name]["weights_url"]
        assert list(weights.findings) == published_urls[name]["labels"]


def test_a_weight_set_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(ModelUnavailable, match=r"densenet121-res224-chex"):
        weight_set("resnet50-res512-all")


def test_loading_prints_nothing_and_leaves_the_home_folder_alone(
    published: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    # Darker than torchxrayvision expects, of which it would print a warning.
    load(published).score(np.full((1, 224, 224), -1024, np.float32))

    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_a_file_as_old_as_the_published_one_loads(published: bytes, model: ScoringModel) -> None:
    """Until 2020, torch pickled without zip, with classes' source, and had fewer attributes."""
    backbone = torch.load(io.BytesIO(published), weights_only=False)
    for module in backbone.modules():
        for younger in ("_non_persistent_buffers_set", "_is_full_backward_hook"):
            del module.__dict__[younger]
    old = pickled(backbone, legacy=True)
    changed = old.replace(b"class DenseNet(nn.Module):", b"class DenseNet(nn.Module) ")
    assert changed != old

    assert load(changed).score(three_images()) == model.score(three_images())


class CreatesAFolder:
    """Unpickling it runs a command of its author's choice."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


def test_a_file_with_another_hash_is_never_unpickled(tmp_path: Path) -> None:
    proof = tmp_path / "unpickled"
    malicious = pickled(CreatesAFolder(proof))

    with pytest.raises(WrongWeights) as caught:
        load_published(malicious, HEAD, ALL, sha256=ALL.sha256, placement=CPU)

    assert not proof.exists()
    assert sha256(malicious) in str(caught.value)
    assert ALL.sha256 in str(caught.value)
    # What the hash protects from: whoever could name it could do this.
    with pytest.raises(WrongWeights):
        load(malicious)
    assert proof.exists()


def test_one_changed_byte_is_another_file(published: bytes) -> None:
    changed = published[:-1] + bytes([published[-1] ^ 1])

    with pytest.raises(WrongWeights):
        load_published(changed, HEAD, ALL, sha256=sha256(published), placement=CPU)


def test_a_pickle_of_something_else_is_refused() -> None:
    with pytest.raises(WrongWeights, match=r"must be a pickled torch\.nn\.Module, not dict"):
        load(pickled({"a": 1}))


def test_a_network_of_another_shape_is_refused_by_its_first_misfit() -> None:
    expected = r"2 tensors .* classifier\.weight has shape \(14, 1024\), not \(18, 1024\)"
    with pytest.raises(WrongWeights, match=expected):
        load(pickled(DenseNet(num_classes=14)))


def test_another_network_is_refused() -> None:
    with pytest.raises(WrongWeights, match=r"tensors .* do not fit"):
        load(pickled(nn.Linear(2, 2)))


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>not found</html>", b"\x80\x02", b"PK\x03\x04 no archive", pickle.dumps([1])],
)
def test_what_is_no_file_of_torch_is_reported(content: bytes) -> None:
    with pytest.raises(ModelUnavailable):
        load(content)


def test_a_pickle_of_an_unknown_class_is_reported() -> None:
    unknown = pickled(DenseNet(), legacy=True).replace(
        b"ctorchxrayvision.models\n", b"ctorchxrayvision.modell\n"
    )

    with pytest.raises(ModelUnavailable, match="cannot be unpickled here: ModuleNotFoundError"):
        load(unknown)


def test_a_file_that_is_cut_off_is_reported(published: bytes) -> None:
    for end in (1000, 1_000_000, len(published) - 1000):
        with pytest.raises(ModelUnavailable):
            load(published[:end])
