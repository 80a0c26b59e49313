"""An archive that two model versions scored: the films of one go over into courses of the other."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from db.courses import parameters
from db.courses.parameters import StoredParameters
from flows.courses.update import update_courses
from tests.builders.archive import Archive, Film, model
from tests.severity.course.builders import SET

FORMER, CURRENT = "v1", "v2"
SLOPE, INTERCEPT = 1.2, -0.3
_FORGET_SCORES = """
    DELETE FROM {table} USING image, model_version
    WHERE image.id = image_id AND image_uid IN ('1.f0', '1.f1', '1.beyond')
        AND model_version.id = model_version_id AND key = :key RETURNING image_id
"""
_DAY_0 = datetime(2020, 3, 1, 12, tzinfo=UTC)


class BridgedArchive(Archive):
    """Both versions have parameter sets, and the current one wants what comes."""

    def learnable(self, patients: int = 41, films: int = 3) -> None:
        """Let both versions score films that they agree on along a line."""
        rng = np.random.default_rng(0)
        drawn = [
            dated(f"l{patient}-{number}", number, rng.uniform(1, 5), patient=f"p-l{patient}")
            for patient in range(patients)
            for number in range(films)
        ]
        for version in (FORMER, CURRENT):
            stored = StoredParameters(SET.sha256, SET.origin, SET.to_json(), 40, 200)
            self.do(parameters.adopt, self.queue(version).model_version_id, stored)
        self.scored(*drawn, by=FORMER)
        moved = [
            replace(
                film,
                extent=as_current(film.extent) + rng.normal(0, 0.2),
                opacity=film.opacity + rng.normal(0, 0.2),
            )
            for film in drawn
        ]
        self.scored(*moved, by=CURRENT)

    def across(self, patient: str) -> None:
        """Let a patient have two films by the former version alone, then two by the current."""
        former = [dated(f"f{day}", day, 2.0 + day / 10, patient=patient) for day in (0, 1)]
        current = [dated(f"c{day}", day, 4.0, patient=patient) for day in (4, 5)]
        self.scored(*former, by=FORMER)
        self.scored(*current, by=CURRENT)
        self.forget_former_films(by=CURRENT)

    def forget_former_films(self, *, by: str) -> None:
        """Let a version have scored no film that is to be the former version's alone."""
        for table in ("score_output", "score"):
            self.rows(_FORGET_SCORES.format(table=table), key=model(by).key)
        update_courses(self.database)

    def scored(self, *films: Film, by: str) -> None:
        """Let one version score films, and nothing wait for the other."""
        for start in range(0, len(films), 90):
            self.enlist(*films[start : start + 90], by=by)
            self.score(by=by)
        update_courses(self.database)


def as_current(extent: float) -> float:
    return INTERCEPT + SLOPE * extent


def dated(name: str, day: float, extent: float = 3.0, **more: object) -> Film:
    at = _DAY_0 + timedelta(days=day)
    return Film(name, at=at, extent=extent, opacity=0.6 * extent, **more)
