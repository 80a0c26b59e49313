"""Many small radiographs: one real image with different noise in each, and their sidecar."""

import csv
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from flows.demo.images import rg1_pixels

_SIDE = 128  # pixels
_NOISE = 12  # grey values


@cache
def _image() -> NDArray[np.uint8]:
    image = Image.fromarray((rg1_pixels() * 255).astype(np.uint8))
    return np.asarray(image.resize((_SIDE, _SIDE), Image.Resampling.BOX))


def grey_pixels(seed: int) -> NDArray[np.uint8]:
    """Return the image with noise of this seed: shape (128, 128), 0 is black, in distribution."""
    noise = np.random.default_rng(seed).integers(0, _NOISE, (_SIDE, _SIDE), dtype=np.uint8)
    return np.minimum(_image(), 255 - _NOISE) + noise


def write_image(path: Path, *, seed: int) -> None:
    """Write a grey PNG, which is not out of distribution and has pixels of its own, at once."""
    draft = path.with_name(f".{path.name}")
    Image.fromarray(grey_pixels(seed)).save(draft, format="PNG")
    draft.rename(path)


def write_records(folder: Path, *, images: int, patients: int) -> None:
    """Write the sidecar of images that are named by their numbers, at once."""
    draft = folder / ".metadata.csv"
    with draft.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "patient_id", "offset_days", "view"])
        writer.writerows(
            [f"image-{number:05}.png", f"P{number % patients}", number // patients, "PA"]
            for number in range(images)
        )
    draft.rename(folder / "metadata.csv")
