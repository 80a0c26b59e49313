from dataclasses import fields

import numpy as np
import pytest
import torch

from training.compact_3.lessons import Canvases, lessons
from training.compact_3.packing import (
    CANVAS,
    FIRST_ZONE,
    MASK_CANVAS,
    QUESTIONS,
    SIDES_KNOWN,
    Packed,
)
from training.compact_3.views import MILD

FILMS = 8


@pytest.fixture
def packed() -> Packed:
    """Films whose grey level, extent and right lung tell which film it is."""
    number = np.arange(FILMS, dtype=np.float32)
    shape = (FILMS, 2)
    sides = np.stack([number / 100, number / 50], axis=1)
    answers = np.zeros((FILMS, QUESTIONS), np.float32)
    answers[:, FIRST_ZONE : FIRST_ZONE + 3] = 1
    arrays = {
        "canvases": np.repeat(number * 20 + 40, CANVAS**2).reshape(-1, CANVAS, CANVAS),
        "masks": np.full((FILMS, MASK_CANVAS, MASK_CANVAS), SIDES_KNOWN),
        "extents": np.full(shape, 0.5, np.float32),
        "points": np.stack([sides.sum(axis=1), number / 10], axis=1),
        "point_weights": np.ones(shape, np.float32),
        "sides": sides,
        "side_weights": np.ones(shape, np.float32),
        "answers": answers,
        "answer_weights": np.ones_like(answers),
        "sampling": np.ones(FILMS, np.float32),
    }
    others = {part.name: np.zeros(FILMS) for part in fields(Packed) if part.name not in arrays}
    arrays |= {key: arrays[key].astype(np.uint8) for key in ("canvases", "masks")}
    return Packed(**arrays, **others)


def drawn(packed: Packed, *, joined: float):
    training = np.arange(FILMS) >= 4
    generator = torch.Generator().manual_seed(0)
    return lessons(
        Canvases.of(packed, "cpu"),
        training,
        batch=4,
        joined=joined,
        limits=(MILD, MILD),
        generator=generator,
    )


def test_no_film_outside_the_training_set_is_ever_in_a_lesson(packed) -> None:
    source = drawn(packed, joined=0.5)
    for _ in range(2):
        sides = next(source).mild_labels.sides
        assert sides[sides > 0].min() >= 0.04


def test_the_lungs_change_sides_in_a_mirrored_view(packed) -> None:
    lesson = next(drawn(packed, joined=0.0))
    for views, labels in ((lesson.mild, lesson.mild_labels), (lesson.strong, lesson.strong_labels)):
        right_is_smaller = labels.sides[:, 0] < labels.sides[:, 1]
        assert torch.equal(right_is_smaller, ~views.mirrored)
        assert torch.equal(labels.answers[:, FIRST_ZONE] == 1, ~views.mirrored)


def test_joined_films_have_the_sum_of_both_lungs_and_no_known_opacity(packed) -> None:
    lesson = next(drawn(packed, joined=1.0))
    labels = lesson.mild_labels

    assert labels.points[:, 0].tolist() == pytest.approx(labels.sides.sum(dim=1).tolist())
    assert labels.point_weights.tolist() == [[1, 0]] * 4
    assert labels.answer_weights.sum() == 0
