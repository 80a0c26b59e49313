from pathlib import Path

import pytest

from flows.labelled_images.repeats import moment_of, read_repeats
from severity.evaluation.repeatability import Moment
from severity.files.sidecar import SidecarRecord
from tests.builders.small_images import write_image


def folder(place: Path, rows: str, *, header: str = "filename,patientid,offset,view") -> Path:
    for number in range(4):
        write_image(place / "images" / f"{number}.png", seed=number)
    (place / "metadata.csv").write_text(f"{header}\n{rows}")
    return place


def names(place: Path) -> list[str]:
    return [image.path.name for image in read_repeats(place).images]


def test_images_of_one_patient_within_24_hours_are_found_without_labels(tmp_path: Path):
    rows = "0.png,a,0,PA\n1.png,a,9,PA\n2.png,a,1,AP\n3.png,b,0,PA\n"

    assert names(folder(tmp_path, rows)) == ["0.png", "2.png"]


def test_an_image_that_is_not_there_or_lies_elsewhere_repeats_nothing(tmp_path: Path):
    write_image(tmp_path / "outside.png", seed=9)
    long = "x" * 300
    rows = f"0.png,a,0,PA\nabsent.png,a,0,PA\n../outside.png,a,0,PA\n{long},a,0,PA\n"

    assert names(folder(tmp_path / "in", rows)) == []


def test_one_file_under_two_names_does_not_repeat_itself(tmp_path: Path):
    assert names(folder(tmp_path, "0.png,a,0,PA\nimages/0.png,a,0,PA\n")) == []


@pytest.mark.parametrize(
    ("record", "moment"),
    [
        (SidecarRecord(offset_days="3"), Moment(3)),
        (SidecarRecord(offset_days="-3.5"), Moment(-3.5, hour_known=True)),
        (SidecarRecord(acquired_at="0001-01-02"), Moment(2)),
        (SidecarRecord(acquired_at="0001-01-02T12:00"), Moment(2.5, hour_known=True)),
        (SidecarRecord(acquired_at="0001-01-02 06:00+05:00"), Moment(2.25, hour_known=True)),
        (SidecarRecord(acquired_at="spring"), None),
        (SidecarRecord(offset_days="nan"), None),
        (SidecarRecord(), None),
    ],
)
def test_a_time_is_known_to_the_day_or_to_the_hour(record, moment):
    assert moment_of(record) == moment


def test_the_note_states_why_there_are_no_repeats(tmp_path: Path):
    assert "There is no metadata.csv" in read_repeats(tmp_path).note
    undated = folder(tmp_path / "undated", "0.png,a\n", header="filename,patientid")
    assert "no patients with offset" in read_repeats(undated).note
    broken = folder(tmp_path / "broken", "0.png,a,0,PA,more\n")
    assert "more cells than there are columns" in read_repeats(broken).note
