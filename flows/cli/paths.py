"""Files, folders and locations that a command is told: an empty one names none.

A variable of the shell that is not set gives an empty argument. As a path that is the current
folder, into which films would be received or a database made without a word.
"""

import os
from typing import Any

import click

_EMPTY = "it is empty: is a variable of the shell not set?"


class NamedPath(click.Path):
    """A file or folder, by a path that is not empty."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 - click's
        """Return the path; end with wrong use where it is empty, or not what it must be."""
        if not os.fspath(value):
            self.fail(_EMPTY, param, ctx)
        return super().convert(value, param, ctx)


class NamedLocation(click.ParamType[str]):
    """A drop folder or a prefix in an object store, which is not empty."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the location; end with wrong use where it is empty."""
        if not value:
            self.fail(_EMPTY, param, ctx)
        return value
