"""The command `explain`: how a file was read, by the decisions of its reader."""

import json
from pathlib import Path

import numpy as np
from click.testing import CliRunner
from PIL import Image, ImageFilter

from flows.cli.app import app
from flows.errors import UsageError
from severity.domain import RESEARCH_USE_ONLY
from severity.images.preprocessing import to_model_input
from tests.builders.encoded_images import dicom_file
from tests.builders.reading import read
from tests.builders.small_images import write_image, write_inbox


def explained(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["explain", *arguments])
    return result.exit_code, result.output


def dicom(folder: Path, **attributes: object) -> Path:
    path = folder / "film.dcm"
    path.write_bytes(dicom_file(**attributes))
    return path


def by_subject(output: str) -> dict[str, dict[str, str]]:
    return {decision["subject"]: decision for decision in json.loads(output)["decisions"]}


def test_each_decision_names_its_attribute_and_what_is_written_there(tmp_path: Path) -> None:
    film = dicom(tmp_path, ViewPosition="AP erect", StudyTime="10:11:12")

    code, output = explained(str(film), "--json")

    decisions = by_subject(output)
    assert code == 0
    assert (decisions["view"]["outcome"], decisions["view"]["written"]) == ("AP", "AP erect")
    assert "0018,5101" in decisions["view"]["source"]
    assert decisions["time"]["outcome"] == "2020-04-01 10:11:12"
    assert "Study Time" in decisions["time"]["source"]
    assert {"modality", "body part", "patient", "pixels"} <= decisions.keys()
    assert not any(decisions[subject]["doubt"] for subject in ("view", "time", "patient"))


def test_what_is_flagged_says_why(tmp_path: Path) -> None:
    film = dicom(tmp_path, ViewPosition="PA", SeriesDescription="lat", StudyTime="noon")

    doubts = json.loads(explained(str(film), "--json")[1])["doubts"]

    assert any("Series Description" in doubt for doubt in doubts)
    assert any("only the date is known" in doubt for doubt in doubts)


def test_a_film_of_few_greys_is_flagged_as_its_score_is(tmp_path: Path) -> None:
    """A header that calls pixels of 12 bits 16 makes them dark: its reader cannot know."""
    write_image(tmp_path / "film.png", seed=1)
    with Image.open(tmp_path / "film.png") as image:
        dark = np.asarray(image).astype(np.uint16) * 16
    film = tmp_path / "film.dcm"
    film.write_bytes(dicom_file(dark, BitsStored=16, HighBit=15))

    code, output = explained(str(film))

    assert code == 0
    assert "Flagged: distribution: out of distribution: low_contrast" in " ".join(output.split())


def test_a_film_like_those_that_are_known_has_no_flag(tmp_path: Path) -> None:
    write_inbox(tmp_path, images=1)

    decisions = by_subject(explained(str(next(tmp_path.glob("*.png"))), "--json")[1])

    assert decisions["distribution"]["doubt"] == ""


def test_a_film_that_is_processed_unlike_known_ones_is_flagged(tmp_path: Path) -> None:
    write_inbox(tmp_path, images=1)
    image = next(tmp_path.glob("*.png"))
    with Image.open(image) as plain:
        blurred = plain.filter(ImageFilter.GaussianBlur(16))
    blurred.save(image)

    assert any(
        "flat" in doubt for doubt in json.loads(explained(str(image), "--json")[1])["doubts"]
    )


def test_a_rejected_file_shows_its_reason_after_what_was_decided_before(tmp_path: Path) -> None:
    code, output = explained(str(dicom(tmp_path, ViewPosition="LL")))

    assert code == 1
    assert "rejected: lateral: View Position" in " ".join(output.split())
    assert "Body Part Examined" in output
    assert RESEARCH_USE_ONLY in output


def test_no_patient_is_named(tmp_path: Path) -> None:
    film = dicom(tmp_path, SeriesDescription="ROE-1 chest", IssuerOfPatientID="ROE-hospital")

    for arguments in ((), ("--json",)):
        assert "ROE" not in explained(str(film), *arguments)[1]


def test_the_image_is_what_the_network_sees(tmp_path: Path) -> None:
    film, picture = dicom(tmp_path), tmp_path / "seen.png"

    assert explained(str(film), "--image", str(picture))[0] == 0

    seen = np.asarray(Image.open(picture), dtype=float) / 255 * 2048 - 1024
    expected = to_model_input(read(film.read_bytes()).grey).reshape(seen.shape)
    assert np.abs(seen - expected).max() <= 2048 / 255 / 2 + 0.01


def test_a_rejected_file_has_no_image(tmp_path: Path) -> None:
    picture = tmp_path / "seen.png"

    explained(str(dicom(tmp_path, Modality="CT")), "--image", str(picture))

    assert not picture.exists()


def test_the_image_replaces_no_file_least_of_all_the_film(tmp_path: Path) -> None:
    write_inbox(tmp_path, images=1)
    film = next(tmp_path.glob("*.png"))
    before = film.read_bytes()

    result = CliRunner().invoke(app, ["explain", str(film), "--image", str(film)])

    assert isinstance(result.exception, UsageError)
    assert "exists and is not replaced" in str(result.exception)
    assert film.read_bytes() == before


def test_how_a_photo_of_a_phone_lies_comes_from_its_exif(tmp_path: Path) -> None:
    write_inbox(tmp_path, images=1)
    image = next(tmp_path.glob("*.png"))
    exif = Image.Exif()
    exif[0x0112] = 3
    with Image.open(image) as upright:
        upright.copy().save(image, exif=exif)

    decisions = by_subject(explained(str(image), "--json")[1])

    assert decisions["orientation"]["outcome"] == "upside down, mirrored"
    assert "0x0112" in decisions["orientation"]["source"]
    assert decisions["stored values"]["outcome"].startswith("0 to ")


def test_an_image_that_no_sidecar_names_is_said_to_have_no_patient(tmp_path: Path) -> None:
    """It can be scored alone; a run rejects it."""
    write_image(tmp_path / "film.png", seed=1)

    decisions = by_subject(explained(str(tmp_path / "film.png"), "--json")[1])

    assert decisions["patient"]["outcome"] == "not stated"
    assert decisions["patient"]["source"] == ""
    assert "no_sidecar_record" in decisions["patient"]["doubt"]


def test_the_sidecar_is_asked_as_a_run_asks_it(tmp_path: Path) -> None:
    write_inbox(tmp_path, images=1)
    image = next(tmp_path.glob("*.png"))

    decisions = by_subject(explained(str(image), "--json")[1])
    (tmp_path / "metadata.csv").write_text("filename,patient_id\na,b,c\n")
    code, output = explained(str(image))

    assert decisions["view"]["source"] == "the sidecar's view"
    assert decisions["time"]["doubt"] == "no readable time of day: only the date is known"
    assert code == 1
    assert "line 2" in output
