"""The command line as tests run it; see the fixture ``command``."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


Command = Callable[..., Ended]
Program = Callable[..., subprocess.CompletedProcess[str]]


def environment(**settings: str) -> dict[str, str]:
    """Return the environment of a program that a test starts.

    What Prefect was told in this process is left out: it depends on the tests that ran before.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return kept | settings


def listed_models(command: Command) -> dict[str, dict[str, object]]:
    """Return what `model list` says of each model, by its name."""
    models = json.loads(command("model", "list", "--json").out)["models"]
    return {model["name"]: model for model in models}
