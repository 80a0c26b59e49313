"""Checks for torch, which most of this program does not need."""

from importlib.util import find_spec

from severity.errors import NeedsTorch

_LIBRARIES = ("torch", "torchvision", "torchxrayvision")


def torch_installed() -> bool:
    """Return whether torch and the libraries that use it are installed, without loading any."""
    return not _missing()


def require_torch(feature: str) -> None:
    """Raise an error unless torch is installed; called before a module is imported that needs it.

    Parameters
    ----------
    feature
        The part that needs torch, in the words of the user, such as ``--saliency``.

    Raises
    ------
    NeedsTorch
        This environment lacks torch, or a library that goes with it.
    """
    if missing := _missing():
        raise NeedsTorch(
            f"{feature} needs {missing[0]}, which is not installed here: run `make install` in a "
            "clone, or `pip install cxr-severity` where the package is installed"
        )


def _missing() -> list[str]:
    return [name for name in _LIBRARIES if find_spec(name) is None]
