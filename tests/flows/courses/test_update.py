"""Courses follow what is stored, whatever is corrected, interrupted or done twice."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from db.corrections import correct_time, forget, merge, move, restore, split, withdraw
from flows.courses.update import update_courses
from severity.course.course import follow
from severity.course.series import Films
from tests.builders.archive import Film
from tests.flows.courses.conftest import adopt
from tests.severity.course.builders import SET

DAY_0 = datetime(2020, 3, 1, tzinfo=UTC)


def film(name: str, day: float, extent: float = 3.0, patient: str = "p-1", **more) -> Film:
    return Film(name, patient, at=DAY_0 + timedelta(days=day), extent=extent, **more)


def rows(archive, table="course", order="image_id, model_version_id"):
    return archive.rows(f"SELECT {table}::text FROM {table} ORDER BY {order}")


def test_each_film_has_the_level_that_the_core_computes(archive):
    days, extents = [0.0, 2.0, 2.0, 9.0], [1.0, 4.0, 4.5, 5.0]
    archive.add(*(film(f"f{n}", day, extents[n]) for n, day in enumerate(days)))

    assert update_courses(archive.database) == 1

    films = Films(
        np.zeros(4, dtype=np.int64),
        np.array(days),
        np.array(extents),
        np.zeros(4, dtype=np.int8),
        np.ones(4, dtype=bool),
    )
    courses = follow(films, np.array([0]), SET.geographic_extent)
    stored = archive.rows(
        """
        SELECT days, extent_level, extent_smoothed_level, extent_worse, extent_verdict, is_baseline
        FROM course ORDER BY at, image_id
        """
    )
    assert [row[0] for row in stored] == days
    assert np.array([row[1] for row in stored]) == pytest.approx(courses.level, rel=1e-6)
    assert np.array([row[2] for row in stored]) == pytest.approx(courses.smoothed_level, rel=1e-6)
    assert stored[0][3:] == (None, None, True)
    assert np.array([row[3] for row in stored[1:]]) == pytest.approx(courses.worse[1:], rel=1e-6)
    assert [row[4] for row in stored[1:]] == courses.verdicts[1:].tolist()
