"""The demonstration's drop folder: simulated courses, and files that must be rejected.

All images are made from one real radiograph that pydicom-data carries (RG1, a chest image
with large nodules of its own). Opacities are painted on it; no image shows a patient's course,
and the tags of each state so.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from uuid import UUID, uuid5

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread, dcmwrite
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ComputedRadiographyImageStorage, ExplicitVRLittleEndian

from severity.domain import Fate, Reason
from severity.simulation import (
    RESOLVING,
    RISING_THEN_FALLING,
    STABLE,
    WORSENING,
    Course,
    Ellipse,
    paint_opacities,
)

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

COPY = "copy"
"""Expected fate of a file with the same bytes as another."""

_UID_NAMESPACE = UUID("6a0f9b52-3d0e-4f5c-9a55-0c1b6f0d2e71")  # fixed, so that UIDs are too
_FIRST_DAY = date(2020, 3, 1)
_BLACK = 30_000  # stored value at the dark end of RG1's window (centre 15000, width 30000)
_MARGIN = 16  # pixels cut off at each border; hides the corners that a tilt leaves empty
_EXPOSURES = (1.0, 1.02, 0.985, 1.01, 0.99, 1.015, 0.98)  # no two images are exposed alike
_WARNING = "SIMULATED opacities, not a real patient"
_TRUNCATED_SHARE = 0.6


@dataclass(frozen=True)
class Anatomy:
    """How one simulated patient's images differ from another's, apart from the opacities."""

    tilt_degrees: float = 0.0
    stoutness: float = 1.0
    """Width over height, relative to RG1."""
    gamma: float = 1.0


@dataclass(frozen=True)
class DemoPatient:
    """A simulated patient, and the days on which images are taken."""

    number: int
    name: str
    course: Course
    days: tuple[int, ...]
    anatomy: Anatomy = Anatomy()
    ap_days: frozenset[int] = frozenset()

    @property
    def patient_id(self) -> str:
        """Patient ID, DICOM (0010,0020)."""
        return f"SIM-{self.number:04d}"


@dataclass(frozen=True)
class DemoImage:
    """One image to make. Its UIDs depend on the patient, the day and the view alone."""

    patient: DemoPatient
    day: int
    view: str = "PA"
    added: float = 0.0
    """Amount painted beyond the patient's course."""

    @property
    def study_date(self) -> date:
        """Date of the study."""
        return _FIRST_DAY + timedelta(days=self.day)

    @property
    def name(self) -> str:
        """File name in the drop folder."""
        return f"film-{self.patient.number:04d}-{self.study_date}-{self.view.lower()}.dcm"

    @property
    def amount(self) -> float:
        """Amount of opacities on [0, 1]."""
        return self.patient.course.amount(self.day) + self.added


PATIENTS = (
    DemoPatient(1, "ONE", WORSENING, (0, 2, 4, 7, 9, 12, 14)),
    DemoPatient(2, "TWO", RESOLVING, (0, 3, 5, 8, 11, 14), Anatomy(1.2, 0.95, 1.06)),
    DemoPatient(
        3, "THREE", RISING_THEN_FALLING, (0, 2, 4, 6, 9, 11, 14), Anatomy(-1.0, 1.05, 0.95)
    ),
    DemoPatient(4, "FOUR", STABLE, (1, 3, 6, 8, 11, 13), Anatomy(0.6, 0.98, 1.03), frozenset({8})),
)
DEMO_IMAGES = tuple(
    DemoImage(patient, day, "AP" if day in patient.ap_days else "PA")
    for patient in PATIENTS
    for day in patient.days
)

_NOT_AN_IMAGE = "read-me-i-am-not-an-image.dcm"
_REJECT_COPY = "reject-copy.dcm"
_REJECT_EXTREMITY = "reject-extremity.dcm"
_REJECT_LATERAL = "reject-lateral.dcm"
_REJECT_TRUNCATED = "reject-truncated.dcm"
_REJECT_UID_CONFLICT = "reject-uid-conflict.dcm"  # must sort after the image that it contradicts

DEMO_EXPECTATIONS: Mapping[str, str] = MappingProxyType(
    {image.name: Fate.SCORED.value for image in DEMO_IMAGES}
    | {
        _NOT_AN_IMAGE: Reason.NOT_AN_IMAGE.value,
        _REJECT_COPY: COPY,
        _REJECT_EXTREMITY: Reason.NOT_CHEST.value,
        _REJECT_LATERAL: Reason.LATERAL.value,
        _REJECT_TRUNCATED: Reason.CORRUPT.value,
        _REJECT_UID_CONFLICT: Reason.UID_CONFLICT.value,
    }
)
"""The expected fate of each file: "scored", "copy", or the reason code of its rejection."""


def write_demo_inbox(folder: Path) -> None:
    """Fill a drop folder with the demonstration: about 53 MB, 26 images and 6 rejections.

    Each file appears whole or not at all. Writing again changes nothing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rg1 = _sample("RG1_UNCI.dcm")
    white = _white(rg1)
    for image in DEMO_IMAGES:
        _drop(folder / image.name, _image(image, rg1=rg1, white=white))
    for name, content in _rejections(rg1, white):
        _drop(folder / name, content)


def rg1_pixels() -> NDArray[np.float32]:
    """Read the radiograph that all images are made from, at half its size.

    Returns
    -------
    Shape (977, 920); 0 is black and 1 is white, after RG1's own window.
    """
    return _white(_sample("RG1_UNCI.dcm"))


def _sample(name: str) -> FileDataset:
    path = get_testdata_file(name, download=False)
    if path is None:
        raise FileNotFoundError(f"{name} is missing: is the package pydicom-data installed?")
    return dcmread(path)


def _white(rg1: FileDataset) -> NDArray[np.float32]:
    """Average squares of four pixels, and invert MONOCHROME1."""
    stored = rg1.pixel_array
    rows, columns = (length // 2 for length in stored.shape)
    squares = stored[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2)
    white: NDArray[np.float32] = 1 - squares.mean(axis=(1, 3), dtype=np.float32) / _BLACK
    return white


def _drop(target: Path, content: bytes) -> None:
    """Write a file to the drop folder, unless it is there already."""
    if target.exists() and target.read_bytes() == content:
        return
    hidden = target.with_name(f".{target.name}.part")
    hidden.write_bytes(content)
    hidden.replace(target)


def _rejections(rg1: FileDataset, white: NDArray[np.float32]) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file that must not be scored."""
    first, second, third = (DemoImage(patient, patient.days[0]) for patient in PATIENTS[:3])
    lateral = DemoImage(second.patient, second.day + 1, "LL")
    contradiction = DemoImage(first.patient, first.day, added=0.4)
    interrupted = _image(DemoImage(third.patient, third.day + 1), rg1=rg1, white=white)
    yield _NOT_AN_IMAGE, b"This is a text, whatever its name says. It must be rejected.\n"
    yield _REJECT_COPY, _image(first, rg1=rg1, white=white)
    yield _REJECT_EXTREMITY, _extremity()
    yield _REJECT_LATERAL, _image(lateral, rg1=rg1, white=white)
    yield _REJECT_TRUNCATED, interrupted[: int(_TRUNCATED_SHARE * len(interrupted))]
    yield _REJECT_UID_CONFLICT, _image(contradiction, rg1=rg1, white=white)


def _image(image: DemoImage, *, rg1: FileDataset, white: NDArray[np.float32]) -> bytes:
    """Make one image as a DICOM file."""
    painted = paint_opacities(
        white, lungs=RG1_LUNGS, amount=image.amount, seed=image.patient.number
    )
    exposure = image.patient.anatomy.gamma * _EXPOSURES[image.day % len(_EXPOSURES)]
    exposed = _posed(painted, image.patient.anatomy) ** exposure
    stored = np.rint((1 - exposed) * _BLACK).astype("<u2")
    dataset = _described(image, source=rg1)
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


def _extremity() -> bytes:
    """Make an image of another body part: RG3 unchanged, but under a simulated patient."""
    rg3 = _sample("RG3_J2KI.dcm")
    dataset = _described(DemoImage(PATIENTS[3], PATIENTS[3].days[0] + 1, "AP"), source=rg3)
    dataset.BodyPartExamined = rg3.BodyPartExamined
    dataset.StudyDescription = "SIMULATED extremity"
    dataset.ImageComments = "Not a chest: to be rejected. SIMULATED, not a real patient."
    dataset.DerivationDescription = "SIMULATED patient; pixels of the public sample RG3"
    dataset["PixelData"] = rg3["PixelData"]  # still compressed
    return _encoded(dataset, transfer_syntax=rg3.file_meta.TransferSyntaxUID)


def _described(image: DemoImage, *, source: Dataset) -> Dataset:
    """Return an image's tags without pixels; from the source, only the pixels' format is copied."""
    dataset = deepcopy(source.group_dataset(0x0028))
    for keyword, value in (_tags(image) | _times(image)).items():
        setattr(dataset, keyword, value)
    return dataset


def _tags(image: DemoImage) -> dict[str, str | int | list[str]]:
    """Return the tags on patient and image, which state that neither is real."""
    visit = f"{image.patient.patient_id}/{image.study_date}/{image.view}"
    lateral = " Frontal pixels labelled as a lateral: to be rejected." if image.view == "LL" else ""
    return {
        "ImageType": ["DERIVED", "SECONDARY", "SIMULATED"],
        "SOPClassUID": ComputedRadiographyImageStorage,
        "SOPInstanceUID": _uid(f"image/{visit}"),
        "StudyInstanceUID": _uid(f"study/{visit}"),
        "SeriesInstanceUID": _uid(f"series/{visit}"),
        "StudyID": image.patient.patient_id,
        "SeriesNumber": 1,
        "InstanceNumber": 1,
        "AccessionNumber": "",
        "ReferringPhysicianName": "",
        "Manufacturer": "SIMULATED",
        "Modality": "CR",
        "PatientName": f"SIMULATED^{image.patient.name}",
        "PatientID": image.patient.patient_id,
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
        "the public sample RG1, resampled",
    }


def _times(image: DemoImage) -> dict[str, str]:
    """Return date and time at all four levels that a reader may use."""
    levels = ("Study", "Series", "Acquisition", "Content")
    dates = {f"{level}Date": f"{image.study_date:%Y%m%d}" for level in levels}
    return dates | {f"{level}Time": f"08{10 * image.patient.number}00" for level in levels}


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
