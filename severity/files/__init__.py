"""Reading any file of a film: DICOM, PNG or JPEG with its sidecar."""
