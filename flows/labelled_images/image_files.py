"""The files of a labelled folder's images, by their names in its tables."""

from pathlib import Path, PureWindowsPath

from flows.errors import UsageError

_PLACES = ("", "images")


def find_image(folder: Path, name: str) -> Path | None:
    """Find an image next to the tables or in ``images``; None if it is in neither.

    All names of one file, such as ``x.png``, ``./x.png`` and ``images/x.png``, lead to one path,
    in which links are resolved. A backslash separates as ``/`` does.

    Raises
    ------
    UsageError
        The name leads out of the folder. A link may: whoever made the folder made it.
    """
    inside = PureWindowsPath(name)
    if inside.anchor or Path(name).is_absolute() or ".." in inside.parts:
        raise UsageError(f"{folder}: {name} is not a name within the folder")
    for place in _PLACES:
        if path := _file(folder / place / inside.as_posix()):
            return path
    return None


def find_if_inside(folder: Path, name: str) -> Path | None:
    """Find an image; None also if its name leads out of the folder."""
    try:
        return find_image(folder, name)
    except UsageError:
        return None


def _file(path: Path) -> Path | None:
    """Return where a file lies, with links resolved; None if there is none, or cannot be."""
    try:
        return path.resolve(strict=True) if path.is_file() else None
    except (OSError, ValueError):  # a name is too long, for example
        return None
