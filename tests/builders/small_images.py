"""Small radiographs for tests: a real image with different noise in each, and a sidecar."""

import csv
from collections.abc import Sequence
from pathlib import Path

from benchmarks import small_images


def write_image(path: Path, *, seed: int) -> None:
    """Write a grey PNG of 128 x 128 pixels: not out of distribution, and of unique pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    small_images.write_image(path, seed=seed)


def write_sidecar(folder: Path, rows: Sequence[dict[str, str]]) -> None:
    """Write metadata.csv."""
    with (folder / "metadata.csv").open("w", newline="") as file:
        writer = csv.DictWriter(
            file, ["filename", "patient_id", "acquired_at", "offset_days", "view"]
        )
        writer.writeheader()
        writer.writerows(rows)


def write_inbox(folder: Path, *, images: int, patients: int = 3) -> None:
    """Write images of a few patients, one image a day each, with their sidecar."""
    rows = []
    for number in range(images):
        name = f"image-{number:04}.png"
        write_image(folder / name, seed=number)
        rows.append(
            {
                "filename": name,
                "patient_id": f"P{number % patients}",
                "acquired_at": f"2020-03-{1 + number // patients:02}",
                "view": "PA",
            }
        )
    write_sidecar(folder, rows)
