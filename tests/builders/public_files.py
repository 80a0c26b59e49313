"""What becomes of each file that pydicom and pydicom-data ship: `python -m` prints it as CSV."""

import csv
import logging
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import data_store
import pydicom

from severity.domain import OutOfDistribution
from severity.errors import RejectedImage
from severity.files.reader import read_radiograph
from severity.images.preprocessing import to_model_input
from severity.pseudonym import DerivedUids
from severity.reliability.out_of_distribution import frontal_distribution
from tests.builders.reading import UTC

_FOLDERS = {
    "pydicom": Path(pydicom.__path__[0]) / "data",
    "pydicom-data": Path(data_store.__path__[0]) / "data",
}
_PROGRAMS = {".py", ".pyc", ".json", ".csv", ".txt", ".dump", ".icc", ".gz", ".md"}


def public_files() -> Iterator[tuple[str, Path]]:
    """List them by package and path, in order; programs and tables are left out."""
    for package, folder in _FOLDERS.items():
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix not in _PROGRAMS:
                yield f"{package}/{path.relative_to(folder)}", path


def outcome(path: Path) -> str:
    """Return ``read``, with the flag if there is one, or why the file is rejected."""
    try:
        image = read_radiograph(path.read_bytes(), None, uids=DerivedUids.unlinked(), zone=UTC)
    except RejectedImage as rejected:
        return rejected.reason
    (check,) = frontal_distribution().check([to_model_input(image.grey)])
    flag: OutOfDistribution | None = check.out_of_distribution
    return f"read, {flag}" if flag else "read"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable()
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["file", "outcome"])
    table.writerows((name, outcome(path)) for name, path in public_files())
