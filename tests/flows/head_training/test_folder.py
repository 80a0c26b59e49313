"""`cxr-severity train`, on images with painted opacities whose labels are the painted amounts."""

import asyncio
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from flows import resources
from flows.errors import UsageError
from flows.head_training.fit import Trained
from flows.head_training.folder import TrainingRequest, train_folder
from flows.head_training.record import HeadChoice
from flows.labelled_images.folder import LabelKind
from flows.models.catalogue import store
from flows.resources import Progress, Resources
from flows.settings import Settings
from severity.domain import RESEARCH_USE_ONLY, Scale
from severity.evaluation.head_fitting import HeadKind
from severity.heads.findings import FINDINGS
from severity.models.bundled_cards import bundled_card
from tests.builders.commands import Command
from tests.builders.labelled_images import (
    PATIENTS,
    image_names,
    painted,
    write_brixia,
    write_images,
    write_readers,
)

pytestmark = pytest.mark.weights

COPY, ABSENT, BROKEN = "copy.png", "absent.png", "broken.png"
COHEN = Scale(0, 6)
QUICK = ("--perturbed", "0")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labelled")
    write_images(folder)
    write_readers(folder, image_names())
    # The same image under another patient, one whose file is gone, and one that is no image.
    (folder / "images" / COPY).write_bytes((folder / "images" / image_names()[0]).read_bytes())
    (folder / "images" / BROKEN).write_bytes(b"no image at all")
    with (folder / "severity_scores.csv").open("a") as file:
        file.write(f"{COPY},0,0\n{ABSENT},3,3\n{BROKEN},4,3\n")
    with (folder / "metadata.csv").open("a") as file:
        file.write(f"{COPY},somebody else,PA\n")
    return folder


def trained(
    data: Path, home: Path, *, kind: HeadKind = HeadKind.LINEAR, **changes: object
) -> Trained:
    request = TrainingRequest(
        **{
            "data": data,
            "head": HeadChoice("mine-v1", kind),
            "backbone": "compact-1",
            "labels": [LabelKind.READERS],
            "opacity": COHEN,
            "perturbed": 0,
        }
        | changes
    )
    return asyncio.run(train_folder(request, Resources(Settings(home=home), Progress())))


def test_a_head_is_trained_listed_scores_and_is_evaluated(command: Command, folder: Path) -> None:
    image = str(folder / "images" / image_names()[3])

    ended = command(
        "train", "--data", str(folder), "--name", "mine-v1", "--source", "our paper", *QUICK
    )
    shown = json.loads(command("model", "show", "mine-v1", "--json").out)
    text = " ".join(command("model", "show", "mine-v1").out.split())
    scored = json.loads(command("score", "--model", "mine-v1", image, "--json").out)
    evaluated = json.loads(
        command(
            "evaluate", "--data", str(folder), "--model", "mine-v1", "--perturbed", "0", "--json"
        ).out
    )

    assert ended.code == 0, ended.err
    assert RESEARCH_USE_ONLY in ended.out
    assert shown["version"]["key"] in ended.out
    assert f"{ABSENT}: missing" in ended.out
    assert f"{BROKEN}: rejected: not_an_image" in ended.out
    assert shown["weights"]["present"]
    assert "trained here" in text
    assert "our paper" in text
    assert scored["model_version"] == evaluated["model_version"] == shown["version"]["key"]
    (score,) = scored["results"]
    assert score["geographic_extent_low"] <= score["geographic_extent"]
    assert score["geographic_extent"] <= score["geographic_extent_high"]
    assert f"WARNING: {len(image_names()) + 1} of these" in evaluated["notes"][0]


def test_a_backbone_that_learned_the_scores_is_a_caution_of_the_new_model(
    cidc: Path, tmp_path: Path, home: Path
) -> None:
    names = (cidc / "severity_scores.csv").read_text().splitlines()[1:9]
    for place, name in enumerate(line.split(",")[0] for line in names):
        (tmp_path / f"{place}.png").symlink_to(cidc / "images" / name)
    rows = [f"{place}.png,{place},{place / 2}" for place in range(len(names))]
    header = "filename,geographic_extent_mean,opacity_mean\n"
    (tmp_path / "severity_scores.csv").write_text(header + "\n".join(rows) + "\n")

    seen = trained(tmp_path, home, backbone="compact-3").model.training["cautions"]

    assert any("was trained on the scores of 8 of these images" in caution for caution in seen), (
        seen
    )


def test_how_much_scores_move_is_measured_on_patients_whom_the_head_does_not_know(
    tmp_path: Path, home: Path
) -> None:
    names = image_names()
    write_images(tmp_path / "dated")
    write_readers(tmp_path / "dated", names[:12])
    for name in ("image-5-1.png", "image-6-1.png", "image-7-1.png"):  # else copies of the first
        painted(100 + int(name[6]), 0.5).save(tmp_path / "dated/images" / name)
    # Under another name of the file than in the table of labels.
    rows = [f"images/{name},{name.split('-')[1]},PA,0" for name in names]
    header = "filename,patientid,view,offset\n"
    (tmp_path / "dated/metadata.csv").write_text(header + "\n".join(rows) + "\n")

    error = trained(tmp_path / "dated", home, perturbed=2).calibration.opacity.error

    assert error.repeats is not None
    assert error.repeats.degrees == 2, "two images each of the two patients without readers' scores"
    assert error.perturbations is not None
    assert error.perturbations.points > 0
    stored = store(Settings()).read("mine-v1").calibration
    assert stored is not None
    assert stored.opacity.error == error


def test_the_numbers_are_those_of_the_evaluation_and_name_no_image(
    command: Command, folder: Path, home: Path
) -> None:
    model = trained(folder, home, kind=HeadKind.RIDGE).model

    document = json.loads(
        command(
            *("evaluate", "--data", str(folder), "--model", "compact-1"),
            *("--perturbed", "0", "--json"),
        ).out
    )

    row = next(
        row
        for row in document["results"]
        if row["system"].startswith("all features") and row["score"] == "geographic extent"
    )
    assert model.measured["geographic_extent"]["mae"] == pytest.approx(row["mae_mean"], abs=1e-3)
    assert model.measured["n_images"] == document["images"] == len(image_names()) + 1
    assert model.measured["n_patients"] == PATIENTS, "a copy joins the groups of two patients"
    assert model.training["data_fingerprint"] == document["data_fingerprint"]
    assert model.training["rejected"] == {"not_an_image": 1}
    written = (home / "models/mine-v1/model.json").read_text()
    assert RESEARCH_USE_ONLY in written
    for name in (*image_names(), COPY, ABSENT, BROKEN, "somebody else"):
        assert name not in written


# An MLP takes half a minute; that it comes out the same is tested where it is fitted.
@pytest.mark.parametrize("kind", [HeadKind.LINEAR, HeadKind.RIDGE])
def test_the_same_images_give_the_same_files(folder: Path, tmp_path: Path, kind: HeadKind) -> None:
    homes = [tmp_path / name for name in ("first", "second")]

    first, second = (trained(folder, home, kind=kind) for home in homes)

    assert first.version == second.version
    for name in ("head.safetensors", "model.json", "calibration.json"):
        contents = {(home / "models/mine-v1" / name).read_bytes() for home in homes}
        assert len(contents) == 1, name


def test_a_taken_name_is_refused_before_an_image_is_read_and_nothing_changes(
    command: Command, folder: Path, home: Path, tmp_path: Path
) -> None:
    trained(folder, home)
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}

    empty = command("train", "--data", str(tmp_path), "--name", "mine-v1", "--head", "mlp")
    built_in = command("train", "--data", str(folder), "--name", "compact-1")

    assert (empty.code, built_in.code) == (2, 2)
    assert "there is a model mine-v1 already, and none is replaced" in empty.err
    assert "compact-1 is built in" in built_in.err
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("meanwhile", [HeadKind.LINEAR, HeadKind.RIDGE])
def test_a_name_that_is_taken_meanwhile_is_refused_in_the_end(
    folder: Path, home: Path, meanwhile: HeadKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.head_training import folder as module

    train = module.train

    def train_while_another_is_faster(*arguments: object) -> Trained:
        monkeypatch.setattr(module, "train", train)
        trained(folder, home, kind=meanwhile)
        return train(*arguments)

    monkeypatch.setattr(module, "train", train_while_another_is_faster)

    with pytest.raises(UsageError):
        trained(folder, home)

    assert store(Settings()).read("mine-v1").training["head"]["kind"] == meanwhile


def test_labels_of_ralo_give_a_head_on_their_scale(command: Command, tmp_path: Path) -> None:
    write_images(tmp_path / "ralo")
    write_readers(tmp_path / "ralo", image_names(), opacity=8)
    arguments = ("train", "--data", str(tmp_path / "ralo"), "--name", "wide", "--head", "linear")

    refused = command(*arguments)
    ended = command(*arguments, "--labels", "ralo", "--json", *QUICK)

    assert refused.code == 2
    assert "not from 0 to 6; see --opacity-scale" in refused.err
    assert ended.code == 0, ended.err
    shown = json.loads(command("model", "show", "wide", "--json").out)
    assert shown["version"]["opacity"] == {"lowest": 0, "highest": 8}


def test_brixia_scores_are_proxies_for_both_scores_and_every_surface_states_it(
    command: Command, tmp_path: Path
) -> None:
    write_images(tmp_path / "brixia")
    write_brixia(tmp_path / "brixia", image_names())
    table = tmp_path / "brixia/brixia_scores.csv"
    header, *rows = table.read_text().splitlines()
    table.write_text("\n".join([f"{header},ct_global", *(f"{row},9" for row in rows)]) + "\n")
    arguments = ("train", "--data", str(tmp_path / "brixia"), "--name", "proxy")

    refused = command(*arguments)
    ended = command(*arguments, "--labels", "brixia", "--head", "linear", *QUICK)

    assert refused.code == 2
    assert "use --labels brixia" in refused.err
    assert ended.code == 0, ended.err
    shown = " ".join(command("model", "show", "proxy").out.split())
    for surface in (" ".join(ended.out.split()), shown):
        assert "one number as a proxy for two" in surface
        assert "not against readers of extent and opacity" in surface
        assert "ignored, in brixia_scores.csv: ct_global" in surface
    head = store(Settings()).read("proxy").head
    inputs = np.random.default_rng(0).uniform(0, 1, (5, head.inputs)).astype(np.float32)
    extent, opacity = head.points(inputs).T
    assert extent / 8 == pytest.approx(opacity / 6, abs=1e-3)


def test_images_with_brixia_scores_join_the_fit_and_are_not_measured(
    tmp_path: Path, home: Path
) -> None:
    names = image_names()
    write_images(tmp_path / "both")
    write_readers(tmp_path / "both", names[:10])
    write_brixia(tmp_path / "both", names[4:])

    joined = trained(tmp_path / "both", home, labels=[LabelKind.BRIXIA, LabelKind.READERS]).model
    alone = trained(tmp_path / "both", tmp_path / "other").model

    assert joined.training["images_by_label"] == {"readers": 10, "brixia": 6}
    assert joined.measured["n_images"] == alone.measured["n_images"] == 10
    assert joined.measured["geographic_extent"] != alone.measured["geographic_extent"]
    assert sorted(joined.training["label_files"]) == ["brixia_scores.csv", "severity_scores.csv"]
    assert joined.head.sha256 != alone.head.sha256


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "{few}"), "4 images of 2 patients are too few to measure a head"),
        (("--data", "{equal}"), "all 16 labels of opacity are 0 points"),
        (("--data", "{empty}"), "severity_scores.csv cannot be read"),
        (("--data", "{folder}", "--on", "lung-opacity"), "has no lung-opacity, only features"),
        (("--data", "{folder}", "--opacity-scale", "0", "10"), "between 0 and 8 points"),
        (
            ("--data", "{folder}", "--labels", "cohen", "--labels", "ralo"),
            "cohen and ralo have different scales",
        ),
        (("--data", "{folder}", "--name", "My Head"), "is no name"),
        (("--data", "{folder}", "--backbone", "resnet"), "resnet"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    arguments: tuple[str, ...], message: str, command: Command, folder: Path, tmp_path: Path
) -> None:
    write_images(tmp_path / "few")
    write_readers(tmp_path / "few", image_names()[:4])
    write_images(tmp_path / "equal")
    write_readers(tmp_path / "equal", image_names(), opacity=0)
    (tmp_path / "empty").mkdir()
    places = {name: tmp_path / name for name in ("few", "equal", "empty")} | {"folder": folder}

    ended = command(
        "train", "--name", "mine-v1", *(argument.format(**places) for argument in arguments)
    )

    assert ended.code == 2
    assert message in ended.err
    assert ended.err.count("\n") == 1
    assert not store(Settings()).names()


def test_a_linear_head_on_published_weights_takes_lung_opacity_alone_and_is_pinned_to_them(
    command: Command, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    import torch
    from torchxrayvision.models import DenseNet

    torch.manual_seed(0)
    weights = tmp_path / "random.pt"
    torch.save(DenseNet(), weights)
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    monkeypatch.setenv("SEVERITY_WEIGHTS_FILE", str(weights))
    monkeypatch.setenv("SEVERITY_WEIGHTS_SHA256", sha256)
    image = str(folder / "images" / image_names()[0])

    ended = command(
        *("train", "--data", str(folder), "--name", "on-all", "--head", "linear"),
        *("--backbone", "densenet121-res224-all", *QUICK),
    )
    monkeypatch.delenv("SEVERITY_WEIGHTS_SHA256")
    scored = command("score", "--model", "on-all", image, "--json")

    assert ended.code == 0, ended.err
    stored = store(Settings()).read("on-all")
    assert stored.weights_sha256 == sha256
    assert stored.training["head"]["on"] == "lung-opacity"
    for chain in stored.head.layers:
        (used,) = np.flatnonzero(chain[0].weight)
        assert FINDINGS[used] == "Lung Opacity"
    score = json.loads(scored.out)["results"][0]
    logit = score["findings"]["Lung Opacity"]
    layer = stored.head.layers[0][0]
    expected = logit * layer.weight[used, 0] + layer.bias[0]
    assert score["geographic_extent_raw"] == pytest.approx(expected, abs=1e-3)


def test_absent_weights_of_the_backbone_are_reported(command: Command, folder: Path) -> None:
    pytest.importorskip("torch")
    arguments = ("train", "--data", str(folder), "--name", "mine-v1", "--backbone")

    nih = command(*arguments, "densenet121-res224-nih")

    assert nih.code == 1
    assert "set SEVERITY_WEIGHTS_SHA256" in nih.err
    assert nih.err.count("\n") == 1


def test_a_head_on_another_package_s_weights_is_shown_as_a_problem_and_never_scores(
    command: Command, folder: Path, home: Path
) -> None:
    trained(folder, home)
    file = home / "models/mine-v1/model.json"
    here = bundled_card("compact-1")["weights_sha256"]
    file.write_text(file.read_text().replace(here, "0" * 64))

    listed = json.loads(command("model", "list", "--json").out)["models"][-1]
    scored = command("score", "--model", "mine-v1", str(folder / "images" / image_names()[0]))

    assert "fitted on weights 000000000000 of compact-1" in listed["problem"]
    assert listed["version"] is None
    assert scored.code == 1
    assert "fit it again" in scored.err


def test_the_flow_leaves_numbers_without_image_names(
    prefect: None, folder: Path, home: Path
) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.sorting import ArtifactSort

    from flows.head_training.flow import train_head

    async def artifacts() -> str:
        async with get_client() as client:
            return str(await client.read_artifacts(sort=ArtifactSort.CREATED_DESC))

    with resources.using(Resources(Settings(home=home), Progress())):
        result = asyncio.run(train_head(str(folder), "by-flow", head="linear"))

    shown = asyncio.run(artifacts())
    assert result.version.key in shown
    assert "mean absolute error" in shown
    assert not any(name in shown for name in (*image_names(), COPY, ABSENT, BROKEN))
    assert store(Settings(home=home)).names() == ["by-flow"]
