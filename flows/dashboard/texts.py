"""The English texts of the pages, all from one file: ``texts.toml``."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import SimpleNamespace
from typing import Any


@cache
def texts() -> SimpleNamespace:
    """Return the texts of the pages by section and name, as in ``texts().worklist.title``."""
    content = files("flows.dashboard").joinpath("texts.toml").read_text(encoding="utf-8")
    return _named(tomllib.loads(content))


def _named(section: Mapping[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(
        **{
            name: _named(value) if isinstance(value, dict) else value
            for name, value in section.items()
        }
    )
