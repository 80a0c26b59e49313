"""What passes over a source of very many files cost: the first, which reads them, and the next."""

import json
import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from benchmarks.jobs import BenchmarkError
from benchmarks.scale.building import execute_file
from benchmarks.scale.figures import Figure
from db.engine import Database
from flows.settings import Settings

_ROOT = Path(__file__).parents[2]
_FILES_OF_A_FOLDER = 1000
_PASS_SECONDS, _PASS_MIB = 60, 500
_MIB = 2**20


class Passes:
    """Measures passes over a folder of small files, each in a process of its own."""

    def __init__(self, settings: Settings, inbox: Path) -> None:
        self._settings, self._inbox = settings, inbox

    def write_files(self, files: int, progress: Console) -> None:
        """Write files of some bytes, each with another content."""
        for number in range(files):
            if number % _FILES_OF_A_FOLDER == 0:
                folder = self._inbox / f"{number // _FILES_OF_A_FOLDER:06}"
                folder.mkdir(parents=True)
            (folder / f"{number:09}.dcm").write_bytes(f"no image {number}".encode())
        progress.print(f"{files:,} files written")

    def first(self, files: int) -> list[Figure]:
        """Enlist all files; they wait."""
        measured = self._process("first")
        if measured["enlisted"] != files:
            raise BenchmarkError(f"{measured['enlisted']:.0f} of {files} files were enlisted")
        return [
            Figure(f"first pass over {files:,} files, without scoring", measured["seconds"], "s"),
            Figure("its peak memory", measured["peak_bytes"] / _MIB, "MiB"),
        ]

    def decide(self, database: Database) -> None:
        """Let all files be decided, so that nothing waits and no network is loaded."""
        execute_file(database, "reject.sql", {"source": str(self._inbox)})

    def next(self, files: int) -> list[Figure]:
        """Pass over the same files again: all are known, and nothing waits."""
        measured = self._process("next")
        if measured["enlisted"] or measured["seen"] != files:
            raise BenchmarkError(f"the files were not recognised: {measured}")
        megabytes = measured["peak_bytes"] / _MIB
        return [
            Figure(f"pass over {files:,} known files", measured["seconds"], "s", _PASS_SECONDS),
            Figure("of its own processor", measured["processor_seconds"], "s"),
            Figure("its peak memory", megabytes, "MiB", _PASS_MIB),
        ]

    def _process(self, which: str) -> dict[str, float]:
        command = [sys.executable, "-m", "benchmarks.scale.pass_process", str(self._inbox), which]
        ended = subprocess.run(
            command,
            cwd=_ROOT,
            env=_environment(self._settings),
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode:
            raise BenchmarkError(f"the {which} pass failed: {ended.stderr[-2000:]}")
        measured: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
        return measured


def _environment(settings: Settings) -> dict[str, str]:
    """Return the environment that names the measured database, as an operator would set it."""
    others = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SEVERITY_") and name != "DATABASE_URL"
    }
    secrets = settings.database_url, settings.pseudonym_key
    url, key = (secret.get_secret_value() if secret else "" for secret in secrets)
    return others | {
        "DATABASE_URL": url,
        "SEVERITY_PSEUDONYM_KEY": key,
        "SEVERITY_HOME": str(settings.home),
        "SEVERITY_SETTLE_SECONDS": "0",
    }
