"""Who runs the program."""

import getpass
import os


def login() -> str:
    """Return the name of the user who runs the program, or its number where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have none
        return f"user {os.getuid()}"
