"""What a network is taught by one lesson."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from training.compact_3.lessons import Labels, Lesson
from training.compact_3.network import Seen
from training.compact_3.views import Views
from training.protocol import EXTENT_MAXIMUM, OPACITY_MAXIMUM

_OPACITY_FACTOR = 1.3
"""By which an error of opacity counts more than one of extent, whose scale is wider."""
_LEAK = 0.05
"""Share of the gradient that remains where a prediction lies beyond its scale."""
_SIDES, _QUESTIONS, _LUNGS, _OPACITY, _BOTH = 0.5, 0.5, 0.5, 0.5, 0.3
_APART = 0.25  # points below which two views of a film need not agree better
_OUTSIDE, _LOCATED, _SOFT = 1.0, 0.3, 0.5
_EMPTY = 0.02  # share of a cell below which it counts as outside the lungs


@dataclass(frozen=True)
class Aims:
    """Which parts of the loss a setting uses: pixel masks, and agreement of two views."""

    maps: bool
    agreement: float


def lesson_loss(mild: Seen, strong: Seen, lesson: Lesson, aims: Aims) -> Tensor:
    """Return the loss of both views of a lesson."""
    loss = _view_loss(mild, lesson.mild, lesson.mild_labels, aims)
    loss = loss + _view_loss(strong, lesson.strong, lesson.strong_labels, aims)
    if aims.agreement:
        apart = (mild.points - strong.points) * points_of(mild.points)
        loss = loss + aims.agreement * smooth(apart, beta=_APART).mean()
    return loss


def _view_loss(seen: Seen, views: Views, labels: Labels, aims: Aims) -> Tensor:
    factor = points_of(seen.points)
    points = within_scale(seen.points)
    loss = weighted(smooth((points - labels.points) * factor), labels.point_weights)
    loss = loss + _SOFT * weighted(smooth((points - labels.soft) * factor), labels.soft_weights)
    sides = (within_scale(seen.sides(), high=0.5) - labels.sides) * EXTENT_MAXIMUM
    loss = loss + _SIDES * weighted(smooth(sides), labels.side_weights)
    answers = functional.binary_cross_entropy_with_logits(
        seen.questions, labels.answers, reduction="none"
    )
    loss = loss + _QUESTIONS * weighted(answers, labels.answer_weights)
    return loss + map_loss(seen, views.masks, labels) if aims.maps else loss


def points_of(shares: Tensor) -> Tensor:
    """Return by what an error of extent and of opacity counts, shape (2,)."""
    return torch.tensor([EXTENT_MAXIMUM, OPACITY_MAXIMUM * _OPACITY_FACTOR], device=shares.device)


def within_scale(shares: Tensor, *, high: float = 1.0) -> Tensor:
    """Clip predictions as scores are clipped, with a little gradient left beyond the scale."""
    clipped = shares.clamp(0, high)
    return clipped + _LEAK * (shares - clipped)


def smooth(errors: Tensor, *, beta: float = 1.0) -> Tensor:
    """Return the squared error where it is below ``beta``, the absolute one beyond (Huber)."""
    none = torch.zeros_like(errors)
    return functional.smooth_l1_loss(errors, none, reduction="none", beta=beta)


def weighted(losses: Tensor, weights: Tensor) -> Tensor:
    """Average losses by their weights; few labels in a batch do not count for more."""
    return (losses * weights).sum() / weights.sum().clamp_min(1.0)


def map_loss(seen: Seen, masks: Tensor, labels: Labels) -> Tensor:
    """Return the loss of the maps, and of evidence that lies where no opacity can be.

    Parameters
    ----------
    masks
        Shape (N, 4, 56, 56): right lung, left lung, opacity, both lungs.
    """
    known = labels.known
    each = functional.binary_cross_entropy_with_logits(seen.maps, masks, reduction="none")
    each = each.mean(dim=(2, 3))
    shares = seen.maps.sigmoid()
    overlap = 1 - _dice(shares, masks)
    weights = torch.tensor([_LUNGS, _LUNGS, _OPACITY, _BOTH], device=masks.device)
    drawn = weighted(each + 0.5 * overlap, known * weights)
    union = shares[:, :2].amax(dim=1).clamp(1e-4, 1 - 1e-4)
    joint = functional.binary_cross_entropy(union.float(), masks[:, 3], reduction="none")
    drawn = drawn + _BOTH * weighted(joint.mean(dim=(1, 2)), known[:, 3])
    return drawn + _evidence_loss(seen, masks, labels, shares.detach())


def _dice(shares: Tensor, masks: Tensor) -> Tensor:
    """Return the overlap of maps and masks, shape (N, 4); 1 where both are empty."""
    both = 2 * (shares * masks).sum(dim=(2, 3)) + 1
    return both / (shares.sum(dim=(2, 3)) + masks.sum(dim=(2, 3)) + 1)


def _evidence_loss(seen: Seen, masks: Tensor, labels: Labels, shares: Tensor) -> Tensor:
    side = seen.evidence.shape[-1]
    lungs = functional.adaptive_avg_pool2d(shares[:, [0, 1, 3]].amax(dim=1, keepdim=True), side)
    outside = (seen.evidence.abs() * (lungs < _EMPTY)).mean()
    opacity = functional.adaptive_avg_pool2d(masks[:, 2:3], side)
    mean = opacity.mean(dim=(2, 3), keepdim=True)
    extent = labels.points[:, :1, None, None]
    fine = (labels.known[:, 2] == 1) & (labels.point_weights[:, 0] > 0) & (mean.flatten() > 0)
    if seen.weights is None:
        located = (extent * opacity / mean.clamp_min(0.02)).clamp_max(4.0)
        errors = smooth(seen.evidence[:, :1] - located).mean(dim=(1, 2, 3))
    else:
        weights = seen.weights.mean(dim=1, keepdim=True)
        opaque = (opacity / lungs.clamp_min(0.1)).clamp_max(1.0)
        pooled = (opaque * weights).sum(dim=(2, 3), keepdim=True).clamp_min(0.02)
        located = (extent * opaque / pooled).clamp_max(1.5)
        errors = (smooth(seen.evidence[:, :1] - located) * weights).sum(dim=(1, 2, 3))
    return _OUTSIDE * outside + _LOCATED * weighted(errors, fine.float())
