"""The command line, ``cxr-severity``."""

from flows.cli.app import main

__all__ = ["app", "lazy_group", "main"]
