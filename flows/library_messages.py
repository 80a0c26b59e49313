"""Mute the libraries that read and write images: their messages stay out of terminals and logs."""

import logging
import warnings

_LIBRARIES = ("pydicom", "PIL", "imagecodecs", "highdicom", "pynetdicom")


def mute_libraries() -> None:
    """Silence warnings and logs of the libraries that handle images, for the whole process.

    They quote values of images, which may be a patient's. What matters is checked by
    `severity`. Filters do this for all of them; `pydicom.config` has a setting for values alone,
    and only once pydicom is imported, which most commands need not wait for.
    """
    for name in _LIBRARIES:
        warnings.filterwarnings("ignore", module=rf"{name}\b")
        logger = logging.getLogger(name)
        logger.propagate = False
        if not logger.handlers:  # without any, Python would write to standard error
            logger.addHandler(logging.NullHandler())
