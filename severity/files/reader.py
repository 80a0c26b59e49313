"""Reading a radiograph from the bytes of one file, or rejecting it with a reason."""

from datetime import tzinfo

from severity.codecs.helper_processes import DecodingHelpers
from severity.dicom.file_start import as_dicom_file
from severity.dicom.reader import read_dicom
from severity.domain import Reason
from severity.errors import ImageOutsideLimits, UnreadableImage, UntrustworthyPixels
from severity.files.png_jpeg import read_raster
from severity.files.sidecar import SidecarRecord
from severity.images.limits import check_bytes
from severity.images.radiograph import Radiograph
from severity.pseudonym import DerivedUids

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"


def read_radiograph(
    content: bytes,
    sidecar: SidecarRecord | None,
    *,
    uids: DerivedUids,
    zone: tzinfo,
    helpers: DecodingHelpers | None = None,
) -> Radiograph:
    """Read a DICOM, PNG or JPEG file; its content, not its name, decides which.

    Parameters
    ----------
    content
        The whole file.
    sidecar
        The file's record in the sidecar, if any; not used for DICOM files.
    uids
        Those that a PNG or JPEG file gets; not used for DICOM files.
    zone
        Assumed for times without one.
    helpers
        Processes for the decoders that would stop other threads; if None, they run here.

    Raises
    ------
    RejectedImage
        The image must not be scored; the error has the reason.
    HelperUnavailable
        The machine starts no process; never without ``helpers``.
    """
    check_bytes(len(content))
    try:
        radiograph = _read(content, sidecar, uids=uids, zone=zone, helpers=helpers)
    except MemoryError as error:
        raise ImageOutsideLimits(
            Reason.TOO_LARGE, "the memory is too small to decode the image"
        ) from error
    if radiograph.grey.is_one_grey():
        rejected = UntrustworthyPixels("the image shows nothing but one grey value")
        rejected.decisions = radiograph.decisions
        raise rejected
    return radiograph


def _read(
    content: bytes,
    sidecar: SidecarRecord | None,
    *,
    uids: DerivedUids,
    zone: tzinfo,
    helpers: DecodingHelpers | None,
) -> Radiograph:
    if (file := as_dicom_file(content)) is not None:
        return read_dicom(file, zone=zone, helpers=helpers)
    if content.startswith((_PNG, _JPEG)):
        return read_raster(content, sidecar, uids=uids, zone=zone)
    raise UnreadableImage(Reason.NOT_AN_IMAGE, "neither DICOM nor PNG nor JPEG")
