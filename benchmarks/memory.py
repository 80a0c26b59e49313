"""The memory of a process and its helpers."""

import os
import resource
from pathlib import Path

_KIB = 1024
_PROC = Path("/proc")


def own_peak_bytes() -> int:
    """Return the peak memory of this process.

    The kernel's high-water mark if it can be read: `getrusage` also counts the memory of the
    parent when it started this process.
    """
    try:
        status = (_PROC / "self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB
    mark = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(mark.split()[1]) * _KIB


def tree_bytes(pid: int) -> int:
    """Return the current memory of a process and all its descendants.

    Shared pages count for each process. 0 if it cannot be read.
    """
    try:
        pages = int((_PROC / f"{pid}/statm").read_text().split()[1])
        children = [
            int(child)
            for task in (_PROC / f"{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:  # the process ended meanwhile
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(map(tree_bytes, children))
