"""The settings of the embedded PostgreSQL: its log, which people read, and its memory."""

import os
from collections.abc import Mapping
from pathlib import Path

_MEGABYTE = 2**20
_SHARE = 32  # of the memory: the network's own is more, and the system caches files beside it
_SMALLEST_BUFFERS = 128  # MB: PostgreSQL's own default
_LARGEST_BUFFERS = 1024  # MB: more did not help with ten million scores
_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")  # of a container: cgroup 2, and 1

# Statements hold values of rows: psycopg2 writes them into the text.
_LOG = {
    "log_min_messages": "log",  # beyond errors, which the program gets and explains itself
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",  # without the row that a constraint refused
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",  # two lines each five minutes
}


def write_settings(folder: Path) -> None:
    """Write the settings of a server that is not running; what else was set stays.

    Raises
    ------
    OSError
        The disk is full, or fails.
    """
    path = folder / "postgresql.auto.conf"
    settings = _LOG | {"shared_buffers": f"{buffers_megabytes(memory_bytes())}MB"}
    before = path.read_text()
    after = _with(before, settings)
    if after == before:
        return
    # Whole or not at all: a server does not start with half a line.
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(after)
    owner = path.stat()
    draft.chmod(owner.st_mode)
    os.chown(draft, owner.st_uid, owner.st_gid)  # root's server runs as another user
    draft.replace(path)


def _with(text: str, settings: Mapping[str, str]) -> str:
    """Return lines of settings with these instead of what they say of them."""
    kept = [line for line in text.splitlines() if line.partition("=")[0].strip() not in settings]
    return "\n".join([*kept, *(f"{name} = '{value}'" for name, value in settings.items())]) + "\n"


def buffers_megabytes(memory: int) -> int:
    """Return how much of a machine's memory PostgreSQL shall keep pages in.

    Rows of images come in the order of their hashes: each index of a large database is written
    all over.
    """
    return min(max(memory // _SHARE // _MEGABYTE, _SMALLEST_BUFFERS), _LARGEST_BUFFERS)


def memory_bytes(control_groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the machine's memory, or what its container may use of it."""
    pages, page_bytes = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return min([pages * page_bytes, *_limits(control_groups)])


def _limits(control_groups: Path) -> list[int]:
    files = [control_groups / name for name in _LIMITS]
    texts = [file.read_text().strip() for file in files if file.exists()]
    return [int(text) for text in texts if text.isdecimal()]  # else there is none
