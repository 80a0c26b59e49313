"""The command `score`, read from the terminal."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from flows.demo.images import write_demo_inbox
from flows.demo.story import DEMO_IMAGES
from flows.errors import UsageError
from severity.domain import RESEARCH_USE_ONLY
from severity.gpus import gpus
from tests.builders.commands import Program
from tests.builders.small_images import write_inbox


@pytest.mark.skipif(gpus() > 0, reason="this machine has a GPU")
def test_a_machine_without_a_gpu_prints_so_once_and_not_with_device_cpu(
    program: Program, tmp_path: Path
) -> None:
    write_inbox(tmp_path / "inbox", images=1)
    images = [str(path) for path in (tmp_path / "inbox").iterdir()]

    assert program("score", "--json", *images).stderr.count("No GPU here") == 1
    assert "GPU" not in program("score", "--json", "--device", "cpu", *images).stderr


def test_a_gpu_that_is_not_there_is_refused_in_one_line(program: Program) -> None:
    pytest.importorskip("torch")

    result = program("score", "--device", "cuda:99", __file__)

    assert result.returncode == 1
    assert "there is no cuda:99: this machine has" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_score_needs_no_database_and_returns_why_a_file_was_rejected(
    program: Program, tmp_path: Path
) -> None:
    write_demo_inbox(tmp_path / "images")
    image = tmp_path / "images" / DEMO_IMAGES[0].name
    text_file = tmp_path / "images" / "read-me-i-am-not-an-image.dcm"

    result = program("score", "--json", str(image), str(text_file), DATABASE_URL="")

    assert result.returncode == 1, result.stderr
    document = json.loads(result.stdout)
    scored, rejected = document["results"]
    assert document["notice"] == RESEARCH_USE_ONLY
    assert 0 <= scored["geographic_extent"] <= 8
    assert scored["simulated"] is True
    assert (rejected["geographic_extent"], rejected["reason"]) == (None, "not_an_image")


def test_score_writes_csv_with_the_model_version(
    ask: Callable[..., Result], tmp_path: Path
) -> None:
    write_inbox(tmp_path, images=2)

    result = ask(
        "score", "--csv", str(tmp_path / "image-0001.png"), str(tmp_path / "image-0000.png")
    )

    header, first, second = result.stdout.splitlines()
    assert header.startswith("file,model_version,geographic_extent,opacity")
    assert "image-0001.png,compact-3-fp32-" in first
    assert "image-0000.png,compact-3-fp32-" in second


def test_score_writes_saliency_maps_and_replaces_none(
    ask: Callable[..., Result], tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    write_inbox(tmp_path, images=1)
    arguments = (
        "score",
        "--json",
        "--saliency",
        str(tmp_path / "maps"),
        str(tmp_path / "image-0000.png"),
    )

    (result,) = json.loads(ask(*arguments).stdout)["results"]

    assert Path(result["saliency"]).read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "maps/image-0000.saliency.npy").is_file()
    with pytest.raises(UsageError, match="exists and is not replaced"):
        ask(*arguments)
