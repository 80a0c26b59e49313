"""Reading radiographs from PNG and JPEG files, 8 or 16 bit, described by a sidecar."""

import io
import math
from datetime import UTC, timedelta, tzinfo

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from severity.domain import Acquired, Decision, ImageRecord, PatientId, Reason, TimeSource
from severity.errors import (
    BROKEN_FILE,
    ImageOutsideLimits,
    IncompleteMetadata,
    RejectedImage,
    UnreadableImage,
)
from severity.files.raster_checks import check_jpeg_file, check_png
from severity.files.sidecar import UNNAMED, SidecarRecord
from severity.images.grey_image import GreyImage
from severity.images.grey_of_colour import grey_of_colour
from severity.images.limits import check_size
from severity.images.orientation import EXIF_ORIENTATIONS, UPRIGHT, Orientation
from severity.images.radiograph import Radiograph
from severity.pseudonym import DerivedUids
from severity.vocabulary.numbers import parse_number
from severity.vocabulary.times import DAY_ZERO, read_moment
from severity.vocabulary.views import Statement, decide_view, view_in_words

_JPEG_START = b"\xff\xd8"
_FORMATS = ("PNG", "JPEG")
_EXIF_ORIENTATION = 0x0112
_WIDE = {"I;16", "I"}  # modes of grey with 16 bits
_FARTHEST_OFFSET_DAYS = 36_500


def read_raster(
    content: bytes, sidecar: SidecarRecord | None, *, uids: DerivedUids, zone: tzinfo
) -> Radiograph:
    """Read a PNG or JPEG file.

    Parameters
    ----------
    content
        The whole file.
    sidecar
        The file's record in the drop folder's sidecar, if any.
    uids
        Those that are derived for the file; DICOM files carry theirs.
    zone
        Assumed for times without one.

    Raises
    ------
    RejectedImage
        The image must not be scored; the error has the reason.
    """
    if sidecar is None:
        raise IncompleteMetadata(
            Reason.NO_SIDECAR_RECORD, "no metadata.csv or metadata.json names this file"
        )
    if sidecar.problem:
        raise IncompleteMetadata(Reason.NO_SIDECAR_RECORD, sidecar.problem)
    decisions: list[Decision] = []
    try:
        record = _record(sidecar, decisions, uids=uids, zone=zone)
        grey = _decode(content, decisions)
        return Radiograph(record, grey, tuple(decisions))
    except RejectedImage as rejected:
        rejected.decisions = tuple(decisions)
        raise


def _record(
    sidecar: SidecarRecord, decisions: list[Decision], *, uids: DerivedUids, zone: tzinfo
) -> ImageRecord:
    """Return what the sidecar says of the image; add what was decided, and by which column."""
    patient = PatientId(sidecar.patient_id, sidecar.issuer)
    if patient.is_nobody:
        raise IncompleteMetadata(
            Reason.NO_PATIENT, "the sidecar's patient_id is empty or names nobody"
        )
    decisions.append(_by_patient(sidecar))
    said = Statement("the sidecar's view", view_in_words(sidecar.view), sidecar.view)
    view, by_view = decide_view([said])
    decisions.append(by_view)
    acquired, by_time = _acquired(sidecar, zone)
    decisions.append(by_time)
    # A visit has the date of the site's calendar: two images around midnight UTC are one visit.
    has_calendar = acquired.source in {TimeSource.SIDECAR, TimeSource.SIDECAR_DATE}
    calendar = zone if has_calendar else UTC
    day = acquired.at.astimezone(calendar).date().isoformat() if acquired.at else ""
    return ImageRecord(
        patient=patient,
        study_uid=uids.study_uid(patient, day or uids.content_sha256),
        image_uid=uids.image_uid,
        view=view,
        acquired=acquired,
        simulated=False,
    )


def _by_patient(sidecar: SidecarRecord) -> Decision:
    if sidecar is UNNAMED:
        doubt = f"no sidecar names this file: a run rejects it as {Reason.NO_SIDECAR_RECORD}"
        return Decision("patient", "not stated", "", doubt=doubt)
    issued = ", with an issuer" if sidecar.issuer else ", without an issuer"
    return Decision("patient", f"named{issued}", "the sidecar's patient_id")


def _acquired(sidecar: SidecarRecord, zone: tzinfo) -> tuple[Acquired, Decision]:
    """Return the time of acquisition, and the column that it comes from."""
    if sidecar.acquired_at:
        return _dated(sidecar.acquired_at, zone)
    if sidecar.offset_days:
        at = DAY_ZERO + _offset(sidecar.offset_days)
        written = sidecar.offset_days
        return (
            Acquired(at, TimeSource.SIDECAR_OFFSET, "UTC"),
            Decision("time", f"day {written}", "the sidecar's offset_days", written),
        )
    return (
        Acquired(None, TimeSource.UNKNOWN, ""),
        Decision("time", "unknown", "", doubt="the sidecar states no time"),
    )


def _dated(text: str, zone: tzinfo) -> tuple[Acquired, Decision]:
    moment = read_moment(text)
    at = moment.instant(zone) if moment else None
    if moment is None or at is None:
        raise IncompleteMetadata(Reason.BAD_METADATA, "acquired_at has no date that exists")
    source = TimeSource.SIDECAR if moment.clock else TimeSource.SIDECAR_DATE
    doubt = "" if moment.clock else "no readable time of day: only the date is known"
    return (
        Acquired(at, source, str(moment.zone or zone)),
        Decision("time", str(moment), "the sidecar's acquired_at", text, doubt),
    )


def _offset(text: str) -> timedelta:
    try:
        days = parse_number(text.replace(",", "."))  # of a European spreadsheet
    except ValueError:
        days = math.nan
    if not abs(days) <= _FARTHEST_OFFSET_DAYS:
        raise IncompleteMetadata(Reason.BAD_METADATA, "offset_days is not a number of days")
    return timedelta(days=days)


def _decode(content: bytes, decisions: list[Decision]) -> GreyImage:
    """Decode an image file after checking its size and checksums.

    Grey is read with all its 8 or 16 bits. Colour is read with 8 bits a channel: Pillow
    keeps the upper 8 of 16, which moves a grey value by at most 1/256 of the full scale.
    """
    # Pillow warns of sizes that `check_size` refuses a moment later, and of broken comments.
    try:
        _check_whole(content)
        image = Image.open(io.BytesIO(content), formats=_FORMATS)
        image.load()
        orientation = _orientation(image)
        values = orientation.upright(_grey(image))
        decisions += [_by_mode(image, values), _by_exif(orientation)]
        return GreyImage(values, 0.0, float(np.iinfo(values.dtype).max), *values.shape)
    except Image.DecompressionBombError as error:
        raise ImageOutsideLimits(Reason.TOO_LARGE, "more pixels than can be decoded") from error
    except (*BROKEN_FILE, SyntaxError) as error:
        raise UnreadableImage(Reason.CORRUPT, "the image data are broken or cut off") from error


def _check_whole(content: bytes) -> None:
    """Check the size, then the checksums of a PNG, whose decoder overlooks a lost end."""
    if content.startswith(_JPEG_START):
        check_jpeg_file(content)
    else:
        check_png(content)
    image = Image.open(io.BytesIO(content), formats=_FORMATS)
    check_size(image.height, image.width)
    image.verify()


def _orientation(image: Image.Image) -> Orientation:
    """Return how the file says that its pixels lie; upright where it says nothing readable."""
    try:
        return EXIF_ORIENTATIONS.get(image.getexif().get(_EXIF_ORIENTATION, 1), UPRIGHT)
    except (*BROKEN_FILE, SyntaxError):
        return UPRIGHT


def _by_mode(image: Image.Image, values: NDArray[np.uint8 | np.uint16]) -> Decision:
    scale = f"0 to {np.iinfo(values.dtype).max}"
    is_grey = image.mode in {"L", *_WIDE}
    outcome = scale if is_grey else f"{scale}, the first channel of a colour image that is grey"
    return Decision("stored values", outcome, "the image's mode", image.mode)


def _by_exif(orientation: Orientation) -> Decision:
    stated = "" if orientation == UPRIGHT else "Exif Orientation (0x0112)"
    return Decision("orientation", str(orientation), stated)


def _grey(image: Image.Image) -> NDArray[np.uint8 | np.uint16]:
    if image.mode == "L":
        return np.asarray(image)
    if image.mode in _WIDE:
        return np.asarray(image).astype(np.uint16, copy=False)
    # As Cohen et al. do: the first channel.
    return grey_of_colour(*(np.asarray(channel) for channel in image.convert("RGB").split()))
