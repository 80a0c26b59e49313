"""Settings that are lists: their entries stand in one line, with commas between them."""

from typing import Annotated

from pydantic import BeforeValidator
from pydantic_settings import NoDecode


def _entries(value: object) -> object:
    if isinstance(value, str):
        return tuple(entry for entry in map(str.strip, value.split(",")) if entry)
    return value


CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_entries)]
"""The entries of a list, without the blanks around them."""
