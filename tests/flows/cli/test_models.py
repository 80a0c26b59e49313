"""`cxr-severity model` as a user meets it."""

import csv
import hashlib
import json
import os
import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from flows.cli.app import app
from flows.models.catalogue import BUILT_IN, stored
from flows.settings import Settings
from severity.domain import RESEARCH_USE_ONLY, Scale
from severity.heads.head import HeadInput
from severity.heads.published import linear_on_lung_opacity
from severity.models.bundled_cards import bundled_card
from severity.models.torchxrayvision_weights import FINDINGS
from tests.builders.commands import Command
from tests.builders.films import write_film
from tests.builders.heads import write_linear, write_mlp, write_ralo

MINE = ("--name", "mine-v1", "--extent-scale", "0", "8", "--opacity-scale", "0", "6")


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A file in the published format with random weights, and its hash."""
    import torch
    from torchxrayvision.models import DenseNet

    torch.manual_seed(0)
    backbone = DenseNet()
    with torch.no_grad():  # logits of a size that real ones have
        backbone.classifier.weight.mul_(1e-3)
    file = tmp_path_factory.mktemp("weights") / "random.pt"
    torch.save(backbone, file)
    return file, hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture
def with_weights(random_weights: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Name those weights as the published ones, as an operator would."""
    file, sha256 = random_weights
    monkeypatch.setenv("SEVERITY_WEIGHTS_FILE", str(file))
    monkeypatch.setenv("SEVERITY_WEIGHTS_SHA256", sha256)
    return sha256


def listed(command: Command) -> dict[str, dict[str, object]]:
    return {
        one["name"]: one for one in json.loads(command("model", "list", "--json").out)["models"]
    }


def test_the_ralo_head_is_imported_with_its_backbone_and_scales(
    command: Command, tmp_path: Path, home: Path
) -> None:
    extent, opacity = write_ralo(tmp_path)

    ended = command("model", "import", "ralo", extent, opacity)

    assert ended.code == 0, ended.err
    head = stored("txrv-ralo-v1", Settings()).head
    assert "txrv-ralo-v1 imported" in ended.out
    assert head.sha256 in ended.out
    assert "--model txrv-ralo-v1" in ended.out
    assert RESEARCH_USE_ONLY in ended.out
    assert (head.backbone, head.takes) == ("densenet121-res224-all", HeadInput.FEATURES)
    assert head.geographic_extent == head.opacity == Scale(0, 8)
    assert sorted(one.name for one in (home / "models/txrv-ralo-v1").iterdir()) == [
        "head.safetensors",
        "model.json",
    ]


def test_an_imported_head_gives_what_scikit_learn_would(command: Command, tmp_path: Path) -> None:
    command("model", "import", "ralo", *write_ralo(tmp_path))
    given = np.random.default_rng(0).uniform(0, 1, (3, 1024)).astype(np.float32)

    points = stored("txrv-ralo-v1", Settings()).head.points(given)

    for column, name in enumerate(("mlp_geo.pkl", "mlp_opa.pkl")):
        coefs, intercepts = pickle.loads((tmp_path / name).read_bytes())  # noqa: S301 - ours
        hidden = np.maximum(given @ coefs[0] + intercepts[0], 0)
        assert points[:, column] == pytest.approx(
            (hidden @ coefs[1] + intercepts[1])[:, 0], abs=1e-4
        )


def kept(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Return what a second writing of the files would change; reading moves the access time."""
    return {
        file.name: (file.read_bytes(), file.stat().st_ino, file.stat().st_mtime_ns)
        for file in folder.iterdir()
    }


def test_importing_twice_changes_nothing(command: Command, tmp_path: Path, home: Path) -> None:
    files = write_ralo(tmp_path)
    command("model", "import", "ralo", *files)
    before = kept(home / "models/txrv-ralo-v1")

    again = command("model", "import", "ralo", *files)

    assert again.code == 0
    assert "txrv-ralo-v1 was imported already, unchanged" in again.out
    assert kept(home / "models/txrv-ralo-v1") == before


def test_another_head_of_that_name_is_refused(command: Command, tmp_path: Path) -> None:
    command("model", "import", "ralo", *write_ralo(tmp_path))
    before = stored("txrv-ralo-v1", Settings()).head.sha256
    other = write_mlp(tmp_path / "mlp_geo.pkl", seed=9)

    ended = command("model", "import", "ralo", str(other), str(tmp_path / "mlp_opa.pkl"))

    assert ended.code == 2
    assert "another model is named txrv-ralo-v1" in ended.err
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

    ended = command("model", "import", *MINE, "--source", "a paper", str(file))

    assert ended.code == 0, ended.err
    assert stored("mine-v1", Settings()).head.sha256 == linear_on_lung_opacity().sha256
    shown = command("model", "show", "mine-v1").out
    assert "a paper" in shown
    assert hashlib.sha256(file.read_bytes()).hexdigest() in shown


def test_a_linear_head_is_imported_from_npz_and_its_inputs_told_from_its_width(
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
        ended = command("model", "import", *MINE, "--name", name, str(tmp_path / "head.npz"))
        assert ended.code == 0, ended.err
        assert stored(name, Settings()).head.takes is takes


def test_a_head_on_a_finding_that_its_backbone_does_not_know_is_refused(
    command: Command, tmp_path: Path
) -> None:
    head = write_linear(tmp_path / "head.json")

    for backbone, code in (("nih", 2), ("rsna", 0)):
        ended = command(
            "model", "import", *MINE, "--backbone", f"densenet121-res224-{backbone}", head
        )
        assert ended.code == code
        if code:
            assert "was not trained on Lung Opacity, which the head uses" in ended.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["import"], "Missing argument '[ralo] FILE...'"),
        (["import", "no-such.pkl"], "there is no file no-such.pkl"),
        (["import", "ralo"], "the RALO head is two files"),
        (["import", "ralo", "mlp_geo.pkl"], "the RALO head is two files"),
        (["import", "ralo", "mlp_opa.pkl", "mlp_geo.pkl"], "geographic extent comes first"),
        (
            ["import", "ralo", "mlp_geo.pkl", "mlp_opa.pkl", "--opacity-scale", "0", "6"],
            "leave out --opacity-scale",
        ),
        (["import", "ralo", "--name", "Q!", "mlp_geo.pkl", "mlp_opa.pkl"], "'Q!' is no name"),
        (["import", "head.json"], "give --name: the files do not say it"),
        (["import", "head.json", "--name", "x"], "give --extent-scale"),
        (["import", *MINE[:5], "head.json"], "give --opacity-scale"),
        (["import", *MINE, "--name", "compact-1", "head.json"], "compact-1 is built in"),
        (["import", *MINE, "--name", "../x", "head.json"], "'../x' is no name"),
        (["import", *MINE, "--backbone", "resnet", "head.json"], "'resnet' is not one of"),
        (["import", *MINE, "--takes", "features", "head.json"], "the head takes 18 numbers"),
        (["import", *MINE, "--opacity-scale", "0", "18", "head.json"], "between 0 and 8 points"),
        (["import", *MINE, "--opacity-scale", "6", "0", "head.json"], "a scale from 6 to 0"),
        (["import", *MINE, "--opacity-scale", "0", "nan", "head.json"], "a scale from 0 to nan"),
        (["import", *MINE, "mlp_geo.pkl"], "a head is two pickles"),
        (["import", *MINE, "notes.txt"], "a head is two pickles"),
        (["import", *MINE, "narrow.pkl", "narrow.pkl"], "the head takes 5 numbers"),
        (["show", "absent"], "no model 'absent'; there is compact-2, compact-1, txrv-cidc-v1"),
        (["verify"], "Missing option '--data'"),
        (["verify", "--data", "no-such-folder"], "does not exist"),
        (["verify", "--data", "."], "is not the published table"),
        (["verify", "--data", ".", "--model", "absent"], "no model 'absent'"),
    ],
)
def test_wrong_use_gives_one_clear_line_and_exit_code_2(
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: Sequence[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_ralo(tmp_path)
    write_linear(tmp_path / "head.json")
    write_mlp(tmp_path / "narrow.pkl", seed=0, inputs=5)
    (tmp_path / "notes.txt").touch()

    ended = command("model", *arguments)

    assert (ended.code, ended.out) == (2, ""), ended
    assert message in ended.err
    assert len(ended.err.splitlines()) == 1
    assert not (tmp_path / "home/models").exists()


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
        ended = command("model", "import", "ralo", good, str(wrong))
        assert (ended.code, ended.out) == (1, "")
        assert message in ended.err
        assert len(ended.err.splitlines()) == 1
    assert not proof.exists()
    assert listed(command).keys() == set(BUILT_IN)


def test_the_ralo_head_has_the_published_layers(command: Command, tmp_path: Path) -> None:
    narrow = str(write_mlp(tmp_path / "narrow.pkl", seed=0, inputs=18))

    ended = command("model", "import", "ralo", narrow, narrow)

    assert ended.code == 2
    assert "the head takes 18 numbers" in ended.err


def test_the_list_tells_what_can_be_loaded_and_fetches_nothing(
    command: Command, home: Path
) -> None:
    models = listed(command)
    shown = command("model", "list")

    assert list(models) == list(BUILT_IN)
    assert models["compact-1"]["weights"]["present"] is True
    assert models["compact-1"]["version"]["key"].startswith("compact-1-fp32-")
    assert models["txrv-cidc-v1"]["weights"]["present"] is False
    assert models["txrv-cidc-v1"]["version"] is None
    assert models["compact-1"]["version"]["key"] in shown.out
    assert RESEARCH_USE_ONLY in shown.out
    assert not (home / "weights").exists()


def test_a_model_whose_weights_are_here_has_a_version(command: Command, with_weights: str) -> None:
    model = listed(command)["txrv-cidc-v1"]

    assert model["version"]["weights_sha256"] == with_weights
    assert model["version"]["key"].startswith("txrv-cidc-v1-fp32-")
    assert model["weights"]["present"] is True


def test_weights_that_are_wrong_are_reported_and_the_list_goes_on(
    command: Command, random_weights: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEVERITY_WEIGHTS_FILE", str(random_weights[0]))

    ended = command("model", "list")

    assert ended.code == 0
    assert "txrv-cidc-v1: the weights in" in ended.out
    assert "compact-2-fp32-" in ended.out


def test_a_broken_import_is_shown_and_the_list_goes_on(
    command: Command, tmp_path: Path, home: Path
) -> None:
    command("model", "import", *MINE, write_linear(tmp_path / "head.json"))
    (home / "models/mine-v1/head.safetensors").write_bytes(b"")

    ended = command("model", "list")

    assert ended.code == 0
    assert "delete that folder, then import it or train it again" in " ".join(ended.out.split())
    assert listed(command)["mine-v1"]["version"] is None


def test_show_tells_the_measured_accuracy_of_the_bundled_model(command: Command) -> None:
    ended = command("model", "show", "compact-1")
    document = json.loads(command("model", "show", "compact-1", "--json").out)

    extent = bundled_card("compact-1")["metrics"]["geographic_extent"]
    shown = f"mean absolute error {extent['mae']:.2f} ± {extent['mae_sd']:.2f} points"
    assert shown in ended.out
    assert document["measured"]["n_images"] == 93
    assert document["notice"] == RESEARCH_USE_ONLY


def test_show_tells_where_a_published_model_comes_from(command: Command) -> None:
    shown = command("model", "show", "txrv-cidc-v1").out

    for fact in ("arXiv:2005.11856", "CC BY-SA", linear_on_lung_opacity().sha256, "not on this"):
        assert fact in shown


def test_an_imported_model_scores_as_its_authors_code_would(
    command: Command, random_weights: tuple[Path, str], with_weights: str, tmp_path: Path
) -> None:
    """Their code: torchxrayvision's ``features2``, then the two MLPs, then a clamp."""
    import torch
    import torchxrayvision as xrv
    from PIL import Image

    command("model", "import", "ralo", *write_ralo(tmp_path))
    films = [tmp_path / f"film-{number}.png" for number in range(2)]
    transforms = (xrv.datasets.XRayCenterCrop(), xrv.datasets.XRayResizer(224))
    inputs = []
    for number, film in enumerate(films):
        write_film(film, seed=number)
        given = xrv.datasets.normalize(np.asarray(Image.open(film)), 255)[None]
        for transform in transforms:
            given = transform(given)
        inputs.append(given)
    backbone = torch.load(random_weights[0], weights_only=False).eval()
    with torch.inference_mode():
        features = backbone.features2(torch.from_numpy(np.stack(inputs)).float()).numpy()

    scored = command("score", "--json", "--model", "txrv-ralo-v1", *map(str, films))

    assert scored.code == 0, scored.err
    rows = json.loads(scored.out)["results"]
    for column, score in enumerate(("geographic_extent", "opacity")):
        name = ("mlp_geo.pkl", "mlp_opa.pkl")[column]
        coefs, intercepts = pickle.loads((tmp_path / name).read_bytes())  # noqa: S301 - ours
        hidden = np.maximum(features @ coefs[0] + intercepts[0], 0)
        raw = (hidden @ coefs[1] + intercepts[1])[:, 0]
        assert [one[f"{score}_raw"] for one in rows] == pytest.approx(raw, rel=1e-3, abs=1e-3)
        assert [one[score] for one in rows] == pytest.approx(raw.clip(0, 8), rel=1e-3, abs=1e-3)


def write_reference(folder: Path, films: Sequence[dict[str, object]], *, off: float = 0) -> None:
    """Write a model's own scores as the authors published theirs, one film twice."""
    (folder / "reference").mkdir(exist_ok=True)
    with (folder / "reference/published_geographic_extent.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "rater_mean", "published_prediction"])
        for one in films:
            raw = float(one["geographic_extent_raw"])
            writer.writerow([Path(str(one["file"])).name, "1.0", f"{raw:.2f}"])
    with (folder / "reference/published_readme_examples.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "geographic_extent_0_8", "opacity_0_6"])
        raw = [float(films[0][f"{score}_raw"]) for score in ("geographic_extent", "opacity")]
        name = Path(str(films[0]["file"])).name
        writer.writerow([name, f"{raw[0]:.4}", f"{raw[1] + off:.4}"])


@pytest.fixture
def films(command: Command, tmp_path: Path, with_weights: str) -> list[dict[str, object]]:
    """Three films in the place of the published ones, with their scores."""
    paths = [tmp_path / "data/cidc/images" / f"film-{number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        write_film(path, seed=number)
    scored = command("score", "--json", "--model", "txrv-cidc-v1", *map(str, paths))
    return json.loads(scored.out)["results"]


def test_verify_passes_where_the_model_gives_the_published_numbers(
    command: Command, films: list[dict[str, object]], tmp_path: Path
) -> None:
    write_reference(tmp_path / "data", films)

    ended = command("model", "verify", "--data", str(tmp_path / "data"))
    document = json.loads(
        command("model", "verify", "--json", "--data", str(tmp_path / "data")).out
    )

    assert ended.code == 0, ended
    assert "5 of 5 published numbers compared; films missing: 0, rejected: 0." in ended.out
    assert "gives the published predictions" in ended.out
    assert document["agrees"] is True
    assert document["largest_difference"] <= 0.0051
    assert document["notice"] == RESEARCH_USE_ONLY


def test_verify_fails_where_one_number_is_off(
    command: Command, films: list[dict[str, object]], tmp_path: Path
) -> None:
    write_reference(tmp_path / "data", films, off=0.03)

    ended = command("model", "verify", "--data", str(tmp_path / "data"))

    assert ended.code == 1
    assert "4 within 0.02, 1 beyond" in ended.out
    assert "DOES NOT give the published predictions" in ended.out
    assert ended.err == ""


def test_verify_counts_missing_films_and_fails_for_rejected_ones(
    command: Command, films: list[dict[str, object]], tmp_path: Path
) -> None:
    write_reference(tmp_path / "data", films)
    images = tmp_path / "data/cidc/images"

    (images / "film-2.png").unlink()
    missing = command("model", "verify", "--data", str(tmp_path / "data"))
    (images / "film-2.png").write_bytes(b"no image")
    rejected = command("model", "verify", "--data", str(tmp_path / "data"))

    assert missing.code == 0
    assert "4 of 5 published numbers compared; films missing: 1, rejected: 0." in missing.out
    assert rejected.code == 1
    assert "rejected: not_an_image" in rejected.out


def test_verify_of_a_model_on_other_scales_is_refused(command: Command, tmp_path: Path) -> None:
    command("model", "import", "ralo", *write_ralo(tmp_path))
    film = {"file": "a.png", "geographic_extent_raw": 1.0, "opacity_raw": 1.0}
    (tmp_path / "data").mkdir()
    write_reference(tmp_path / "data", [film])

    ended = command("model", "verify", "--model", "txrv-ralo-v1", "--data", str(tmp_path / "data"))

    assert ended.code == 2
    assert "txrv-ralo-v1 gives opacity from 0 to 8 points" in ended.err


def test_random_weights_do_not_give_the_published_predictions(
    command: Command, cidc: Path, with_weights: str, tmp_path: Path
) -> None:
    """On the four real films of the README, of which the notebook has two; the others missing."""
    images = tmp_path / "data/cidc/images"
    images.mkdir(parents=True)
    (tmp_path / "data/reference").symlink_to(cidc.parent / "reference")
    with (cidc.parent / "reference/published_readme_examples.csv").open() as file:
        for row in csv.DictReader(file):
            (images / row["filename"]).symlink_to(cidc / "images" / row["filename"])

    ended = command("model", "verify", "--json", "--data", str(tmp_path / "data"))

    document = json.loads(ended.out)
    assert ended.code == 1
    assert document["agrees"] is False
    assert len(document["numbers"]) == 49 + 2 * 4
    assert document["compared"] == 2 + 2 * 4
    assert len(document["films_missing"]) == 47
    assert document["films_rejected"] == []
    assert document["largest_difference"] > 1


def test_every_model_command_explains_itself() -> None:
    from click.testing import CliRunner

    for name in ("import", "list", "show", "verify"):
        shown = CliRunner().invoke(app, ["model", name, "--help"])
        assert shown.exit_code == 0
        assert len(shown.output.splitlines()) > 4


def test_a_head_on_a_bundled_models_backbone_is_imported_and_scores_in_its_precision_alone(
    command: Command, tmp_path: Path
) -> None:
    weights = {"weights": [0.01] * 1280, "intercept": 1}
    file = tmp_path / "head.json"
    file.write_text(json.dumps({"geographic_extent": weights, "opacity": weights}))
    film = tmp_path / "film.png"
    write_film(film, seed=1)

    assert command("model", "import", *MINE, "--backbone", "compact-1", str(file)).code == 0
    shown = json.loads(command("model", "show", "mine-v1", "--json").out)
    scored = json.loads(command("score", "--model", "mine-v1", str(film), "--json").out)
    refused = command("score", "--model", "mine-v1", "--precision", "bf16", str(film))

    assert shown["weights"]["present"]
    assert shown["version"]["weights_sha256"] == bundled_card("compact-1")["weights_sha256"]
    assert scored["model_version"] == shown["version"]["key"]
    assert scored["results"][0]["geographic_extent"] > 0
    assert refused.code == 1
    assert "compact-1 is scored in fp32 alone" in refused.err
