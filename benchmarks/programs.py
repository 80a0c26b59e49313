"""Programs of the product that a benchmark starts: their environment, and how they are killed."""

import os
import signal
import subprocess
from contextlib import suppress
from typing import Any

_USER_SETTINGS = ("SEVERITY_", "PREFECT_", "AWS_", "DATABASE_URL")


def inherited_environment() -> dict[str, str]:
    """Return the environment of this process, without its user's settings of the product."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(_USER_SETTINGS)
    }


def kill_group(process: "subprocess.Popen[Any]") -> None:
    """Kill a process that leads a group, with all of that group, and wait for it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
