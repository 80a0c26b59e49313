"""torch, which most of this program does without: what needs it says so, and how to get it."""

from importlib.util import find_spec

from severity.errors import NeedsTorch

_LIBRARIES = ("torch", "torchvision", "torchxrayvision")


def torch_installed() -> bool:
    """Tell whether this environment has torch and what goes with it, without loading any."""
    return not _missing()


def require_torch(what: str) -> None:
    """Raise an error unless torch is installed; called before a module is imported that needs it.

    Parameters
    ----------
    what
        Needs torch, in the words of the user, such as ``--saliency``.

    Raises
    ------
    NeedsTorch
        This environment has no torch, or lacks what goes with it.
    """
    if missing := _missing():
        raise NeedsTorch(
            f"{what} needs {missing[0]}, which is not installed here: run `make install` in a "
            "clone, or `pip install cxr-severity` where the package is installed"
        )


def _missing() -> list[str]:
    return [name for name in _LIBRARIES if find_spec(name) is None]
