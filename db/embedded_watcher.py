"""Stop the embedded PostgreSQL once no program uses it, however the last one ended.

A script of the standard library alone, so that it takes little memory: a program that uses the
server starts it, and it outlives the program. The kernel releases the lock of a killed program.
"""

import fcntl
import subprocess
import sys
from pathlib import Path


def stop_when_unused(users: Path, pg_ctl: str, folder: str, user: str) -> None:
    """Wait until nobody holds the lock of the server's users; then stop the server.

    Whoever comes meanwhile waits for the lock, and starts the server again.
    """
    with users.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for mode in ("fast", "immediate"):
            stop = subprocess.run(  # noqa: S603 - our own
                [pg_ctl, "-D", folder, "-m", mode, "-w", "stop"],
                user=user or None,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )
            if stop.returncode == 0:
                return


if __name__ == "__main__":
    stop_when_unused(Path(sys.argv[1]), *sys.argv[2:])
