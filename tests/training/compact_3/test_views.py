from dataclasses import replace

import pytest
import torch

from training.compact_3.alterations import ALTERATIONS, altered
from training.compact_3.packing import CANVAS, LEFT, MASK_CANVAS, RIGHT
from training.compact_3.views import MILD, STRONG, Placed, plain_views, random_views, squares

COUNT = 12


@pytest.fixture
def canvases() -> torch.Tensor:
    canvas = torch.full((CANVAS, CANVAS), 60, dtype=torch.uint8)
    canvas[:, : CANVAS // 2] = 180
    return canvas.repeat(COUNT, 1, 1)


@pytest.fixture
def masks() -> torch.Tensor:
    mask = torch.full((MASK_CANVAS, MASK_CANVAS), LEFT, dtype=torch.uint8)
    mask[:, : MASK_CANVAS // 2] = RIGHT
    return mask.repeat(COUNT, 1, 1)


def placed(canvases: torch.Tensor, masks: torch.Tensor) -> Placed:
    return Placed(canvases, masks, torch.full((COUNT, 2), 0.5), squares(COUNT))


@pytest.mark.parametrize("limits", [MILD, STRONG])
def test_the_right_lung_stays_with_its_pixels_and_changes_its_name_in_a_mirror(
    canvases, masks, limits
) -> None:
    plain = replace(limits, bordered=0, enhanced=0, log_gamma=0, clipped=0, degraded=0, lettered=0)
    generator = torch.Generator().manual_seed(0)
    views = random_views(placed(canvases, masks), limits=plain, generator=generator)
    grey = torch.nn.functional.avg_pool2d(views.images, 4)
    bright = grey[:, 0] > 0
    lungs = torch.where(views.mirrored[:, None, None], views.masks[:, 1], views.masks[:, 0])

    assert 0 < views.mirrored.sum() < COUNT
    assert ((lungs > 0.5) == bright).float().mean() > 0.95


def test_a_border_is_black_white_or_grey_and_hides_nothing_within(canvases, masks) -> None:
    bordered = replace(MILD, bordered=1.0, degraded=0.0)
    generator = torch.Generator().manual_seed(0)
    views = random_views(placed(canvases, masks), limits=bordered, generator=generator)
    corners = views.images[:, 0, 0, 0]

    assert {-1024.0, 1024.0} <= set(corners.tolist())


def test_alterations_keep_the_network_s_range() -> None:
    images = torch.rand(2, 1, 224, 224, generator=torch.Generator().manual_seed(0)) * 2048 - 1024
    for name in ALTERATIONS:
        changed = altered(images, name)
        assert changed.shape == images.shape
        assert changed.abs().max() <= 1024.01
        assert (name == "none") == torch.allclose(changed, images, atol=0.01)


def test_compression_loses_little_of_what_is_smooth() -> None:
    ramp = torch.linspace(-1000, 1000, 224).expand(1, 1, 224, 224)

    assert (altered(ramp, "JPEG") - ramp).abs().max() < 0.03 * 2048


def test_a_frame_shows_that_part_of_the_film_and_of_its_masks(canvases, masks) -> None:
    left_half = torch.tensor([-0.5, 0.0, 0.4, 0.4]).repeat(COUNT, 1)

    views = plain_views(canvases, masks, left_half)

    assert (views.images > 0).all()
    assert views.masks[:, 0].mean() == pytest.approx(1.0)
    assert not views.masks[:, 1].any()
