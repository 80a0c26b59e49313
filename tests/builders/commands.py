"""The command line as tests run it; see the fixture ``command``."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


Command = Callable[..., Ended]


def listed_models(command: Command) -> dict[str, dict[str, object]]:
    """Return what `model list` says of each model, by its name."""
    models = json.loads(command("model", "list", "--json").out)["models"]
    return {model["name"]: model for model in models}


Program = Callable[..., subprocess.CompletedProcess[str]]
