"""The images that models are trained and measured on, with their labels.

The folder is described in its own README; none of its files are in this repository.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LATERAL = "L"
NO_FINDING = "No Finding"
BRIXIA_ZONES = ("A", "B", "C", "D", "E", "F")
"""A to C: right upper to lower; D to F: left upper to lower. 0 to 3 points each."""

OUTCOMES = {"went_icu": "Y", "intubated": "Y", "survival": "N"}
"""Columns on the course of the disease, and the entry that means a severe course."""

SCORED_WITHOUT_FILE = {"covid-19-pneumonia-14-PA.png": "cidc-23"}
"""Scored by the readers, but the file could not be stored: 93 of 94 images remain. The
patient is known from the lateral image of the same study."""


@dataclass(frozen=True)
class ReaderScore:
    """The mean of three blinded readers."""

    patient: str
    extent: float
    """Geographic extent, 0 to 8 points."""
    opacity: float
    """0 to 6 points."""


@dataclass(frozen=True)
class TrainingImage:
    """One radiograph with every label of its source; None is unknown."""

    path: Path
    source: str
    patient: str
    findings: frozenset[str] | None = None
    """As ChestX-ray14 names them."""
    abnormal: bool | None = None
    diagnosis: str | None = None
    """As the COVID-19 Image Data Collection names it."""
    brixia_zones: tuple[float, ...] | None = None
    """Mean of both radiologists, six zones of 0 to 3 points."""
    outcomes: tuple[bool | None, ...] = ()
    """Whether the course was severe, for each of `OUTCOMES`."""
    score: ReaderScore | None = None

    @property
    def healthy(self) -> bool:
        """Whether a report states no finding."""
        return self.source == "nih" and self.abnormal is False


def grey_pixels(path: Path) -> NDArray[np.uint8]:
    """Read a published image.

    Returns
    -------
    Shape (rows, columns), 0 to 255. A colour file is read by its first channel, as
    by Cohen et al., so that the scores are comparable with theirs.

    Raises
    ------
    ValueError
        The file does not have eight bits per channel.
    """
    with Image.open(path) as image:
        bands = np.asarray(image.convert("RGB") if image.mode == "P" else image)
    if bands.dtype != np.uint8:
        raise ValueError(f"{path.name} has pixels of type {bands.dtype}, expected uint8")
    pixels: NDArray[np.uint8] = np.atleast_3d(bands)[..., 0]
    return pixels


def collection_images(data: Path) -> list[TrainingImage]:
    """Read the frontal images of the COVID-19 Image Data Collection, with all scores."""
    scores, zones = reader_scores(data), brixia_zones(data)
    return [
        TrainingImage(
            path=data / "cidc" / "images" / row["filename"],
            source="cidc",
            patient=f"cidc-{row['patientid']}",
            abnormal=row["finding"] != NO_FINDING,
            diagnosis=row["finding"],
            brixia_zones=zones.get(row["filename"]),
            outcomes=tuple(row[c] == severe if row[c] else None for c, severe in OUTCOMES.items()),
            score=scores.get(row["filename"]),
        )
        for row in rows(data / "cidc" / "metadata.csv")
        if row["view"] != LATERAL
    ]


def reader_scores(data: Path) -> dict[str, ReaderScore]:
    """Read the scores of all 94 images, by file name."""
    patient = SCORED_WITHOUT_FILE | {
        row["filename"]: f"cidc-{row['patientid']}" for row in rows(data / "cidc" / "metadata.csv")
    }
    return {
        row["filename"]: ReaderScore(
            patient=patient[row["filename"]],
            extent=float(row["geographic_extent_mean"]),
            opacity=float(row["opacity_mean"]),
        )
        for row in rows(data / "cidc" / "severity_scores.csv")
    }


def brixia_zones(data: Path) -> dict[str, tuple[float, ...]]:
    """Read the mean of both radiologists' scores of six zones, by file name."""
    return {
        row["filename"]: tuple(
            (float(row[f"senior_{zone}"]) + float(row[f"junior_{zone}"])) / 2
            for zone in BRIXIA_ZONES
        )
        for row in rows(data / "cidc" / "brixia_scores.csv")
    }


def nih_images(data: Path) -> list[TrainingImage]:
    """Read the ChestX-ray14 images; their findings come from reports, not from the images."""
    return [
        TrainingImage(
            path=data / "pretrain" / row["filename"],
            source="nih",
            patient=f"nih-{row['patient_id']}",
            findings=frozenset(row["findings"].split("|")) - {NO_FINDING},
            abnormal=row["findings"] != NO_FINDING,
        )
        for row in rows(data / "pretrain" / "nih.csv")
    ]


def cxnet_images(data: Path) -> list[TrainingImage]:
    """Read the COVID-CXNet images; their patients are unknown, so each counts as one."""
    return [
        TrainingImage(
            path=data / "pretrain" / row["filename"],
            source="cxnet",
            patient=row["filename"],
            abnormal=row["no_visible_abnormality"] == "0",
        )
        for row in rows(data / "pretrain" / "cxnet.csv")
    ]


def patients(images: Iterable[TrainingImage]) -> frozenset[str]:
    """Return the patients of these images."""
    return frozenset(image.patient for image in images)


def rows(path: Path) -> list[dict[str, str]]:
    """Read a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
