"""Parameters that a model version adopts, and films at times of a patient."""

from datetime import UTC, datetime, timedelta

from db.courses import parameters
from db.courses.parameters import StoredParameters
from severity.course.parameters import CourseParameters
from tests.builders.archive import Archive, Film
from tests.severity.course.builders import SET

DAY_0 = datetime(2020, 3, 1, tzinfo=UTC)


def film(name: str, day: float, extent: float = 3.0, patient: str = "p-1", **more) -> Film:
    return Film(name, patient, at=DAY_0 + timedelta(days=day), extent=extent, **more)


def adopt(archive: Archive, chosen: CourseParameters = SET, *, by: str = "v1") -> None:
    """Let a model version's courses rest on a parameter set."""
    archive.do(parameters.adopt, archive.queue(by).model_version_id, stored_set(chosen))


def stored_set(chosen: CourseParameters = SET) -> StoredParameters:
    return StoredParameters(
        chosen.sha256, chosen.origin, chosen.to_json(), chosen.patients, chosen.films
    )
