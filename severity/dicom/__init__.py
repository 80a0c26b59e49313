"""Reading DICOM files: attributes, times, pixel data and its display."""

from typing import TYPE_CHECKING

from severity.lazy_names import importing_when_asked

if TYPE_CHECKING:
    from severity.dicom.file_start import as_dicom_file
    from severity.dicom.identity import DEMOGRAPHICS, REFERENCE, read_identity
    from severity.dicom.reader import read_dicom
else:
    __getattr__ = importing_when_asked(__name__)

__all__ = ["DEMOGRAPHICS", "REFERENCE", "as_dicom_file", "read_dicom", "read_identity"]
