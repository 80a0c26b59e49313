import pytest
import torch

from training.compact_3.processing import (
    degraded,
    enhanced,
    equalised,
    evened,
    exposed,
    lettered,
    multiscale,
    sharpened,
)


@pytest.fixture
def views() -> torch.Tensor:
    ramp = torch.linspace(0.2, 0.6, 224).expand(224, 224)
    noise = torch.rand(6, 1, 224, 224, generator=torch.Generator().manual_seed(0))
    return (ramp + 0.1 * (noise - 0.5)).clamp(0, 1)


def strengths(value: float) -> torch.Tensor:
    return torch.full((6, 1, 1, 1), value)


def test_every_way_of_processing_keeps_shape_and_range(views) -> None:
    generator = torch.Generator().manual_seed(0)
    for processed in (
        equalised(views, strengths(3.0), tiles=8),
        sharpened(views, strengths(2.0), radius=5),
        multiscale(views, strengths(0.7)),
        evened(views, strengths(0.6), radius=16),
        enhanced(views, share=1.0, generator=generator),
        exposed(views, log_gamma=0.5, clipped=1.0, generator=generator),
        degraded(views, share=1.0, generator=generator),
        lettered(views, share=1.0, generator=generator),
    ):
        assert processed.shape == views.shape
        assert processed.min() >= 0
        assert processed.max() <= 1
        assert (processed != views).any()


def test_equalising_without_a_limit_spreads_greys_evenly(views) -> None:
    equal = equalised(views, strengths(1e6), tiles=1)
    shares = torch.histc(equal, bins=4, min=0, max=1) / equal.numel()

    assert shares.tolist() == pytest.approx([0.25] * 4, abs=0.04)


def test_the_lower_the_limit_the_less_equalising_changes(views) -> None:
    changes = [
        (equalised(views, strengths(limit), tiles=8) - views).abs().mean().item()
        for limit in (1.0, 2.0, 4.0)
    ]

    assert changes == sorted(changes)
    assert changes[0] < 0.5 * changes[-1]


def test_a_share_of_none_changes_no_view(views) -> None:
    generator = torch.Generator().manual_seed(0)

    assert torch.equal(enhanced(views, share=0.0, generator=generator), views)
    assert torch.equal(lettered(views, share=0.0, generator=generator), views)
