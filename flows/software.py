"""Which software this is, as runs and models record it."""

from importlib.metadata import version

SOFTWARE = f"cxr-severity {version('cxr-severity')}"
