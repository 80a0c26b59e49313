"""Measure a ledger of many years: ``python -m benchmarks.scale --help``; docs/benchmarks.md."""

import argparse
import secrets
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console

from benchmarks.scale.building import build, check_counters, execute_file
from benchmarks.scale.claiming import Claiming
from benchmarks.scale.command import Sections, run
from benchmarks.scale.figures import Figure
from benchmarks.scale.passes import Passes
from benchmarks.scale.questions import Questions
from benchmarks.scale.server import check_empty, without_crash_safety
from db.engine import Database
from flows.resources import Progress, Resources
from flows.scoring.registration import register_model_version
from flows.settings import Settings

_SCORES, _FILES = 10_000_000, 1_000_000
_IMAGES, _MEANWHILE = 6_400, 50_000
_BYTES_OF_A_SCORE, _BYTES_BEFORE = 1300, 2600


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns
    -------
    The exit code: 0, or 1 if something is wrong; a target that is missed is only shown.
    """
    options = _options(arguments)
    return run(
        lambda url, folder, progress: _Measuring(options, url, folder, progress).measure(),
        database=options.database,
        file=options.json,
    )


class _Measuring:
    """One run of the benchmark on one database."""

    def __init__(
        self, options: argparse.Namespace, url: str, folder: Path, progress: Console
    ) -> None:
        self._options, self._url, self._progress = options, url, progress
        self._database = Database(url)
        self._settings = Settings(
            database_url=SecretStr(url),
            pseudonym_key=SecretStr(secrets.token_hex(32)),
            home=folder / "home",
        )
        self._passes = Passes(self._settings, folder / "inbox")

    def measure(self) -> Sections:
        """Build the database and measure everything in it."""
        options, progress = self._options, self._progress
        self._database.upgrade()
        check_empty(self._database)
        registered = register_model_version(Resources(self._settings, Progress()))
        with ExitStack() as stack:
            if not options.database:
                stack.enter_context(without_crash_safety(self._database))
            archive = build(self._database, options.scores, registered.row_id, progress)
        sections: Sections = {"Size": self._size()}
        self._passes.write_files(options.files, progress)
        sections["Passes"] = self._passes.first(options.files)
        progress.print("all files are enlisted and wait")
        claiming = Claiming(self._database, self._url, archive)
        sections["Ledger alone"] = claiming.measure(
            images=options.images, meanwhile=options.meanwhile, progress=progress
        )
        questions = Questions(self._database, archive, registered.version)
        sections["Questions and corrections"] = questions.measure()
        self._passes.decide(self._database)
        sections["Passes"] += self._passes.next(options.files)
        check_counters(self._database)
        self._database.dispose()
        return sections

    def _size(self) -> list[Figure]:
        """Return the bytes for each scored image, of each table and index and of all."""
        rows = execute_file(self._database, "sizes.sql")
        scores = self._options.scores
        parts = [
            Figure(f"{table} {index}".strip(), float(str(size)) / scores, "bytes")
            for table, index, size in rows
        ]
        total = sum(part.value for part in parts)
        name = "all, for each scored image"
        figures = [part for part in parts if part.value >= 1]
        return [*figures, Figure(name, total, "bytes", _BYTES_OF_A_SCORE, _BYTES_BEFORE)]


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    for name, default, meaning in (
        ("--scores", _SCORES, "scored images, of a tenth as many patients"),
        ("--files", _FILES, "small files in another source"),
        ("--images", _IMAGES, "new images that are claimed and closed in each round"),
        ("--meanwhile", _MEANWHILE, "new images that are closed while a snapshot is kept"),
    ):
        parser.add_argument(name, type=int, default=default, help=f"{meaning} ({default:,})")
    parser.add_argument(
        "--database", metavar="URL", help="an empty database instead of a server of its own"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the figures into this file"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
