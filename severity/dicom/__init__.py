"""Reading DICOM files: attributes, times, pixel data and its display."""
