"""`cxr-severity model` as a user meets it."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from flows.cli.app import app
from flows.models.catalogue import BUILT_IN
from severity.domain import RESEARCH_USE_ONLY
from severity.heads.published import linear_on_lung_opacity
from tests.builders.commands import Command, listed_models
from tests.builders.heads import AS_MINE_V1, write_linear, write_mlp, write_ralo


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["import"], "Missing argument '[ralo] FILE...'"),
        (["import", "no-such.pkl"], "there is no file no-such.pkl"),
        (["import", f"{'long' * 64}.pkl"], "there is no file longlong"),
        (["import", "ralo"], "the RALO head is two files"),
        (["import", "ralo", "mlp_geo.pkl"], "the RALO head is two files"),
        (["import", "ralo", "mlp_opa.pkl", "mlp_geo.pkl"], "geographic extent comes first"),
        (
            ["import", "ralo", "mlp_geo.pkl", "mlp_opa.pkl", "--opacity-scale", "0", "6"],
            "leave out --opacity-scale",
        ),
        (["import", "ralo", "--name", "Q!", "mlp_geo.pkl", "mlp_opa.pkl"], "'Q!' is no name"),
        (["import", "head.json"], "give --name: the files do not state it"),
        (["import", "head.json", "--name", "x"], "give --extent-scale"),
        (["import", *AS_MINE_V1[:5], "head.json"], "give --opacity-scale"),
        (["import", *AS_MINE_V1, "--name", "compact-1", "head.json"], "compact-1 is built in"),
        (["import", *AS_MINE_V1, "--name", "../x", "head.json"], "'../x' is no name"),
        (["import", *AS_MINE_V1, "--backbone", "resnet", "head.json"], "'resnet' is not one of"),
        (["import", *AS_MINE_V1, "--takes", "features", "head.json"], "the head has 18 inputs"),
        (
            ["import", *AS_MINE_V1, "--opacity-scale", "0", "18", "head.json"],
            "between 0 and 8 points",
        ),
        (["import", *AS_MINE_V1, "--opacity-scale", "6", "0", "head.json"], "a scale from 6 to 0"),
        (
            ["import", *AS_MINE_V1, "--opacity-scale", "0", "nan", "head.json"],
            "a scale from 0 to nan",
        ),
        (["import", *AS_MINE_V1, "mlp_geo.pkl"], "a head is two pickles"),
        (["import", *AS_MINE_V1, "notes.txt"], "a head is two pickles"),
        (["import", *AS_MINE_V1, "narrow.pkl", "narrow.pkl"], "the head has 5 inputs"),
        (
            ["show", "absent"],
            "no model 'absent'; choose one of compact-3, compact-2, compact-1, txrv-cidc-v1",
        ),
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

    result = command("model", *arguments)

    assert (result.code, result.out) == (2, ""), result
    assert message in result.err
    assert len(result.err.splitlines()) == 1
    assert not (tmp_path / "home/models").exists()


def test_the_list_shows_what_can_be_loaded_and_downloads_nothing(
    command: Command, home: Path
) -> None:
    models = listed_models(command)
    listed = command("model", "list")

    assert list(models) == list(BUILT_IN)
    assert models["compact-1"]["weights"]["present"] is True
    assert models["compact-1"]["version"]["key"].startswith("compact-1-fp32-")
    assert models["txrv-cidc-v1"]["weights"]["present"] is False
    assert models["txrv-cidc-v1"]["version"] is None
    assert models["compact-1"]["version"]["key"] in listed.out
    assert RESEARCH_USE_ONLY in listed.out
    assert not (home / "weights").exists()


def test_a_model_whose_weights_are_here_has_a_version(command: Command, with_weights: str) -> None:
    model = listed_models(command)["txrv-cidc-v1"]

    assert model["version"]["weights_sha256"] == with_weights
    assert model["version"]["key"].startswith("txrv-cidc-v1-fp32-")
    assert model["weights"]["present"] is True


def test_weights_that_are_wrong_are_reported_and_the_list_goes_on(
    command: Command, random_weights: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEVERITY_WEIGHTS_FILE", str(random_weights[0]))

    result = command("model", "list")

    assert result.code == 0
    assert "txrv-cidc-v1: the weights in" in result.out
    assert "compact-3-fp32-" in result.out


def test_a_broken_import_is_shown_and_the_list_goes_on(
    command: Command, tmp_path: Path, home: Path
) -> None:
    command("model", "import", *AS_MINE_V1, write_linear(tmp_path / "head.json"))
    (home / "models/mine-v1/head.safetensors").write_bytes(b"")

    result = command("model", "list")

    assert result.code == 0
    assert "delete that folder, then import it or train it again" in " ".join(result.out.split())
    assert listed_models(command)["mine-v1"]["version"] is None


@pytest.mark.parametrize(
    ("name", "errors", "images"),
    [
        ("compact-1", "mean absolute error 1.11 ± 0.12 points", 93),
        ("compact-3", "mean absolute error 0.91 points, r 0.88", 327),
    ],
)
def test_show_prints_the_measured_accuracy_of_a_bundled_model(
    command: Command, name: str, errors: str, images: int
) -> None:
    result = command("model", "show", name)
    document = json.loads(command("model", "show", name, "--json").out)

    assert errors in " ".join(result.out.split())
    assert document["measured"]["n_images"] == images
    assert document["notice"] == RESEARCH_USE_ONLY


def test_show_prints_where_a_published_model_comes_from(command: Command) -> None:
    output = command("model", "show", "txrv-cidc-v1").out

    for fact in ("arXiv:2005.11856", "CC BY-SA", linear_on_lung_opacity().sha256, "not on this"):
        assert fact in output


def test_every_model_command_explains_itself() -> None:
    from click.testing import CliRunner

    for name in ("import", "list", "show", "verify"):
        result = CliRunner().invoke(app, ["model", name, "--help"])
        assert result.exit_code == 0
        assert len(result.output.splitlines()) > 4
