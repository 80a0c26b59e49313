"""The pictures of docs/reading-a-course.md: courses of real patients, by the product itself.

``make pictures`` scores the series of `training.course_films` in a database of its own, and draws
the patients that the page shows.
"""

import argparse
import asyncio
import csv
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from types import MappingProxyType

from PIL import Image
from pydantic import SecretStr

from db.reading import courses, model_versions
from db.reading.courses import Course
from flows.demo.images import write_demo_inbox
from flows.demo.treatments import TREATED, import_demo_treatments
from flows.orchestration.environment import configure_prefect
from flows.reports.courses.chart import course_figure
from flows.resources import Progress, Resources
from flows.scoring.inbox_pass import score_new
from flows.settings import Settings
from severity.domain import PatientId
from training.course_films import DatedFilm, dated_films

_KEY = SecretStr("the pictures of the documentation")
"""Fixed, so that the pictures name the same pseudonyms each time; these patients are public."""

_DPI, _COLOURS = 110, 32

PATIENTS: Mapping[str, str] = MappingProxyType(
    {
        "long": "cidc-244",
        "better": "cidc-245",
        "worse": "cidc-173",
        "steady": "cidc-253",
        "views": "cidc-263",
    }
)
"""The patient of each picture, as `training.course_films` names them."""


def write_inbox(films: Sequence[DatedFilm], folder: Path) -> None:
    """Fill a folder with copies of films, and with the sidecar that describes them."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "patient_id", "offset_days", "view"])
        for film in films:
            copyfile(film.path, folder / film.path.name)
            writer.writerow([film.path.name, film.patient, film.day, film.view])


def draw_pictures(data: Path, out: Path, home: Path) -> None:
    """Score the series in ``home`` as a nightly pass does, and draw the patients of the page.

    The demonstration's simulated patient comes with them: of no real one are treatments known.
    """
    write_inbox(dated_films(data), home / "inbox")
    write_demo_inbox(home / "demo")
    configure_prefect(home, quiet=True)
    # Not by a model that learned from these very films, which it repeats too well.
    settings = Settings(
        home=home, device="cpu", model="compact-2", pseudonym_key=_KEY, settle_seconds=0
    )
    resources = Resources(settings, Progress())
    for inbox in ("inbox", "demo"):
        asyncio.run(score_new(str(home / inbox), resources))
    import_demo_treatments(home / "treatments.csv", resources)
    out.mkdir(parents=True, exist_ok=True)
    patients = {name: PatientId(patient) for name, patient in PATIENTS.items()}
    with resources.read_database().transaction() as session:
        (version,) = model_versions.with_scores(session, excluding="")
        for name, patient in (patients | {"simulated": TREATED}).items():
            course = courses.course(session, resources.pseudonym(patient), version)
            _draw(course, out / f"course-{name}.png")


def _draw(course: Course, path: Path) -> None:
    """Draw a course in few colours, so that the repository stays small."""
    picture = BytesIO()
    course_figure(course).savefig(picture, format="png", dpi=_DPI)
    with Image.open(picture) as drawn:
        drawn.convert("RGB").quantize(_COLOURS).save(path, optimize=True)


def main() -> None:
    """Draw the pictures that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of cidc and hannover")
    parser.add_argument("--out", type=Path, required=True, help="where the pictures go")
    parser.add_argument("--home", type=Path, help="keep the database here, for a second time")
    arguments = parser.parse_args()
    with TemporaryDirectory() as temporary:
        home = arguments.home or Path(temporary)
        home.mkdir(parents=True, exist_ok=True)
        draw_pictures(arguments.data, arguments.out, home.resolve())


if __name__ == "__main__":
    main()
