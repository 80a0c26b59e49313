"""Real series of two sources, each image once."""

import csv
from pathlib import Path

import pytest

from severity.files.sidecar import parse_sidecar
from training.series import SeriesImage, series_images, write_inbox

COLLECTION = {
    "metadata.csv": [
        {"filename": "a.jpg", "patientid": "1", "offset": "0", "view": "PA"},
        {"filename": "b.jpg", "patientid": "1", "offset": "4", "view": "AP Supine"},
        {"filename": "lateral.jpg", "patientid": "1", "offset": "4", "view": "L"},
        {"filename": "undated.jpg", "patientid": "1", "offset": "", "view": "PA"},
        {"filename": "c.jpg", "patientid": "2", "offset": "9", "view": "AP Supine"},
    ],
    "severity_scores.csv": [
        {"filename": "a.jpg", "geographic_extent_mean": "2", "opacity_mean": "1"}
    ],
    "covidx_s_scores.csv": [
        {"filename": "b.jpg", "geographic_extent_mean": "5.5", "opacity_mean": "3"}
    ],
}
HOSPITAL = [
    {
        "filename": name,
        "patient": "x1",
        "cidc_patientid": "2",
        "offset_days": days,
        "view": "AP",
        "geographic_extent_mean": extent,
        "opacity_mean": extent,
    }
    for name, days, extent in (("../cidc/images/c.jpg", "3", ""), ("images/d.jpg", "1", "6"))
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for folder in ("cidc/images", "hannover/images"):
        (tmp_path / folder).mkdir(parents=True)
    for name, rows in COLLECTION.items():
        write(tmp_path / "cidc" / name, rows)
    write(tmp_path / "hannover/films.csv", HOSPITAL)
    return tmp_path


def write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_dated_frontal_images_come_by_patient_and_day_with_the_readers_points(data: Path) -> None:
    first, second = [image for image in series_images(data) if image.patient == "1"]

    assert (first.path.name, first.days, first.view, first.extent) == ("a.jpg", 0, "PA", 2)
    assert (second.path.name, second.days, second.extent, second.opacity) == ("b.jpg", 4, 5.5, 3)


def test_of_images_that_both_publish_the_hospital_is_believed(data: Path) -> None:
    images = [image for image in series_images(data) if image.patient == "2"]

    assert [(image.path.name, image.days, image.view) for image in images] == [
        ("d.jpg", 1, "AP"),
        ("c.jpg", 3, "AP"),
    ]
    assert images[1].extent is None


def test_an_inbox_describes_each_image(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"a")
    write_inbox([SeriesImage(tmp_path / "a.jpg", "1", 4, "AP Supine")], tmp_path / "inbox")

    (record,) = parse_sidecar(
        "metadata.csv", (tmp_path / "inbox/metadata.csv").read_bytes()
    ).values()
    assert (record.patient_id, float(record.offset_days), record.view) == ("1", 4, "AP Supine")
    assert (tmp_path / "inbox/a.jpg").read_bytes() == b"a"
