"""Heads from files: how they are stored, and which are refused."""

import hashlib
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from flows.models.catalogue import BUILT_IN, stored
from flows.settings import Settings
from severity.domain import RESEARCH_USE_ONLY, Scale
from severity.heads.findings import FINDINGS
from severity.heads.head import HeadInput
from severity.heads.published import linear_on_lung_opacity
from severity.models.bundled_cards import bundled_card
from tests.builders.commands import Command, listed_models
from tests.builders.heads import AS_MINE_V1, write_linear, write_mlp, write_ralo
from tests.builders.small_images import write_image


def test_the_ralo_head_is_imported_with_its_backbone_and_scales(
    command: Command, tmp_path: Path, home: Path
) -> None:
    extent, opacity = write_ralo(tmp_path)

    result = command("model", "import", "ralo", extent, opacity)

    assert result.code == 0, result.err
    head = stored("txrv-ralo-v1", Settings()).head
    assert "txrv-ralo-v1 imported" in result.out
    assert head.sha256 in result.out
    assert "--model txrv-ralo-v1" in result.out
    assert RESEARCH_USE_ONLY in result.out
    assert (head.backbone, head.takes) == ("densenet121-res224-all", HeadInput.FEATURES)
    assert head.geographic_extent == head.opacity == Scale(0, 8)
    assert sorted(path.name for path in (home / "models/txrv-ralo-v1").iterdir()) == [
        "head.safetensors",
        "model.json",
    ]


def test_an_imported_head_predicts_what_scikit_learn_would(
    command: Command, tmp_path: Path
) -> None:
    command("model", "import", "ralo", *write_ralo(tmp_path))
    features = np.random.default_rng(0).uniform(0, 1, (3, 1024)).astype(np.float32)

    points = stored("txrv-ralo-v1", Settings()).head.points(features)

    for column, name in enumerate(("mlp_geo.pkl", "mlp_opa.pkl")):
        coefs, intercepts = pickle.loads((tmp_path / name).read_bytes())  # noqa: S301 - ours
        hidden = np.maximum(features @ coefs[0] + intercepts[0], 0)
        assert points[:, column] == pytest.approx(
            (hidden @ coefs[1] + intercepts[1])[:, 0], abs=1e-4
        )


def snapshot(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Return all that a second writing would change, without access times, which reading moves."""
    return {
        file.name: (file.read_bytes(), file.stat().st_ino, file.stat().st_mtime_ns)
        for file in folder.iterdir()
    }


def test_importing_twice_changes_nothing(command: Command, tmp_path: Path, home: Path) -> None:
    files = write_ralo(tmp_path)
    command("model", "import", "ralo", *files)
    before = snapshot(home / "models/txrv-ralo-v1")

    again = command("model", "import", "ralo", *files)

    assert again.code == 0
    assert "txrv-ralo-v1 was imported already, unchanged" in again.out
    assert snapshot(home / "models/txrv-ralo-v1") == before


def test_another_head_of_that_name_is_refused(command: Command, tmp_path: Path) -> None:
    command("model", "import", "ralo", *write_ralo(tmp_path))
    before = stored("txrv-ralo-v1", Settings()).head.sha256
    other = write_mlp(tmp_path / "mlp_geo.pkl", seed=9)

    result = command("model", "import", "ralo", str(other), str(tmp_path / "mlp_opa.pkl"))

    assert result.code == 2
    assert "another model is named txrv-ralo-v1" in result.err
    assert stored("txrv-ralo-v1", Settings()).head.sha256 == before


def test_the_published_head_can_be_imported_as_json_and_is_the_same_head(
    command: Command, tmp_path: Path
) -> None:
    published = {
        score: {"weights": {"Lung Opacity": slope}, "intercept": intercept}
        for score, slope, intercept in (
            ("geographic_extent", 0.8705248236656189, 3.4137437),
            ("opacity", 0.5484423041343689, 2.5535977),
        )
    }
    file = tmp_path / "head.json"
    file.write_text(json.dumps(published))

    result = command("model", "import", *AS_MINE_V1, "--source", "a paper", str(file))

    assert result.code == 0, result.err
    assert stored("mine-v1", Settings()).head.sha256 == linear_on_lung_opacity().sha256
    shown = command("model", "show", "mine-v1").out
    assert "a paper" in shown
    assert hashlib.sha256(file.read_bytes()).hexdigest() in shown


def test_a_linear_head_is_imported_from_npz_and_its_inputs_follow_from_its_width(
    command: Command, tmp_path: Path
) -> None:
    for width, takes in ((1024, HeadInput.FEATURES), (len(FINDINGS), HeadInput.LOGITS)):
        np.savez(
            tmp_path / "head.npz",
            geographic_extent_weights=np.ones(width),
            geographic_extent_intercept=1.0,
            opacity_weights=np.ones(width),
            opacity_intercept=1.0,
        )
        name = f"from-{takes}"
        result = command("model", "import", *AS_MINE_V1, "--name", name, str(tmp_path / "head.npz"))
        assert result.code == 0, result.err
        assert stored(name, Settings()).head.takes is takes


def test_a_head_on_a_finding_that_its_backbone_does_not_know_is_refused(
    command: Command, tmp_path: Path
) -> None:
    head = write_linear(tmp_path / "head.json")

    for backbone, code in (("nih", 2), ("rsna", 0)):
        result = command(
            "model", "import", *AS_MINE_V1, "--backbone", f"densenet121-res224-{backbone}", head
        )
        assert result.code == code
        if code:
            assert "was not trained on Lung Opacity, which the head uses" in result.err


class TouchesAFile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.path}",)


def test_a_file_that_is_no_head_is_named_in_one_line_and_nothing_of_it_is_run(
    command: Command, tmp_path: Path
) -> None:
    good, _ = write_ralo(tmp_path)
    proof = tmp_path / "was-here"
    wrong = tmp_path / "wrong.pkl"
    for content, message in [
        (pickle.dumps(TouchesAFile(proof)), "system', which no array needs; not run"),
        (Path(good).read_bytes()[:-1000], "wrong.pkl: no pickle, or one that is cut off"),
        (b"<html>not found</html>", "wrong.pkl: "),
        (bytes(65 * 2**20), "wrong.pkl has more than 67108864 bytes"),
        (write_mlp(tmp_path / "x.pkl", seed=0, inputs=1023).read_bytes(), "1024 inputs, opacity"),
    ]:
        wrong.write_bytes(content)
        result = command("model", "import", "ralo", good, str(wrong))
        assert (result.code, result.out) == (1, "")
        assert message in result.err
        assert len(result.err.splitlines()) == 1
    assert not proof.exists()
    assert listed_models(command).keys() == set(BUILT_IN)


def test_the_ralo_head_has_the_published_layers(command: Command, tmp_path: Path) -> None:
    narrow = str(write_mlp(tmp_path / "narrow.pkl", seed=0, inputs=18))

    result = command("model", "import", "ralo", narrow, narrow)

    assert result.code == 2
    assert "the head has 18 inputs" in result.err


def test_an_imported_model_scores_as_its_authors_code_would(
    command: Command, random_weights: tuple[Path, str], with_weights: str, tmp_path: Path
) -> None:
    """Their code: torchxrayvision's ``features2``, then the two MLPs, then a clamp."""
    pytest.importorskip("torch")
    import torch
    import torchxrayvision as xrv
    from PIL import Image

    command("model", "import", "ralo", *write_ralo(tmp_path))
    images = [tmp_path / f"image-{number}.png" for number in range(2)]
    transforms = (xrv.datasets.XRayCenterCrop(), xrv.datasets.XRayResizer(224))
    inputs = []
    for number, image in enumerate(images):
        write_image(image, seed=number)
        pixels = xrv.datasets.normalize(np.asarray(Image.open(image)), 255)[None]
        for transform in transforms:
            pixels = transform(pixels)
        inputs.append(pixels)
    backbone = torch.load(random_weights[0], weights_only=False).eval()
    with torch.inference_mode():
        features = backbone.features2(torch.from_numpy(np.stack(inputs)).float()).numpy()

    scored = command("score", "--json", "--model", "txrv-ralo-v1", *map(str, images))

    assert scored.code == 0, scored.err
    rows = json.loads(scored.out)["results"]
    for column, score in enumerate(("geographic_extent", "opacity")):
        name = ("mlp_geo.pkl", "mlp_opa.pkl")[column]
        coefs, intercepts = pickle.loads((tmp_path / name).read_bytes())  # noqa: S301 - ours
        hidden = np.maximum(features @ coefs[0] + intercepts[0], 0)
        raw = (hidden @ coefs[1] + intercepts[1])[:, 0]
        assert [row[f"{score}_raw"] for row in rows] == pytest.approx(raw, rel=1e-3, abs=1e-3)
        assert [row[score] for row in rows] == pytest.approx(raw.clip(0, 8), rel=1e-3, abs=1e-3)


@pytest.mark.weights
def test_a_head_on_a_bundled_models_backbone_is_imported_and_scores_in_its_precision_alone(
    command: Command, tmp_path: Path
) -> None:
    weights = {"weights": [0.01] * 1280, "intercept": 1}
    file = tmp_path / "head.json"
    file.write_text(json.dumps({"geographic_extent": weights, "opacity": weights}))
    image = tmp_path / "image.png"
    write_image(image, seed=1)

    assert command("model", "import", *AS_MINE_V1, "--backbone", "compact-1", str(file)).code == 0
    shown = json.loads(command("model", "show", "mine-v1", "--json").out)
    scored = json.loads(command("score", "--model", "mine-v1", str(image), "--json").out)
    refused = command("score", "--model", "mine-v1", "--precision", "bf16", str(image))

    assert shown["weights"]["present"]
    assert shown["version"]["weights_sha256"] == bundled_card("compact-1")["weights_sha256"]
    assert scored["model_version"] == shown["version"]["key"]
    assert scored["results"][0]["geographic_extent"] > 0
    assert refused.code == 1
    assert "compact-1 is scored in fp32 alone" in refused.err
