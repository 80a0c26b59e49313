"""What can go wrong while scoring. Each class says what the caller must do.

SeverityError
├── RejectedImage               quarantine this image with its reason code, go on
│   ├── UnreadableImage         the bytes are not a whole image of a known kind
│   │   └── InaccessibleImage   count it and tell the operator: it is still there, unopened
│   ├── ImageOutsideLimits      more bytes, rows or columns than are safe, or too few
│   ├── NotAFrontalChestRadiograph
│   ├── UntrustworthyPixels     pixel values contradict what the file says of them
│   ├── IncompleteMetadata      patient or time cannot be determined
│   └── ConflictingImage        contradicts, or repeats, an image that is already known
├── UnreadableSidecar           tell the operator; its images wait for a readable one
├── NoBridge                    show the two model versions apart: nothing joins their scores
├── WrongParameters             stop: no course could be trusted; learn or install them again
├── HelperUnavailable           stop: the machine starts no process, no image is to blame
└── ModelUnavailable            stop: nothing can be scored by this model version
    ├── WrongWeights            the weights are not the ones named; never load them
    └── NeedsTorch              stop: install torch, or use what runs without it
"""

import struct

from severity.domain import Decision, Reason

BROKEN_FILE = (
    OSError,
    EOFError,
    ArithmeticError,
    LookupError,
    AttributeError,
    TypeError,
    ValueError,
    RuntimeError,
    struct.error,
)
"""Exceptions of libraries over a broken file; a reader turns them into `UnreadableImage`."""


class SeverityError(Exception):
    """Base of every error that `severity` raises on purpose."""


class RejectedImage(SeverityError):
    """The image must not be scored. ``reason`` is the code that the ledger keeps.

    The message states values and limits, never a patient. ``decisions`` are those that the reader
    took before this one.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.decisions: tuple[Decision, ...] = ()


class UnreadableImage(RejectedImage):
    """The bytes are not a whole image of a kind that this project reads."""


class InaccessibleImage(UnreadableImage):
    """It is still there and cannot be opened: no permission, a damaged disk, a link out."""


class ImageOutsideLimits(RejectedImage):
    """Decoding it could exhaust the memory, or it is too small to show lungs."""


class NotAFrontalChestRadiograph(RejectedImage):
    """A lateral, another body part, or not a radiograph for presentation."""


class UntrustworthyPixels(RejectedImage):
    """The pixel values contradict what the file says of them."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.UNTRUSTWORTHY_PIXELS, message)


class IncompleteMetadata(RejectedImage):
    """The patient or the time cannot be determined from the file or its sidecar."""


class ConflictingImage(RejectedImage):
    """It contradicts, or repeats, an image that is already known."""


class UnreadableSidecar(SeverityError):
    """The sidecar is not the CSV or JSON that the documentation describes."""


class NoBridge(SeverityError):
    """The scores of two model versions cannot be converted; the message has number and limit."""


class WrongParameters(SeverityError):
    """These are no parameters of courses, or not the ones that were named."""


class HelperUnavailable(SeverityError):
    """No process that decodes images can be started here and now."""


class ModelUnavailable(SeverityError):
    """The model version cannot be loaded here and now."""


class WrongWeights(ModelUnavailable):
    """The weights are not the ones that the model version names."""


class NeedsTorch(ModelUnavailable):
    """The requested operation runs on torch, which is not installed."""
