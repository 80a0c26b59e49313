"""A labelled folder for tests: images with painted opacities, whose labels are the amounts."""

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from severity.simulation import Ellipse, paint_opacities

LUNGS = (Ellipse(0.5, 0.3, 0.35, 0.16), Ellipse(0.5, 0.7, 0.35, 0.16))
PATIENTS, IMAGES = 8, 2


def painted(patient: int, amount: float) -> Image.Image:
    """A chest of random clouds, the same in all images of a patient."""
    clouds = gaussian_filter(np.random.default_rng(patient).normal(size=(160, 160)), 9)
    chest = (0.35 + 0.1 * clouds / clouds.std()).clip(0, 1).astype(np.float32)
    image = paint_opacities(chest, lungs=LUNGS, amount=amount, seed=patient)
    return Image.fromarray((image * 255).astype(np.uint8))


def image_names() -> list[str]:
    return [
        f"image-{patient}-{number}.png" for patient in range(PATIENTS) for number in range(IMAGES)
    ]


def amount(name: str) -> float:
    """Return how much of an image's lungs is painted, from 0 to below 1."""
    _, patient, number = name.removesuffix(".png").split("-")
    return (int(patient) * IMAGES + int(number)) / (PATIENTS * IMAGES)


def write_images(folder: Path) -> None:
    """Write the images of all patients, with their metadata."""
    (folder / "images").mkdir(parents=True)
    rows = ["filename,patient_id,view"]
    for name in image_names():
        patient = name.split("-")[1]
        painted(int(patient), amount(name)).save(folder / "images" / name)
        rows.append(f"{name},{patient},{'PA' if int(patient) % 2 else 'AP'}")
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n")


def write_readers(folder: Path, names: list[str], *, opacity: float = 6) -> None:
    rows = [f"{name},{8 * amount(name)},{opacity * amount(name)}" for name in names]
    header = "filename,geographic_extent_mean,opacity_mean\n"
    (folder / "severity_scores.csv").write_text(header + "\n".join(rows) + "\n")


def write_brixia(folder: Path, names: list[str]) -> None:
    rows = [f"{name},{round(18 * amount(name))}" for name in names]
    (folder / "brixia_scores.csv").write_text("filename,brixia_global\n" + "\n".join(rows) + "\n")
