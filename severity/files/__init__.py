"""Reading radiographs from files: DICOM, and PNG or JPEG with their sidecar."""

from typing import TYPE_CHECKING

from severity.lazy_names import importing_when_asked

if TYPE_CHECKING:
    from severity.files.reader import read_radiograph
    from severity.files.sidecar import (
        SIDECAR_NAMES,
        UNNAMED,
        NumberedRecord,
        SidecarRecord,
        SidecarRecords,
        parse_sidecar,
    )
else:
    __getattr__ = importing_when_asked(__name__)

__all__ = [
    "SIDECAR_NAMES",
    "UNNAMED",
    "NumberedRecord",
    "SidecarRecord",
    "SidecarRecords",
    "parse_sidecar",
    "read_radiograph",
]
