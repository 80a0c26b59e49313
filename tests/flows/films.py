"""Small radiographs for tests: noise with a sidecar, cheap to make and each unlike the others."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def write_film(path: Path, *, seed: int) -> None:
    """Write a grey PNG of 128 x 128 pixels."""
    noise = np.random.default_rng(seed).integers(0, 256, (128, 128), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise).save(path)


def write_sidecar(folder: Path, rows: Sequence[dict[str, str]]) -> None:
    """Write metadata.csv."""
    with (folder / "metadata.csv").open("w", newline="") as file:
        writer = csv.DictWriter(
            file, ["filename", "patient_id", "acquired_at", "offset_days", "view"]
        )
        writer.writeheader()
        writer.writerows(rows)


def write_inbox(folder: Path, *, films: int, patients: int = 3) -> None:
    """Write films of a few patients, one film a day each, with their sidecar."""
    rows = []
    for number in range(films):
        name = f"film-{number:04}.png"
        write_film(folder / name, seed=number)
        rows.append(
            {
                "filename": name,
                "patient_id": f"P{number % patients}",
                "acquired_at": f"2020-03-{1 + number // patients:02}",
                "view": "PA",
            }
        )
    write_sidecar(folder, rows)
