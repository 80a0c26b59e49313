"""The sidecars that `score` asks: those that a run over the folders above would."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.settings import SourceSettings
from flows.sources import SidecarsAbove, open_inbox


def put(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def patient(file: Path, *sources: str) -> str | None:
    record = SidecarsAbove([SourceSettings(location=each) for each in sources]).record(file)
    return record.patient_id if record else None


def enlisted_patients(folder: Path) -> list[str]:
    """Return whom a run takes the files of a folder to show, in their order."""

    async def listed() -> list[str]:
        listing = open_inbox(str(folder), settle=timedelta(0)).listing(now=datetime.now(UTC))
        keys = [entry.key async for portion in listing.portions(1) for entry in portion.objects]
        records = [listing.record(key) for key in sorted(keys)]
        return [record.patient_id for record in records if record]

    return asyncio.run(listed())


@pytest.mark.parametrize("named", ["a.png", "images/a.png", "A.PNG", r".\images\a.png"])
def test_a_sidecar_of_a_folder_above_describes_a_file(tmp_path: Path, named: str) -> None:
    put(tmp_path / "metadata.csv", f"filename,patient_id\n{named},P1\n")

    assert patient(put(tmp_path / "images/a.png")) == "P1"


def test_the_nearest_is_asked_first_and_none_above_the_source(tmp_path: Path) -> None:
    put(tmp_path / "metadata.csv", "filename,patient_id\na.png,far\nb.png,far\n")
    put(tmp_path / "in/box/metadata.csv", "filename,patient_id\na.png,near\n")
    first, second = put(tmp_path / "in/box/a.png"), put(tmp_path / "in/box/b.png")

    assert (patient(first), patient(second)) == ("near", "far")
    for location in (tmp_path / "in", f"file://{tmp_path}/in/", tmp_path / "in" / "box"):
        assert patient(second, "s3://films", "~no-such-user", str(location)) is None


def test_a_name_of_several_files_means_none(tmp_path: Path) -> None:
    put(tmp_path / "metadata.csv", "filename,patient_id\na.png,P1\n")
    file = put(tmp_path / "one/a.png")
    put(tmp_path / "two/a.png")

    record = SidecarsAbove([]).record(file)

    assert record is not None
    assert record.patient_id == ""
    assert "record 1 of metadata.csv" in record.problem


def test_a_file_that_a_nearer_sidecar_describes_is_none_of_those_that_a_name_could_mean(
    tmp_path: Path,
) -> None:
    """As in a run: each delivery with a sidecar of its own would else spoil those before it."""
    put(tmp_path / "metadata.csv", "filename,patient_id\na.png,P1\n")
    put(tmp_path / "two/metadata.csv", "filename,patient_id\na.png,P2\n")
    first, second = put(tmp_path / "one/a.png"), put(tmp_path / "two/a.png")

    assert [patient(first), patient(second)] == enlisted_patients(tmp_path) == ["P1", "P2"]


@pytest.mark.parametrize("name", ["a.png", "a.17.png"])
def test_an_archived_file_is_described_in_its_source(tmp_path: Path, name: str) -> None:
    """Sidecars are not archived. A name that another file has in the archive gets a number."""
    put(tmp_path / "in/metadata.csv", "filename,patient_id\nnight/a.png,P1\n")
    ward = SourceSettings(location=str(tmp_path / "in"), archive=str(tmp_path / "done"))
    record = SidecarsAbove([ward]).record(put(tmp_path / "done/night" / name))

    assert record is not None
    assert record.patient_id == "P1"


def test_an_unreadable_sidecar_is_told_with_its_line_and_not_passed_over(tmp_path: Path) -> None:
    put(tmp_path / "metadata.csv", "filename,patient_id\na.png,another patient\n")
    put(tmp_path / "sub/metadata.csv", "filename,patient_id\na.png,7,8\n")

    record = SidecarsAbove([]).record(put(tmp_path / "sub/a.png"))

    assert record is not None
    assert "line 2" in record.problem
    assert str(tmp_path / "sub") in record.problem


def test_two_sidecars_that_contradict_each_other_are_told_and_not_believed(tmp_path: Path) -> None:
    put(tmp_path / "metadata.csv", "filename,patient_id\na.png,P1\n")
    put(tmp_path / "metadata.json", '[{"filename": "a.png", "patient_id": "P2"}]')

    record = SidecarsAbove([]).record(put(tmp_path / "a.png"))

    assert record is not None
    assert record.patient_id == ""
    assert "contradicts" in record.problem


def test_without_any_record_there_is_none(tmp_path: Path) -> None:
    assert patient(put(tmp_path / "a.png")) is None
