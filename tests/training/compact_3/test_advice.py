from dataclasses import fields, replace

import numpy as np
import pytest

from training.compact_3.advice import line
from training.compact_3.tables import Labelled

FILMS = 40


@pytest.fixture
def labels() -> Labelled:
    points = np.random.default_rng(0).uniform(0, 6, (FILMS, 2))
    flags = {name: np.zeros(FILMS, bool) for name in ("healthy", "fitted", "hannover")}
    known = {"points": points, "scored": np.ones(FILMS, bool), **flags}
    others = {part.name: np.full(FILMS, "") for part in fields(Labelled) if part.name not in known}
    return Labelled(**known, **others)


def test_the_advice_for_the_training_on_all_films_has_a_line_too(labels: Labelled) -> None:
    fitted = line(labels.points * 0.8, np.ones((FILMS, 2)), labels, np.ones(FILMS, bool))

    assert fitted == pytest.approx(np.array([[1.25, 0.0], [1.25, 0.0]]))


def test_the_line_straightens_by_what_a_training_sees_alone(labels: Labelled) -> None:
    training = np.arange(FILMS) % 4 > 0
    shrunken = labels.points * 0.8 - 0.4
    others = replace(labels, points=np.where(training[:, None], labels.points, 0.0))

    fitted, without = (
        line(shrunken, np.ones((FILMS, 2)), each, training) for each in (labels, others)
    )

    assert fitted == pytest.approx(np.array([[1.25, 0.5], [1.25, 0.5]]))
    assert np.array_equal(fitted, without)
