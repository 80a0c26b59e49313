"""The folder that keeps this installation's state."""

import os
from pathlib import Path

from platformdirs import user_data_path


def default_home() -> Path:
    """Return the folder that keeps state if none is set.

    Not below root's own home: the embedded PostgreSQL never runs as root, and would have to
    open that folder to another user.
    """
    if os.geteuid() == 0:
        return Path("/var/lib/cxr-severity")
    return user_data_path("cxr-severity")
