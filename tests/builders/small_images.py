"""Small radiographs for tests: a real image with different noise in each, and a sidecar."""

import csv
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from flows.demo.images import rg1_pixels


@cache
def _image() -> NDArray[np.uint8]:
    image = Image.fromarray((rg1_pixels() * 255).astype(np.uint8))
    return np.asarray(image.resize((128, 128), Image.Resampling.BOX))


def write_image(path: Path, *, seed: int) -> None:
    """Write a grey PNG of 128 x 128 pixels: not out of distribution, and of unique pixels."""
    noise = np.random.default_rng(seed).integers(0, 12, (128, 128), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.minimum(_image(), 243) + noise).save(path)


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
