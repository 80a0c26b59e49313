"""A site learns its own parameters when it has enough patients, once a week."""

import numpy as np

from db.courses import due, parameters
from flows.courses.learning import learn_parameters, learn_weekly
from flows.courses.update import update_courses
from severity.course import learning
from severity.course.parameters import Origin
from tests.builders.courses import film


def test_parameters_are_learned_once_there_are_enough_patients_and_then_weekly(
    archive, monkeypatch
):
    version = archive.queue().model_version_id
    archive.rows("UPDATE course_parameters SET derivation = 'as it came' RETURNING 1")
    levels = np.random.default_rng(0).normal(4, 1, 20)
    archive.add(
        *(
            film(f"{patient}-{day}", 2 * day, float(np.clip(level + day % 2, 0, 8)), f"p-{patient}")
            for patient, level in enumerate(levels)
            for day in range(3)
        )
    )
    update_courses(archive.database)
    assert not learn_weekly(archive.database, version)  # too few

    monkeypatch.setattr(learning, "FEWEST_SERIES", 20)
    assert learn_weekly(archive.database, version)
    history = archive.do(parameters.history)
    assert [(entry.origin, entry.is_current) for entry in history] == [
        ("site", False),
        (Origin.SITE, True),
    ]
    assert (history[1].patients, history[1].films) == (20, 60)
    assert archive.do(due.counts).outdated == archive.do(due.entries) == 20

    assert not learn_weekly(archive.database, version)  # this week
    archive.rows(
        "UPDATE course_parameters SET registered_at = now() - interval '8 days' RETURNING 1"
    )
    archive.add(film("single", 0, patient="p-single"))
    update_courses(archive.database)
    assert not learn_weekly(archive.database, version)  # from the same films, at each pass
    archive.add(film("0-6", 6, patient="p-0"))
    assert learn_weekly(archive.database, version)


def test_without_parameters_to_start_from_nothing_is_learned(archive):
    assert learn_parameters(archive.database, archive.queue("v2").model_version_id) is None
