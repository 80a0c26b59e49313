"""Real series of radiographs: the COVID-19 Image Data Collection and the hospital of Hannover.

Films that both publish have the days and views of the hospital: the collection states other days
for some, and calls some supine whose neighbours are not.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile

from training.images import LATERAL


@dataclass(frozen=True)
class SeriesImage:
    """One dated frontal radiograph of a patient, with the readers' points if it has any.

    ``days`` count from the patient's day 0.
    """

    path: Path
    patient: str
    days: float
    view: str
    extent: float | None = None
    opacity: float | None = None


def series_images(data: Path) -> list[SeriesImage]:
    """Return the dated frontal images of both sources, each once, by patient and day."""
    hospital = list(_hospital_images(data))
    files, patients = {image.path for image in hospital}, {image.patient for image in hospital}
    collection = (
        image
        for image in _collection_images(data)
        if image.path not in files and image.patient not in patients
    )
    return sorted([*hospital, *collection], key=lambda image: (image.patient, image.days))


def _hospital_images(data: Path) -> Iterator[SeriesImage]:
    folder = (data / "hannover").resolve()
    for row in _rows(folder / "films.csv"):
        patient = row["cidc_patientid"] or row["patient"]
        path = (folder / row["filename"]).resolve()
        extent, opacity = row["geographic_extent_mean"], row["opacity_mean"]
        yield SeriesImage(
            path, patient, float(row["offset_days"]), row["view"], _points(extent), _points(opacity)
        )


def _collection_images(data: Path) -> Iterator[SeriesImage]:
    folder = (data / "cidc").resolve()
    read = {row["filename"]: row for row in _rows(folder / "severity_scores.csv")}
    read |= {row["filename"]: row for row in _rows(folder / "covidx_s_scores.csv")}
    for row in _rows(folder / "metadata.csv"):
        if row["view"] == LATERAL or not row["offset"]:
            continue
        name, days, view = row["filename"], float(row["offset"]), row["view"]
        scores = read.get(name, {})
        extent, opacity = (
            scores.get(f"{score}_mean", "") for score in ("geographic_extent", "opacity")
        )
        yield SeriesImage(
            folder / "images" / name,
            row["patientid"],
            days,
            view,
            _points(extent),
            _points(opacity),
        )


def _points(text: str) -> float | None:
    return float(text) if text else None


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_inbox(images: Sequence[SeriesImage], folder: Path) -> None:
    """Fill a folder with copies of images, and with the sidecar that describes them."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "patient_id", "offset_days", "view"])
        for image in images:
            name = image.path.name
            copyfile(image.path, folder / name)
            writer.writerow([name, image.patient, image.days, image.view])
