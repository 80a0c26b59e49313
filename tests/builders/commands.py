"""The command line as tests run it; see the fixture ``command``."""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class CommandResult:
    code: int
    out: str
    err: str


Command = Callable[..., CommandResult]
Program = Callable[..., subprocess.CompletedProcess[str]]


def environment(**settings: str) -> dict[str, str]:
    """Return the environment of a program that a test starts.

    Prefect's variables in this process are left out: they depend on the tests that ran before.
    """
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")
    }
    return inherited | settings


def prefect_of_the_session() -> dict[str, str]:
    """Return Prefect's variables of the server that the fixture ``prefect`` started."""
    return {name: os.environ[name] for name in ("PREFECT_API_URL", "PREFECT_API_AUTH_STRING")}


def listed_models(command: Command) -> dict[str, dict[str, object]]:
    """Return the models of `model list`, by name."""
    models = json.loads(command("model", "list", "--json").out)["models"]
    return {model["name"]: model for model in models}


def undo(command: Command, out: str, why: tuple[str, ...]) -> CommandResult:
    """Run the command that the confirmation of a correction names."""
    named = re.search(r"Undo: cxr-severity (.*) --why \.\.\.\.?$", out.strip())
    assert named is not None, out
    return command(*shlex.split(named[1]), *why)
