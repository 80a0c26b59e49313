import dataclasses
from importlib import resources
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.data import get_testdata_file

from severity.domain import ModelVersion, Scale
from severity.errors import ModelUnavailable, WrongWeights
from severity.heads.head import Head, HeadInput, Layer
from severity.images.preprocessing import to_model_input
from severity.models.backbone import Precision
from severity.models.bundled import load_bundled, load_bundled_backbone, load_on_bundled
from severity.models.bundled_cards import BUNDLED
from severity.models.scoring_model import Placement, ScoringModel
from tests.builders.images import three_images
from tests.builders.reading import read

pytestmark = pytest.mark.weights

CPU = Placement()
TOLERANCE = 1e-3  # points


@pytest.fixture(scope="module")
def images() -> NDArray[np.float32]:
    """Three different images: a real one, its lower half brightened, and noise."""
    content = Path(get_testdata_file("RG1_UNCR.dcm", download=False)).read_bytes()
    real = to_model_input(read(content).grey)
    dense = real.copy()
    dense[112:] = dense[112:] / 4 + 700
    noise = np.random.default_rng(0).uniform(-1024, 1024, real.shape).astype(np.float32)
    return np.stack([real, dense, noise])


@pytest.fixture(scope="module")
def bundled() -> ScoringModel:
    return load_bundled("compact-1", CPU)


def raw(model: ScoringModel, images: NDArray[np.float32]) -> NDArray[np.float64]:
    """Points before clipping, shape (N, 2)."""
    scores = model.score(images)
    return np.array([(score.geographic_extent_raw, score.opacity_raw) for score in scores])


def each_alone(model: ScoringModel, images: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.concatenate([raw(model, image[None]) for image in images])


def test_an_image_scores_in_a_batch_as_it_does_alone(
    bundled: ScoringModel, images: NDArray[np.float32]
) -> None:
    assert raw(bundled, images) == pytest.approx(each_alone(bundled, images), abs=TOLERANCE)


def test_scores_come_in_the_order_of_the_images(
    bundled: ScoringModel, images: NDArray[np.float32]
) -> None:
    alone = each_alone(bundled, images)

    assert np.diff(np.sort(alone[:, 0])).min() > 10 * TOLERANCE, "else this test means nothing"
    assert raw(bundled, images) == pytest.approx(alone, abs=TOLERANCE)


def test_a_mirrored_image_has_the_same_score(
    bundled: ScoringModel, images: NDArray[np.float32]
) -> None:
    image, mirrored = images[1], images[1, :, ::-1]

    scores = raw(bundled, np.stack([image, mirrored]))

    assert scores[0] == pytest.approx(scores[1], abs=TOLERANCE)


def test_a_score_is_limited_to_its_scale_and_keeps_the_raw_value(
    bundled: ScoringModel, images: NDArray[np.float32]
) -> None:
    raw_extent = bundled.score(images[:1])[0].geographic_extent_raw
    narrow = dataclasses.replace(
        bundled.version, geographic_extent=Scale(raw_extent + 1, raw_extent + 2)
    )

    score = dataclasses.replace(bundled, version=narrow).score(images[:1])[0]

    assert score.geographic_extent == narrow.geographic_extent.clip(score.geographic_extent_raw)
    assert score.geographic_extent != score.geographic_extent_raw


@pytest.mark.parametrize("ending", ["safetensors", "network.json"])
def test_one_changed_byte_of_the_weights_or_of_the_network_is_noticed(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = resources.files("severity")
    with resources.as_file(installed / "weights") as weights:
        copytree(weights, tmp_path / "weights")
    file = tmp_path / "weights" / f"compact-1.{ending}"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    monkeypatch.setattr("severity.models.bundled_cards.resources.files", lambda _: tmp_path)

    with pytest.raises(WrongWeights, match="reinstall"):
        load_bundled("compact-1", CPU)


def test_a_model_that_is_not_bundled_is_unavailable_and_the_others_are_named() -> None:
    with pytest.raises(ModelUnavailable, match=BUNDLED[0]):
        load_bundled("compact-0", CPU)


def test_bf16_is_refused_because_it_would_move_the_scores() -> None:
    with pytest.raises(ModelUnavailable, match="fp32 alone"):
        load_bundled("compact-1", Placement(CPU.device, Precision.BF16))


def on_compact_1(*, inputs: int = 1280, takes: HeadInput = HeadInput.FEATURES) -> Head:
    layer = Layer(np.full((inputs, 1), 0.01), np.ones(1))
    scale = Scale(0, 8)
    return Head("mine", "compact-1", takes, ((layer,), (layer,)), scale, scale)


def test_another_head_is_loaded_on_a_bundled_backbone(
    bundled: ScoringModel, images: NDArray[np.float32]
) -> None:
    head = on_compact_1()

    model = load_on_bundled(head, CPU, sha256=bundled.version.weights_sha256)

    features = bundled.outputs(images)[HeadInput.FEATURES]
    assert raw(model, images) == pytest.approx(head.points(features), abs=TOLERANCE)
    assert model.version.weights_sha256 == bundled.version.weights_sha256
    assert model.version.head_sha256 == head.sha256


def test_a_head_is_never_loaded_on_other_weights_than_it_was_fitted_on(
    bundled: ScoringModel,
) -> None:
    with pytest.raises(WrongWeights, match="fitted on weights 000000000000 of compact-1"):
        load_on_bundled(on_compact_1(), CPU, sha256="0" * 64)


@pytest.mark.parametrize("wrong", [{"inputs": 1024}, {"takes": HeadInput.LOGITS}])
def test_a_head_on_outputs_that_its_backbone_lacks_is_refused(
    bundled: ScoringModel, wrong: dict
) -> None:
    with pytest.raises(WrongWeights, match="which compact-1 does not have"):
        load_on_bundled(on_compact_1(**wrong), CPU, sha256=bundled.version.weights_sha256)


def test_whatever_moves_a_score_makes_another_model_version(bundled: ScoringModel) -> None:
    variants = {
        "name": "other",
        "weights_sha256": "0" * 64,
        "head_sha256": "0" * 64,
        "preprocessing": "other",
        "precision": "bf16",
        "geographic_extent": Scale(0, 7.5),
        "opacity": Scale(0.5, 6),
    }
    assert variants.keys() == {field.name for field in dataclasses.fields(ModelVersion)}

    changed = {dataclasses.replace(bundled.version, **{k: v}).key for k, v in variants.items()}

    assert len(changed | {bundled.version.key}) == len(variants) + 1


def test_a_version_without_a_calibration_keeps_its_key(bundled: ScoringModel) -> None:
    # Else every patient whom compact-1 follows would start anew.
    assert bundled.version.key == "compact-1-fp32-25608abc"


def test_the_same_version_has_the_same_key(bundled: ScoringModel) -> None:
    assert dataclasses.replace(bundled.version).key == bundled.version.key


def test_a_radiograph_is_divided_between_its_lungs_and_its_mirror_image_the_other_way(
    images: NDArray[np.float32],
) -> None:
    model = load_bundled("compact-3", CPU)

    score, mirrored = model.score([images[0], np.ascontiguousarray(images[0][:, ::-1])])

    assert score.lungs is not None
    assert mirrored.lungs is not None
    right, left = score.lungs.right, score.lungs.left
    assert right.geographic_extent + left.geographic_extent == pytest.approx(
        score.geographic_extent
    )
    assert right.opacity + left.opacity == pytest.approx(score.opacity)
    # It is looked at in a mirror too, but of the lungs alone.
    assert mirrored.lungs.right.geographic_extent == pytest.approx(left.geographic_extent, abs=0.3)
    zones, others = (list(each.zones.values()) for each in (score.lungs, mirrored.lungs))
    assert others == pytest.approx([*zones[3:], *zones[:3]], abs=0.1)


def test_where_there_are_no_lungs_none_is_scored() -> None:
    (score,) = load_bundled("compact-3", CPU).score([three_images()[0]])

    assert score.lungs is None


@pytest.mark.parametrize("name", ["compact-1", "compact-2"])
def test_a_model_that_draws_no_lungs_divides_nothing(
    name: str, images: NDArray[np.float32]
) -> None:
    assert load_bundled(name, CPU).score([images[0]])[0].lungs is None


def test_heads_are_fitted_on_features_and_never_on_maps(images: NDArray[np.float32]) -> None:
    backbone, _ = load_bundled_backbone("compact-3")

    assert backbone.outputs == (HeadInput.FEATURES,)
    assert list(load_bundled("compact-3", CPU).outputs(images)) == [HeadInput.FEATURES]
