"""How much memory a process and its helpers hold."""

import os
import resource
from pathlib import Path

_KIB = 1024
_PROC = Path("/proc")


def own_peak_bytes() -> int:
    """Return the most memory that this process ever held.

    The kernel's high-water mark where it can be read: `getrusage` also counts what the parent
    held when it started this process.
    """
    try:
        status = (_PROC / "self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB
    mark = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(mark.split()[1]) * _KIB


def tree_bytes(pid: int) -> int:
    """Return what a process and all below it hold now; what they share counts for each.

    0 where the kernel does not tell.
    """
    try:
        pages = int((_PROC / f"{pid}/statm").read_text().split()[1])
        children = [
            int(child)
            for task in (_PROC / f"{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:  # it ended meanwhile
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(map(tree_bytes, children))
