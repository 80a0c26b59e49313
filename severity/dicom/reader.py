"""Reading radiographs from DICOM files."""

import re
from datetime import tzinfo

from pydicom import Dataset, FileDataset
from pydicom.errors import BytesLengthException, InvalidDicomError

from severity.codecs.helper_processes import DecodingHelpers
from severity.dicom.acquisition_time import acquired
from severity.dicom.attributes import (
    first_text,
    put_code_strings_into_capitals,
    texts,
    whole_text,
)
from severity.dicom.device import device
from severity.dicom.frontal_chest import body_part, view
from severity.dicom.grey_in_colour import may_be_grey
from severity.dicom.needed_attributes import read_needed_attributes
from severity.dicom.pixel_data import displayed_grey
from severity.domain import Decision, ImageRecord, PatientId, Reason
from severity.errors import (
    BROKEN_FILE,
    IncompleteMetadata,
    NotAFrontalChestRadiograph,
    RejectedImage,
    UnreadableImage,
)
from severity.images.limits import check_size
from severity.images.radiograph import Radiograph
from severity.vocabulary.body_parts import CHEST

_RADIOGRAPHY = {"CR", "DX", "DR", "RG"}  # modalities; DR and RG are what older senders write
_CAPTURED = {"OT", "SC"}  # digitised films and captures of a screen: radiographs of what they name
_FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.1.1"  # Digital X-Ray Image Storage - For Processing
_GREY = {"MONOCHROME1", "MONOCHROME2"}
_LONGEST_UID = 64
# Some devices write components with leading zeros, which the standard forbids; they name an image.
_UID = re.compile(r"[0-9]+(\.[0-9]+)*", re.ASCII)
_UNDECODABLE = "\N{REPLACEMENT CHARACTER}"
# What pydicom and its decoders raise for broken files.
_BROKEN = (*BROKEN_FILE, InvalidDicomError, BytesLengthException)


def read_dicom(
    content: bytes, *, zone: tzinfo, helpers: DecodingHelpers | None = None
) -> Radiograph:
    """Read one DICOM file.

    Parameters
    ----------
    content
        The whole file, with its preamble.
    zone
        Assumed for times without an offset.
    helpers
        See `severity.dicom.pixel_data.displayed_grey`.

    Raises
    ------
    RejectedImage
        The image must not be scored; the error has the reason.
    """
    # pydicom warns of every value that breaks the standard. What matters is checked here.
    decisions: list[Decision] = []
    try:
        dataset = read_needed_attributes(content)
        put_code_strings_into_capitals(dataset)
        _check_eligible(dataset, decisions)
        record = _record(dataset, zone, decisions)
        grey = displayed_grey(dataset, decisions, helpers=helpers)
    except RejectedImage as rejected:
        rejected.decisions = tuple(decisions)
        raise
    except _BROKEN as error:
        raise UnreadableImage(Reason.CORRUPT, "the DICOM file is broken or cut off") from error
    return Radiograph(record, grey, tuple(decisions))


def _is_radiograph(dataset: Dataset, modality: str) -> bool:
    """Whether it is one by its modality, or a capture that names the chest."""
    if modality in _RADIOGRAPHY:
        return True
    return modality in _CAPTURED and body_part(dataset).outcome == CHEST


def _check_eligible(dataset: FileDataset, decisions: list[Decision]) -> None:
    """Refuse what is no radiograph of the chest for display; add what was decided, and by what."""
    modality = first_text(dataset, "Modality")
    if not _is_radiograph(dataset, modality):
        raise NotAFrontalChestRadiograph(
            Reason.NOT_A_RADIOGRAPH,
            f"the modality is not one of {', '.join(sorted(_RADIOGRAPHY))}"
            f", nor {' or '.join(sorted(_CAPTURED))} of a chest",
        )
    decisions.append(Decision("modality", modality, "Modality (0008,0060)", modality))
    if "PixelData" not in dataset:  # they come last: their loss may explain other faults
        raise UnreadableImage(Reason.CORRUPT, "there are no pixel data: the file may be cut off")
    if (
        first_text(dataset, "PresentationIntentType") == "FOR PROCESSING"
        or first_text(dataset, "SOPClassUID") == _FOR_PROCESSING
    ):
        raise NotAFrontalChestRadiograph(
            Reason.FOR_PROCESSING, "raw detector data (FOR PROCESSING) are not for display"
        )
    if int(dataset.get("NumberOfFrames") or 1) != 1:
        raise NotAFrontalChestRadiograph(Reason.MULTI_FRAME, "more than one frame")
    is_grey = dataset.SamplesPerPixel == 1 and dataset.PhotometricInterpretation in _GREY
    if not is_grey and not may_be_grey(dataset):
        raise NotAFrontalChestRadiograph(Reason.COLOUR, "a colour image is not a radiograph")
    decisions.append(body_part(dataset))
    check_size(int(dataset.Rows), int(dataset.Columns))


def _record(dataset: FileDataset, zone: tzinfo, decisions: list[Decision]) -> ImageRecord:
    seen_from, by_view = view(dataset)
    decisions.append(by_view)
    patient = PatientId(whole_text(dataset, "PatientID"), whole_text(dataset, "IssuerOfPatientID"))
    if patient.is_nobody:
        raise IncompleteMetadata(Reason.NO_PATIENT, "Patient ID (0010,0020) names nobody")
    if _UNDECODABLE in patient.value + patient.issuer:
        # Different bytes would become the same patient.
        raise IncompleteMetadata(
            Reason.NO_PATIENT, "Patient ID (0010,0020) is not in the file's character set"
        )
    issued = ", with an issuer" if patient.issuer else ", without an issuer"
    decisions.append(Decision("patient", f"named{issued}", "Patient ID (0010,0020)"))
    at, by_time = acquired(dataset, zone)
    decisions.append(by_time)
    return ImageRecord(
        patient=patient,
        study_uid=_uid(dataset, "StudyInstanceUID"),
        image_uid=_uid(dataset, "SOPInstanceUID"),
        view=seen_from,
        acquired=at,
        simulated="SIMULATED" in texts(dataset, "ImageType"),
        device=device(dataset),
    )


def _uid(dataset: Dataset, keyword: str) -> str:
    value = whole_text(dataset, keyword)
    if len(value) > _LONGEST_UID or not _UID.fullmatch(value):
        raise IncompleteMetadata(Reason.BAD_METADATA, f"{keyword} is absent or not a UID")
    return value
