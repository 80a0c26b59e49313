"""Mute the libraries that read, write and move images: their messages stay out of all logs."""

import logging
import warnings

_LIBRARIES = ("pydicom", "PIL", "imagecodecs", "highdicom", "pynetdicom", "httpx", "httpcore")


def mute_libraries() -> None:
    """Silence warnings and logs of the libraries that handle images, for the whole process.

    They quote values of images, which may be a patient's, and addresses with UIDs in them. What
    matters is checked by `severity`. Filters do this for all of them; `pydicom.config` has a
    setting for values alone, and only once pydicom is imported, which most commands need not wait
    for.
    """
    for name in _LIBRARIES:
        warnings.filterwarnings("ignore", module=rf"{name}\b")
        logger = logging.getLogger(name)
        logger.propagate = False
        if not logger.handlers:  # without any, Python would write to standard error
            logger.addHandler(logging.NullHandler())
