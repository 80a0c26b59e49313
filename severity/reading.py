"""From the bytes of one file to a radiograph, or to the reason why not."""

from datetime import tzinfo

from severity.dicom import read_dicom
from severity.domain import Reason
from severity.errors import ImageOutsideLimits, UnreadableImage
from severity.limits import check_bytes
from severity.radiograph import Radiograph
from severity.raster import read_raster
from severity.sidecar import SidecarRecord

_DICOM_MAGIC_AT = 128
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"


def read_radiograph(
    content: bytes, sidecar: SidecarRecord | None, *, content_sha256: str, zone: tzinfo
) -> Radiograph:
    """Read a DICOM, PNG or JPEG file; its content, not its name, tells which.

    Parameters
    ----------
    content
        The whole file.
    sidecar
        What the sidecar says of it; DICOM files speak for themselves and ignore it.
    content_sha256
        The file's hash, from which PNG and JPEG get their identity.
    zone
        Assumed for times without one.

    Raises
    ------
    RejectedImage
        With the reason, when the image must not be scored.
    """
    check_bytes(len(content))
    try:
        return _read(content, sidecar, content_sha256=content_sha256, zone=zone)
    except MemoryError as error:
        raise ImageOutsideLimits(
            Reason.TOO_LARGE, "the memory is too small to decode the image"
        ) from error


def _read(
    content: bytes, sidecar: SidecarRecord | None, *, content_sha256: str, zone: tzinfo
) -> Radiograph:
    if content[_DICOM_MAGIC_AT:].startswith(b"DICM"):
        return read_dicom(content, zone=zone)
    if content.startswith((_PNG, _JPEG)):
        return read_raster(content, sidecar, content_sha256=content_sha256, zone=zone)
    raise UnreadableImage(Reason.NOT_AN_IMAGE, "neither DICOM nor PNG nor JPEG")
