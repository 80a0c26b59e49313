"""Write all reader-scored films as a folder that ``evaluate`` and ``train`` read.

``python -m training.compact_3.labelled_folder --out DIR`` joins the films of all sources, names
each patient once over all of them, and leaves out what is kept back. Then, with any model or set of
weights::

    cxr-severity evaluate --data DIR --model compact-2 --out report
    cxr-severity train --data DIR --name mine --backbone compact-2
"""

import argparse
import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from training.compact_3.films import Film, development_films


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m training.compact_3.labelled_folder", description=__doc__
    )
    data = Path(os.environ.get("SEVERITY_TEST_DATA", "../shared/data"))
    parser.add_argument("--data", type=Path, default=data)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    films = [film for film in development_films(options.data.resolve()) if film.scored]
    write_folder(films, options.out)
    print(f"{len(films)} films of {len({film.patient for film in films})} patients")


def write_folder(films: Sequence[Film], folder: Path) -> None:
    """Write the films, as links to where they lie, with their scores, patients, views and days."""
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    for film in films:
        (images / film.path.name).symlink_to(film.path)
    _write_rows(
        folder / "severity_scores.csv",
        (
            {
                "filename": film.path.name,
                "geographic_extent_mean": film.extent,
                "opacity_mean": film.opacity,
            }
            for film in films
        ),
    )
    _write_rows(
        folder / "metadata.csv",
        (
            {
                "filename": film.path.name,
                "patientid": film.patient,
                "view": film.view,
                "offset": "" if film.day is None else film.day,
            }
            for film in films
        ),
    )


def _write_rows(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    listed = list(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(listed[0]))
        writer.writeheader()
        writer.writerows(listed)


if __name__ == "__main__":
    main()
