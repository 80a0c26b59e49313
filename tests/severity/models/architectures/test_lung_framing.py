"""Images and features that are limited to the lungs."""

import pytest

pytest.importorskip("torch")
import torch
from torch import Tensor
from torch.nn import functional

from severity.models.architectures.lung_framing import (
    LIMITS,
    framed,
    frames_of,
    lung_weights,
    over_lungs,
)

SIDE = 56


def lungs(*, top: int = 16, bottom: int = 40, left: int = 12, right: int = 44) -> Tensor:
    """Two rectangles with a gap between them, shape (1, 2, 56, 56)."""
    drawn = torch.zeros(1, 2, SIDE, SIDE)
    middle = (left + right) // 2
    drawn[0, 0, top:bottom, left : middle - 2] = 1
    drawn[0, 1, top:bottom, middle + 2 : right] = 1
    return drawn


def edges(frames: Tensor) -> list[float]:
    """Return the left, right, upper and lower edge of the first frame, pixels of the maps."""
    column, row, width, height = ((frames[0] + torch.tensor([1, 1, 0, 0])) * SIDE / 2).tolist()
    return [column - width, column + width, row - height, row + height]


def test_a_frame_holds_both_lungs_and_little_more() -> None:
    left, right, top, bottom = edges(frames_of(lungs()))

    assert 4 < left < 12
    assert 44 < right < 52
    assert 8 < top < 16
    assert 40 < bottom < 48


def test_a_frame_moves_with_the_lungs() -> None:
    here, there = edges(frames_of(lungs())), edges(frames_of(lungs(left=16, right=48, top=12)))

    assert there[0] - here[0] == pytest.approx(4, abs=0.2)
    assert there[1] - here[1] == pytest.approx(4, abs=0.2)
    assert there[2] < here[2] - 3


def test_without_lungs_the_whole_image_is_seen_and_all_of_it_counts() -> None:
    images = torch.rand(1, 1, 224, 224)
    none = torch.zeros(1, 2, SIDE, SIDE)

    frames = frames_of(none)

    assert frames[0, 2:].tolist() == [LIMITS[1]] * 2
    assert torch.allclose(framed(images, frames), images, atol=1e-3)
    assert lung_weights(none, 7).flatten(2).tolist() == [[pytest.approx([1 / 49] * 49)] * 2]


def test_a_film_within_a_border_shows_the_same_lungs() -> None:
    """What is scored hardly depends on how a film was cut out or published."""
    film, drawn = torch.zeros(1, 1, 224, 224), lungs()
    film[:, :, 64:160, 48:176] = torch.rand(1, 1, 96, 128, generator=torch.manual_seed(0))
    margin = 24
    small = functional.interpolate(film, size=224 - 2 * margin, mode="area")
    smaller = functional.interpolate(drawn, size=SIDE - 12, mode="area")
    bordered, within = functional.pad(small, (margin,) * 4), functional.pad(smaller, (6,) * 4)

    apart = framed(film, frames_of(drawn)) - framed(bordered, frames_of(within))

    blurred = functional.avg_pool2d(apart, 16)
    assert blurred.abs().max() < 0.1
    assert functional.avg_pool2d(film - bordered, 16).abs().max() > 0.4


def test_features_are_averaged_over_each_lung_however_small() -> None:
    features = torch.zeros(1, 2, 7, 7)
    features[0, 0, :, :3], features[0, 0, :, 4:] = 3.0, 1.0
    features[0, 1] = torch.eye(7)
    drawn = torch.zeros(1, 2, SIDE, SIDE)
    drawn[0, 0, :, : 3 * 8], drawn[0, 1, :8, 6 * 8 :] = 1, 1

    right, left = over_lungs(features, drawn)[0, :, 0].tolist()

    assert right == pytest.approx(3, abs=0.1)
    assert left == pytest.approx(1, abs=0.4)
