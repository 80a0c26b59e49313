"""An archive whose model version has a parameter set, so that its patients have courses."""

from datetime import UTC, datetime, timedelta

from db.corrections import Author, begin
from db.courses import parameters
from db.courses.parameters import StoredParameters
from db.engine import Database
from db.events import Event, EventKind, EventTime, store_events
from flows.courses.update import update_courses
from severity.course.parameters import CourseParameters, Origin, ScoreParameters, Shift, Thresholds
from severity.domain import View
from tests.builders.archive import Archive, Film

DAY_ZERO = datetime(2020, 3, 1, 12, tzinfo=UTC)

# Levels that nearly are the images' own scores.
_EXACT = ScoreParameters(
    error=0.2,
    process_noise=1.0,
    prior_mean=dict.fromkeys(View, 3.0),
    prior_sd=2.0,
    view_shift={**dict.fromkeys(View, Shift(0.0, 0.0)), View.AP: Shift(0.7, 0.1)},
    margin=1.3,
    thresholds=Thresholds(0.95, 0.95),
)
EXACT = CourseParameters(_EXACT, _EXACT, 90.0, Origin.SITE, patients=40, films=200)


def film(name: str, day: float, extent: float = 3.0, **more: object) -> Film:
    return Film(name, at=DAY_ZERO + timedelta(days=day), extent=extent, **more)


class CourseArchive(Archive):
    """An archive with courses."""

    def __init__(self, database: Database, location: str = "/inbox") -> None:
        super().__init__(database, location)
        stored = StoredParameters(EXACT.sha256, EXACT.origin, EXACT.to_json(), 40, 200)
        self.do(parameters.adopt, self.queue().model_version_id, stored)

    def follow(self, *films: Film) -> None:
        """Let films appear, score them, and compute the courses of their patients."""
        self.add(*films)
        update_courses(self.database)

    def treat(self, label: str, day: float, end: float | None = None, patient: str = "p-1") -> None:
        """Import a drug that a patient got, and compute the patient's responses."""
        times = [day] if end is None else [day, end]
        start, *stop = (EventTime(DAY_ZERO + timedelta(days=at), is_date=False) for at in times)
        event = Event(patient, EventKind.DRUG, label, start, stop[0] if stop else None, "UTC")
        with self.database.transaction() as session:
            begin(session, Author("dr.roe", "imported"), "treatments imported")
            store_events(session, "import", [event])
        update_courses(self.database)
