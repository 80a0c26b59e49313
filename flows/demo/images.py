"""The demonstration's drop folder: simulated courses, and files that must be rejected.

All images are made from one real radiograph that pydicom-data carries (RG1, a chest image
with large nodules of its own, which are wiped out first). Opacities are painted on it; no image
shows a patient's course, and the tags of each state so.
"""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from uuid import UUID, uuid5

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread, dcmwrite
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ComputedRadiographyImageStorage, ExplicitVRLittleEndian

from flows.demo.story import (
    DEMO_IMAGES,
    NOT_AN_IMAGE,
    PATIENTS,
    REJECT_COPY,
    REJECT_EXTREMITY,
    REJECT_LATERAL,
    REJECT_TRUNCATED,
    REJECT_UID_CONFLICT,
    Anatomy,
    DemoImage,
)
from severity.simulation import Ellipse, paint_opacities, wipe_opacities

RG1_LUNGS = (
    Ellipse(0.255, 0.290, 0.185, 0.150, lean=-0.30),  # right lung, left in the image: apex
    Ellipse(0.400, 0.245, 0.270, 0.155, lean=-0.20),
    Ellipse(0.560, 0.215, 0.175, 0.145, lean=-0.02),
    Ellipse(0.600, 0.160, 0.165, 0.085, lean=-0.10),  # to the costophrenic angle
    Ellipse(0.255, 0.690, 0.185, 0.150, lean=0.35),  # left lung: apex
    Ellipse(0.390, 0.725, 0.260, 0.150, lean=0.28),
    Ellipse(0.545, 0.785, 0.200, 0.110, lean=0.25),  # beside the heart
    Ellipse(0.630, 0.825, 0.155, 0.080, lean=0.22),
)

_UID_NAMESPACE = UUID("1b7d5c0e-94a3-4f0a-8a53-5f2f0f6f3c18")  # fixed, so that UIDs are too
_BLACK = 30_000  # stored value at the dark end of RG1's window (centre 15000, width 30000)
_COARSENESS = 3  # pixels of RG1 along a side of one of an image's: large enough to look at
_MARGIN = 16  # pixels cut off at each border; hides the corners that a tilt leaves empty
_EXPOSURES = (1.0, 1.02, 0.985, 1.01, 0.99, 1.015, 0.98)  # no two images are exposed alike
_NOISE = 0.004  # standard deviation, of white
_STORED = (0.001, 0.999)  # as in RG1, no pixel is saturated
_WARNING = "SIMULATED opacities, not a real patient"
_TRUNCATED_SHARE = 0.6


@dataclass(frozen=True, eq=False)
class _Source:
    """What all images are made from: how RG1 stores pixels, and its pixels without its nodules."""

    pixel_tags: Dataset
    clear: NDArray[np.float32]


def write_demo_inbox(folder: Path) -> None:
    """Fill a drop folder with the demonstration: about 35 MB, 45 images and 6 rejections.

    Each file appears whole or not at all. Writing again changes nothing.
    """
    write_in_time(folder)
    write_late(folder)


def write_in_time(folder: Path) -> None:
    """Write all files of the demonstration but those that arrive late."""
    source = _source()
    _write_images(folder, [image for image in DEMO_IMAGES if not image.is_late], source)
    for name, content in _rejections(source):
        _drop(folder / name, content)


def write_late(folder: Path) -> None:
    """Write the images that arrive when all others have been scored."""
    _write_images(folder, [image for image in DEMO_IMAGES if image.is_late], _source())


def rg1_pixels() -> NDArray[np.float32]:
    """Read the radiograph that all images are made from, with its nodules, at half its size.

    Returns
    -------
    Shape (977, 920); 0 is black and 1 is white, after RG1's own window.
    """
    return _white(_sample("RG1_UNCI.dcm"), coarseness=2)


def clear_pixels() -> NDArray[np.float32]:
    """Read the same without its nodules, at a third of its size: what opacities are painted on.

    Returns
    -------
    Shape (651, 613); 0 is black and 1 is white, after RG1's own window.
    """
    return _source().clear


@cache
def _source() -> _Source:
    rg1 = _sample("RG1_UNCI.dcm")
    white = _white(rg1, coarseness=_COARSENESS)
    return _Source(_pixel_tags(rg1), wipe_opacities(white, lungs=RG1_LUNGS))


def _sample(name: str) -> FileDataset:
    path = get_testdata_file(name, download=False)
    if path is None:
        raise FileNotFoundError(f"{name} is missing: is the package pydicom-data installed?")
    return dcmread(path)


def _white(rg1: FileDataset, *, coarseness: int) -> NDArray[np.float32]:
    """Average squares of pixels, and invert MONOCHROME1."""
    stored, side = rg1.pixel_array, coarseness
    rows, columns = (length // side for length in stored.shape)
    squares = stored[: side * rows, : side * columns].reshape(rows, side, columns, side)
    white: NDArray[np.float32] = 1 - squares.mean(axis=(1, 3), dtype=np.float32) / _BLACK
    return white


def _write_images(folder: Path, images: Iterable[DemoImage], source: _Source) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for image in images:
        _drop(folder / image.name, _image(image, source))


def _drop(target: Path, content: bytes) -> None:
    """Write a file to the drop folder, unless it is there already."""
    if target.exists() and target.read_bytes() == content:
        return
    hidden = target.with_name(f".{target.name}.part")
    hidden.write_bytes(content)
    hidden.replace(target)


def _rejections(source: _Source) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file that must not be scored."""
    first, *_ = DEMO_IMAGES
    eight, after = PATIENTS[-1], PATIENTS[-1].hours[-1] + 1
    contradiction = DemoImage(first.patient, first.hour, added=0.4)
    interrupted = _image(DemoImage(eight, after), source)
    yield NOT_AN_IMAGE, b"This is a text, whatever its name says. It must be rejected.\n"
    yield REJECT_COPY, _image(first, source)
    yield REJECT_EXTREMITY, _extremity(DemoImage(eight, after, "AP"))
    yield REJECT_LATERAL, _image(DemoImage(eight, after, "LL"), source)
    yield REJECT_TRUNCATED, interrupted[: int(_TRUNCATED_SHARE * len(interrupted))]
    yield REJECT_UID_CONFLICT, _image(contradiction, source)


def _image(image: DemoImage, source: _Source) -> bytes:
    """Make one image as a DICOM file."""
    painted = paint_opacities(
        source.clear, lungs=RG1_LUNGS, amount=image.amount, seed=image.patient.number
    )
    exposure = image.patient.anatomy.gamma * _EXPOSURES[image.hour % len(_EXPOSURES)]
    exposed = _posed(painted, image.patient.anatomy) ** exposure
    stored = np.rint((1 - _noisy(exposed, image)) * _BLACK).astype("<u2")
    dataset = _described(image, source.pixel_tags)
    del dataset.PixelSpacing  # RG1 has 0 mm
    dataset.Rows, dataset.Columns = stored.shape
    dataset.PixelData = stored.tobytes()
    return _encoded(dataset, transfer_syntax=ExplicitVRLittleEndian)


def _posed(pixels: NDArray[np.float32], anatomy: Anatomy) -> NDArray[np.float32]:
    """Tilt, trim and stretch an image. Never mirrored: the heart would change sides."""
    tilted = Image.fromarray(pixels).rotate(anatomy.tilt_degrees, Image.Resampling.BILINEAR)
    width, height = tilted.width - 2 * _MARGIN, tilted.height - 2 * _MARGIN
    posed = tilted.resize(
        (round(width * anatomy.stoutness), height),
        Image.Resampling.BILINEAR,
        box=(_MARGIN, _MARGIN, tilted.width - _MARGIN, tilted.height - _MARGIN),
    )
    return np.asarray(posed, np.float32)


def _noisy(pixels: NDArray[np.float32], image: DemoImage) -> NDArray[np.float32]:
    """Add what no two exposures share; without it, images of a steady patient would be copies."""
    generator = np.random.default_rng((image.patient.number, image.hour))
    noise = _NOISE * generator.standard_normal(pixels.shape, dtype=np.float32)
    noisy: NDArray[np.float32] = np.clip(pixels + noise, *_STORED)
    return noisy


def _extremity(image: DemoImage) -> bytes:
    """Make an image of another body part: RG3 unchanged, but under a simulated patient."""
    rg3 = _sample("RG3_J2KI.dcm")
    dataset = _described(image, _pixel_tags(rg3))
    dataset.BodyPartExamined = rg3.BodyPartExamined
    dataset.StudyDescription = "SIMULATED extremity"
    dataset.ImageComments = "Not a chest: to be rejected. SIMULATED, not a real patient."
    dataset.DerivationDescription = "SIMULATED patient; pixels of the public sample RG3"
    dataset["PixelData"] = rg3["PixelData"]  # still compressed
    return _encoded(dataset, transfer_syntax=rg3.file_meta.TransferSyntaxUID)


def _pixel_tags(dataset: Dataset) -> Dataset:
    """Return the tags on how pixels are stored, all that is copied from a source."""
    return dataset.group_dataset(0x0028)


def _described(image: DemoImage, pixel_tags: Dataset) -> Dataset:
    """Return an image's tags without pixels."""
    dataset = deepcopy(pixel_tags)
    for keyword, value in (_tags(image) | _times(image)).items():
        setattr(dataset, keyword, value)
    return dataset


def _tags(image: DemoImage) -> dict[str, str | int | list[str]]:
    """Return the tags on patient and image, which state that neither is real."""
    visit = f"{image.patient_id}/{image.taken:%Y-%m-%dT%H:%M}/{image.view}"
    lateral = " Frontal pixels labelled as a lateral: to be rejected." if image.view == "LL" else ""
    return {
        "ImageType": ["DERIVED", "SECONDARY", "SIMULATED"],
        "SOPClassUID": ComputedRadiographyImageStorage,
        "SOPInstanceUID": _uid(f"image/{visit}"),
        "StudyInstanceUID": _uid(f"study/{visit}"),
        "SeriesInstanceUID": _uid(f"series/{visit}"),
        "StudyID": image.patient_id,
        "SeriesNumber": 1,
        "InstanceNumber": 1,
        "AccessionNumber": "",
        "ReferringPhysicianName": "",
        "Manufacturer": "SIMULATED",
        "Modality": "CR",
        "PatientName": f"SIMULATED^{image.patient.name}",
        "PatientID": image.patient_id,
        "PatientBirthDate": "",
        "PatientSex": "",
        "PatientIdentityRemoved": "YES",
        "DeidentificationMethod": "All tags but those of the pixel module were replaced",
        "PatientOrientation": ["L", "F"],
        "BodyPartExamined": "CHEST",
        "ViewPosition": image.view,
        "BurnedInAnnotation": "NO",
        "StudyDescription": "SIMULATED chest",
        "SeriesDescription": _WARNING,
        "ImageComments": f"{_WARNING}.{lateral}",
        "DerivationDescription": f"SIMULATED: amount {image.amount:.2f} of opacities painted on "
        "the public sample RG1, its nodules wiped out, resampled",
    }


def _times(image: DemoImage) -> dict[str, str]:
    """Return date and time at all four levels that a reader may use."""
    levels = ("Study", "Series", "Acquisition", "Content")
    dates = {f"{level}Date": f"{image.taken:%Y%m%d}" for level in levels}
    return dates | {f"{level}Time": f"{image.taken:%H%M%S}" for level in levels}


def _uid(name: str) -> UID:
    """Derive a UID from a name, so that a second writing repeats it (PS3.5, B.2)."""
    return UID(f"2.25.{uuid5(_UID_NAMESPACE, name).int}")


def _encoded(dataset: Dataset, *, transfer_syntax: UID) -> bytes:
    """Encode a DICOM file whose bytes do not depend on the version of pydicom."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = transfer_syntax
    meta.ImplementationClassUID = _uid("implementation")
    meta.ImplementationVersionName = "CXR-SEVERITY"
    dataset.file_meta = meta
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()
