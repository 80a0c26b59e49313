"""The home folder: only its owner can read it, and locks that end with their process."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from platformdirs import user_data_path

from flows.errors import UsageError

_OWNER_ALONE = 0o700
_OTHERS_PASS_THROUGH = 0o711


def default_home() -> Path:
    """Return the folder that keeps state if none is set.

    Not below root's own home: the embedded PostgreSQL never runs as root, and would have to
    open that folder to another user.
    """
    if os.geteuid() == 0:
        return Path("/var/lib/cxr-severity")
    return user_data_path("cxr-severity")


def absolute_folder(path: Path) -> Path:
    """Return a folder by its whole path, in which "~" is the home of a user.

    Raises
    ------
    ValueError
        The path depends on the folder that a process happens to be in, or there is no such user.
    """
    try:
        whole = path.expanduser()
    except RuntimeError:
        raise ValueError('there is no such user after "~"') from None
    if not whole.is_absolute():
        raise ValueError('it is no whole path, which begins with "/" or "~"')
    return whole


def home_of_environment() -> Path:
    """Return the home folder that the environment names; the default where it names none."""
    try:
        return absolute_folder(Path(os.environ.get("SEVERITY_HOME") or default_home()))
    except ValueError:  # the settings refuse it, once they are read
        return default_home()


def private_home(home: Path) -> Path:
    """Return the home folder, made if it is missing, which only its owner can list.

    Root's lets others pass through: the embedded PostgreSQL never runs as root, and its folder
    is inside.

    Raises
    ------
    UsageError
        It is no folder that this user can write to.
    """
    try:
        _private(home, _OTHERS_PASS_THROUGH if os.geteuid() == 0 else _OWNER_ALONE)
    except FileExistsError:
        raise UsageError(f"{home} is no folder: move that file, or correct SEVERITY_HOME") from None
    except OSError as error:
        raise UsageError(_unusable(home, error.strerror or "it fails")) from error
    if not os.access(home, os.W_OK | os.X_OK):
        raise UsageError(_unusable(home, "it cannot be written to"))
    return home


def private_folder(path: Path) -> Path:
    """Return a folder that only its owner can enter, made if it is missing, tightened if open."""
    return _private(path, _OWNER_ALONE)


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Lock a file until the context or the process ends, however it ends; do not wait.

    The value is False if another process has the lock.
    """
    # Not `touch`, which would also set the file's time.
    descriptor = os.open(path, os.O_CREAT | os.O_RDONLY, mode=0o600)
    with os.fdopen(descriptor) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _unusable(home: Path, why: str) -> str:
    return (
        f"{home} cannot be the home folder of this user: {why}. Run as the user that owns it, or "
        "correct SEVERITY_HOME"
    )


def _private(path: Path, mode: int) -> Path:
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    state = path.stat()
    # A folder that all users share, such as /tmp, is not ours to close.
    shared = state.st_mode & stat.S_ISVTX
    if state.st_uid == os.geteuid() and not shared and stat.S_IMODE(state.st_mode) & ~mode:
        path.chmod(stat.S_IMODE(state.st_mode) & mode)
    return path
