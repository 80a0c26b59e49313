"""Batches of views with their labels, drawn at random from the packed films."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.compact_3.packing import (
    BOTH_KNOWN,
    CANVAS,
    FIRST_ZONE,
    MASK_CANVAS,
    OPACITY_KNOWN,
    SIDES_KNOWN,
    Packed,
)
from training.compact_3.views import Limits, Placed, Views, random_views, squares
from training.targets import MIRRORED_ZONES

_SEAM = 8  # pixels of the canvas over which two joined films blend
_UNFRAMED = 0.5
"""Share of the strong views that are not cut out around the lungs."""
_COARSE = 0.3
"""Weight of an opacity that a box or the word healthy states, where a pixel mask has 1."""


@dataclass(frozen=True)
class Labels:
    """Labels of N views; see `training.compact_3.packing.Packed`.

    ``known`` is the weight of each of the four masks, shape (N, 4); ``soft`` are the points that
    earlier networks gave, and ``soft_weights`` 0 where there are none.
    """

    points: Tensor
    point_weights: Tensor
    sides: Tensor
    side_weights: Tensor
    answers: Tensor
    answer_weights: Tensor
    known: Tensor
    soft: Tensor
    soft_weights: Tensor

    @property
    def have_points(self) -> Tensor:
        """Which of the views have any point, by readers or not, shape (N,)."""
        return self.point_weights.any(dim=1)

    def of(self, rows: Tensor) -> "Labels":
        """Return the labels of these films."""
        return Labels(*(getattr(self, part.name)[rows] for part in fields(self)))

    def seen(self, mirrored: Tensor) -> "Labels":
        """Exchange the lungs where a view is mirrored."""
        swapped = mirrored[:, None]
        answers = self.answers.clone()
        zones = answers[:, FIRST_ZONE:]
        answers[:, FIRST_ZONE:] = torch.where(swapped, zones[:, MIRRORED_ZONES], zones)
        sides = torch.where(swapped, self.sides.flip(1), self.sides)
        return replace(self, sides=sides, answers=answers)


@dataclass(frozen=True)
class Lesson:
    """The same films seen twice, mildly and strongly changed, and what is known of them."""

    mild: Views
    strong: Views
    mild_labels: Labels
    strong_labels: Labels


@dataclass(frozen=True)
class Canvases:
    """Films on the device that trains.

    ``frames`` is what views show of them, shape (N, 4), as `training.compact_3.views`: first the
    square that scoring cuts out; a training may move them in place.
    """

    pixels: Tensor
    masks: Tensor
    extents: Tensor
    labels: Labels
    sampling: Tensor
    frames: Tensor

    @classmethod
    def of(cls, packed: Packed, device: str, soft: NDArray[np.float32] | None = None) -> "Canvases":
        """Move the films to a device; ``soft`` is the advice, shape (N, 2)."""

        def moved(array: NDArray[np.generic]) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(device)

        none = np.zeros_like(packed.points)
        labels = Labels(
            moved(packed.points),
            moved(packed.point_weights),
            moved(packed.sides),
            moved(packed.side_weights),
            moved(packed.answers),
            moved(packed.answer_weights),
            moved(_known(packed)),
            moved(none if soft is None else soft),
            moved(none if soft is None else (packed.point_weights == 0).astype(np.float32)),
        )
        return cls(
            moved(packed.canvases),
            moved(packed.masks),
            moved(packed.extents),
            labels,
            moved(packed.sampling),
            squares(len(packed.fold), device=device),
        )


def _known(packed: Packed) -> NDArray[np.float32]:
    bits = packed.masks[:, 0, 0]
    sides, opacity, both = ((bits & bit) > 0 for bit in (SIDES_KNOWN, OPACITY_KNOWN, BOTH_KNOWN))
    fine = np.where(sides, 1.0, _COARSE) * opacity
    return np.stack([sides, sides, fine, both], axis=1).astype(np.float32)


def lessons(  # noqa: PLR0913 - what a lesson is made of
    films: Canvases,
    training: NDArray[np.bool_],
    *,
    batch: int,
    joined: float,
    unlabelled: float = 1.0,
    limits: tuple[Limits, Limits],
    generator: torch.Generator,
) -> Iterator[Lesson]:
    """Yield lessons without end, from the films of the training set alone.

    Parameters
    ----------
    joined
        Share of the films with known sides whose left lung is replaced by another such film's.
    unlabelled
        Factor by which films without points are drawn more often than their sampling says.
    limits
        Of the mild and of the strong views.
    """
    sampling = films.sampling * torch.where(films.labels.have_points, 1.0, unlabelled)
    weights = sampling * torch.from_numpy(training).to(films.sampling.device)
    while True:
        rows = torch.multinomial(weights, batch, generator=generator)
        pixels, masks, labels = films.pixels[rows], films.masks[rows], films.labels.of(rows)
        if joined:
            pixels, masks, labels = _joined(
                pixels, masks, labels, share=joined, generator=generator
            )
        # A film must be drawn well before its lungs are known: strong views are of either kind.
        either = torch.rand(batch, 1, generator=generator, device=pixels.device) < _UNFRAMED
        whole = torch.where(either, squares(batch, device=pixels.device), films.frames[rows])
        seen = [
            random_views(
                Placed(pixels, masks, films.extents[rows], frames),
                limits=limit,
                generator=generator,
            )
            for limit, frames in zip(limits, (films.frames[rows], whole), strict=True)
        ]
        mild, strong = seen
        yield Lesson(mild, strong, labels.seen(mild.mirrored), labels.seen(strong.mirrored))


def _joined(
    pixels: Tensor, masks: Tensor, labels: Labels, *, share: float, generator: torch.Generator
) -> tuple[Tensor, Tensor, Labels]:
    """Replace the left lung of some films by another film's, with its share of the extent.

    The opacity of such a film, its answers and the advice are unknown.
    """
    count, device = len(pixels), pixels.device
    sided = labels.side_weights[:, 0] > 0
    chosen = sided & (torch.rand(count, generator=generator, device=device) < share)
    donors = torch.nonzero(sided)[:, 0]
    if not len(donors):
        return pixels, masks, labels
    drawn = torch.randint(len(donors), (count,), generator=generator, device=device)
    other = donors[drawn]
    blend = torch.linspace(0, 1, _SEAM, device=device)
    side = (CANVAS - _SEAM) // 2
    right = torch.cat([torch.zeros(side, device=device), blend, torch.ones(side, device=device)])
    both = (pixels * (1 - right) + pixels[other] * right).to(torch.uint8)
    cut = torch.arange(MASK_CANVAS, device=device) >= MASK_CANVAS // 2
    mixed = torch.where(cut, masks[other], masks)
    sides = torch.stack([labels.sides[:, 0], labels.sides[other, 1]], dim=1)
    which = chosen[:, None]
    weight = torch.minimum(labels.side_weights, labels.side_weights[other])
    points = torch.stack([sides.sum(dim=1), labels.points[:, 1]], dim=1)
    known = torch.minimum(labels.known, labels.known[other])
    none = torch.zeros_like(labels.point_weights)
    return (
        torch.where(chosen[:, None, None], both, pixels),
        torch.where(chosen[:, None, None], mixed, masks),
        replace(
            labels,
            sides=torch.where(which, sides, labels.sides),
            side_weights=torch.where(which, weight, labels.side_weights),
            points=torch.where(which, points, labels.points),
            point_weights=torch.where(
                which, torch.cat([weight[:, :1], none[:, :1]], dim=1), labels.point_weights
            ),
            answer_weights=torch.where(
                which, torch.zeros_like(labels.answer_weights), labels.answer_weights
            ),
            known=torch.where(which, known, labels.known),
            soft_weights=torch.where(which, none, labels.soft_weights),
        ),
    )
