"""Whether a model reproduces the numbers that its authors published."""

import codecs
import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from severity.domain import RESEARCH_USE_ONLY
from tests.builders.commands import Command
from tests.builders.heads import write_ralo
from tests.builders.small_images import write_image


def write_reference(folder: Path, images: Sequence[dict[str, object]], *, off: float = 0) -> None:
    """Write a model's own scores as the authors published theirs, one image twice."""
    (folder / "reference").mkdir(exist_ok=True)
    with (folder / "reference/published_geographic_extent.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "rater_mean", "published_prediction"])
        for image in images:
            raw = float(image["geographic_extent_raw"])
            writer.writerow([Path(str(image["file"])).name, "1.0", f"{raw:.2f}"])
    with (folder / "reference/published_readme_examples.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "geographic_extent_0_8", "opacity_0_6"])
        raw = [float(images[0][f"{score}_raw"]) for score in ("geographic_extent", "opacity")]
        name = Path(str(images[0]["file"])).name
        writer.writerow([name, f"{raw[0]:.4}", f"{raw[1] + off:.4}"])


@pytest.fixture
def images(command: Command, tmp_path: Path, with_weights: str) -> list[dict[str, object]]:
    """Three images in the place of the published ones, with their scores."""
    paths = [tmp_path / "data/cidc/images" / f"image-{number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        write_image(path, seed=number)
    scored = command("score", "--json", "--model", "txrv-cidc-v1", *map(str, paths))
    return json.loads(scored.out)["results"]


def test_verify_passes_where_the_model_reproduces_the_published_numbers(
    command: Command, images: list[dict[str, object]], tmp_path: Path
) -> None:
    write_reference(tmp_path / "data", images)
    for table in (tmp_path / "data/reference").iterdir():
        table.write_bytes(codecs.BOM_UTF8 + table.read_bytes())  # as spreadsheets do

    ended = command("model", "verify", "--data", str(tmp_path / "data"))
    document = json.loads(
        command("model", "verify", "--json", "--data", str(tmp_path / "data")).out
    )

    assert ended.code == 0, ended
    assert "5 of 5 published numbers compared; images missing: 0, rejected: 0." in ended.out
    assert "reproduces the published predictions" in ended.out
    assert document["agrees"] is True
    assert document["largest_difference"] <= 0.0051
    assert document["notice"] == RESEARCH_USE_ONLY


def test_verify_fails_where_one_number_is_off(
    command: Command, images: list[dict[str, object]], tmp_path: Path
) -> None:
    write_reference(tmp_path / "data", images, off=0.03)

    ended = command("model", "verify", "--data", str(tmp_path / "data"))

    assert ended.code == 1
    assert "4 within 0.02, 1 beyond" in ended.out
    assert "DOES NOT reproduce the published predictions" in ended.out
    assert ended.err == ""


def test_verify_counts_missing_images_and_fails_for_rejected_ones(
    command: Command, images: list[dict[str, object]], tmp_path: Path
) -> None:
    write_reference(tmp_path / "data", images)
    folder = tmp_path / "data/cidc/images"

    (folder / "image-2.png").unlink()
    missing = command("model", "verify", "--data", str(tmp_path / "data"))
    (folder / "image-2.png").write_bytes(b"no image")
    rejected = command("model", "verify", "--data", str(tmp_path / "data"))

    assert missing.code == 0
    assert "4 of 5 published numbers compared; images missing: 1, rejected: 0." in missing.out
    assert rejected.code == 1
    assert "rejected: not_an_image" in rejected.out


def test_verify_counts_an_image_whose_name_is_too_long_as_missing(
    command: Command, images: list[dict[str, object]], tmp_path: Path
) -> None:
    write_reference(tmp_path / "data", [*images, {**images[0], "file": f"{'long' * 64}.png"}])

    ended = command("model", "verify", "--data", str(tmp_path / "data"))

    assert ended.code == 0, ended
    assert "images missing: 1, rejected: 0." in ended.out


def test_verify_of_a_model_on_other_scales_is_refused(command: Command, tmp_path: Path) -> None:
    command("model", "import", "ralo", *write_ralo(tmp_path))
    image = {"file": "a.png", "geographic_extent_raw": 1.0, "opacity_raw": 1.0}
    (tmp_path / "data").mkdir()
    write_reference(tmp_path / "data", [image])

    ended = command("model", "verify", "--model", "txrv-ralo-v1", "--data", str(tmp_path / "data"))

    assert ended.code == 2
    assert "txrv-ralo-v1 scores opacity from 0 to 8 points" in ended.err


def test_random_weights_do_not_reproduce_the_published_predictions(
    command: Command, cidc: Path, with_weights: str, tmp_path: Path
) -> None:
    """On the four real images of the README, of which the notebook has two; the others missing."""
    folder = tmp_path / "data/cidc/images"
    folder.mkdir(parents=True)
    (tmp_path / "data/reference").symlink_to(cidc.parent / "reference")
    with (cidc.parent / "reference/published_readme_examples.csv").open() as file:
        for row in csv.DictReader(file):
            (folder / row["filename"]).symlink_to(cidc / "images" / row["filename"])

    ended = command("model", "verify", "--json", "--data", str(tmp_path / "data"))

    document = json.loads(ended.out)
    assert ended.code == 1
    assert document["agrees"] is False
    assert len(document["numbers"]) == 49 + 2 * 4
    assert document["compared"] == 2 + 2 * 4
    assert len(document["images_missing"]) == 47
    assert document["images_rejected"] == []
    assert document["largest_difference"] > 1
