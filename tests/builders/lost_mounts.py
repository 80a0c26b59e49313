"""A mount whose server is lost: what looks at it waits, and no signal but SIGKILL ends that."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def lost_mount(folder: Path) -> Iterator[None]:
    """Mount a file system in user space that nobody serves; skip the test where that may not be."""
    try:
        device = os.open("/dev/fuse", os.O_RDWR)
    except OSError:
        pytest.skip("no /dev/fuse on this machine")
    try:
        options = f"fd={device},rootmode=40000,user_id=0,group_id=0"
        command = ["mount", "-i", "-t", "fuse", "-o", options, "nobody", str(folder)]
        if subprocess.run(command, pass_fds=[device], capture_output=True, check=False).returncode:
            pytest.skip("this user may mount nothing")
        try:
            yield
        finally:
            os.close(device)  # those who wait are told that nobody answers
            device = -1
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
    finally:
        if device >= 0:
            os.close(device)
