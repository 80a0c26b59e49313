"""Reading radiographs from PNG and JPEG files, 8 or 16 bit, described by a sidecar."""

import io
import math
from datetime import UTC, datetime, timedelta, tzinfo

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from severity.domain import STATED_UTC, Acquired, ImageRecord, PatientId, Reason, TimeSource, View
from severity.errors import (
    BROKEN_FILE,
    ImageOutsideLimits,
    IncompleteMetadata,
    NotAFrontalChestRadiograph,
    UnreadableImage,
)
from severity.files.raster_checks import check_jpeg_file, check_png
from severity.files.sidecar import SidecarRecord
from severity.images.grey_image import GreyImage
from severity.images.limits import check_size
from severity.images.orientation import EXIF_ORIENTATIONS, UPRIGHT, Orientation
from severity.images.radiograph import Radiograph
from severity.pseudonym import DerivedUids

DAY_ZERO = datetime(2000, 1, 1, tzinfo=UTC)
"""Stands for a patient's day 0 where only offsets in days are known, not the calendar."""

_VIEWS = {
    "": View.UNKNOWN,
    "UNKNOWN": View.UNKNOWN,
    "PA": View.PA,
    "AP": View.AP,
    "AP SUPINE": View.AP_SUPINE,
    "AP ERECT": View.AP,
}
_LATERALS = {"L", "LL", "RL", "LLAT", "RLAT", "LAT", "LATERAL"}
_JPEG_START = b"\xff\xd8"
_FORMATS = ("PNG", "JPEG")
_EXIF_ORIENTATION = 0x0112
_WIDE = {"I;16", "I"}  # modes of grey with 16 bits
_MOST_SPREAD = 32  # of 255, between a pixel's colours; scanners and JPEG tint less
_MOST_COLOURED = 0.25  # share of pixels; annotations and a tint stay below
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
    record = _record(sidecar, uids=uids, zone=zone)
    return Radiograph(record, _decode(content))


def _record(sidecar: SidecarRecord, *, uids: DerivedUids, zone: tzinfo) -> ImageRecord:
    if not sidecar.patient_id:
        raise IncompleteMetadata(Reason.NO_PATIENT, "the sidecar has no patient_id for this file")
    patient = PatientId(sidecar.patient_id, sidecar.issuer)
    acquired = _acquired(sidecar, zone)
    # A visit has the date of the site's calendar: two images around midnight UTC are one visit.
    calendar = zone if acquired.source is TimeSource.SIDECAR else UTC
    day = acquired.at.astimezone(calendar).date().isoformat() if acquired.at else ""
    return ImageRecord(
        patient=patient,
        study_uid=uids.study_uid(patient, day or uids.content_sha256),
        image_uid=uids.image_uid,
        view=_view(sidecar.view),
        acquired=acquired,
        simulated=False,
    )


def _view(text: str) -> View:
    name = " ".join(text.upper().replace("_", " ").split())
    if name in _LATERALS:
        raise NotAFrontalChestRadiograph(Reason.LATERAL, "the sidecar says that it is a lateral")
    # A view that we do not know is scored and shown as unknown, never assumed.
    return _VIEWS.get(name, View.UNKNOWN)


def _acquired(sidecar: SidecarRecord, zone: tzinfo) -> Acquired:
    if sidecar.acquired_at:
        try:
            time = datetime.fromisoformat(sidecar.acquired_at)
            at = (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC)
        except (ValueError, OverflowError) as error:  # also year 1 east of Greenwich
            raise IncompleteMetadata(
                Reason.BAD_METADATA, "acquired_at is not an ISO 8601 date or date and time"
            ) from error
        return Acquired(at, TimeSource.SIDECAR, _zone_name(time.tzinfo) or str(zone))
    if sidecar.offset_days:
        return Acquired(DAY_ZERO + _offset(sidecar.offset_days), TimeSource.SIDECAR_OFFSET, "UTC")
    return Acquired(None, TimeSource.UNKNOWN, "")


def _zone_name(stated: tzinfo | None) -> str:
    """Return the name of a zone that the sidecar states; empty if it states none."""
    if stated is None:
        return ""
    return STATED_UTC if stated == UTC else str(stated)


def _offset(text: str) -> timedelta:
    try:
        days = float(text)
    except ValueError:
        days = math.nan
    if not abs(days) <= _FARTHEST_OFFSET_DAYS:
        raise IncompleteMetadata(Reason.BAD_METADATA, "offset_days is not a number of days")
    return timedelta(days=days)


def _decode(content: bytes) -> GreyImage:
    """Decode an image file after checking its size and checksums.

    Grey is read with all its 8 or 16 bits. Colour is read with 8 bits a channel: Pillow
    keeps the upper 8 of 16, which moves a grey value by at most 1/256 of the full scale.
    """
    # Pillow warns of sizes that `check_size` refuses a moment later, and of broken comments.
    try:
        _check_whole(content)
        image = Image.open(io.BytesIO(content), formats=_FORMATS)
        image.load()
        values = _orientation(image).upright(_grey(image))
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


def _grey(image: Image.Image) -> NDArray[np.uint8 | np.uint16]:
    if image.mode == "L":
        return np.asarray(image)
    if image.mode in _WIDE:
        return np.asarray(image).astype(np.uint16, copy=False)
    return _grey_of_colour(image)


def _grey_of_colour(image: Image.Image) -> NDArray[np.uint8]:
    """Return the first channel of a grey image stored in colour, as Cohen et al. do."""
    red, green, blue = (np.asarray(channel) for channel in image.convert("RGB").split())
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    coloured = np.count_nonzero(spread > _MOST_SPREAD) / spread.size
    if coloured > _MOST_COLOURED:
        raise UnreadableImage(
            Reason.COLOUR, f"{coloured:.0%} of the pixels are coloured: not a radiograph"
        )
    return red
