"""Learn how opaque a zone is from what networks draw, and measure zones and lungs.

``python -m training.compact_3.zones`` lets the network of each fold draw the films that it did not
see. A line takes the mean probability of opacity in a zone to the share of it that radiologists'
masks call opaque; it is learned on those masks and on healthy films, whose share is 0.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from scipy.stats import pearsonr

from severity.domain import Lungs, Scale, Zone
from severity.heads.lungs import Division, zone_means
from severity.models.architectures.lung_maps import LungNetwork
from training.compact_3.bundle import Straightening
from training.compact_3.packing import (
    FIRST_ZONE,
    FOLDS,
    OPACITY_KNOWN,
    SCALES,
    SIDES_KNOWN,
    Packed,
    unpack,
)
from training.compact_3.tables import Labelled, read_unclipped_folds
from training.compact_3.views import framed_masks, plain_views, within_squares
from training.targets import ZONE_MAXIMUM

_AT_ONCE = 32
_HEALTHY_WEIGHT = 0.5
"""Of all healthy films, where all films with masks of opacities weigh 1."""
_ONE_SIDED = 1.0
"""Points of extent by which a reader's lungs differ, for their order to count."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Zones:
    """Zones of N films, shape (N, 2, 3) each; not a number where unknown.

    ``drawn`` are mean probabilities of networks that did not see the film, ``masked`` the shares
    that masks call opaque, ``brixia`` Brixia's zones as shares of 3 points.
    """

    drawn: Floats
    masked: Floats
    brixia: Floats

    @classmethod
    def of(cls, packed: Packed, weights: Path, setting: str) -> "Zones":
        """Let each fold's network draw the films that it did not see."""
        zones = cls(*(np.full((len(packed.fold), 2, 3), np.nan) for _ in range(3)))
        is_graded = (packed.answer_weights[:, FIRST_ZONE:] > 0).all(axis=1)
        zones.brixia[is_graded] = packed.answers[is_graded, FIRST_ZONE:].reshape(-1, 2, 3)
        bits = np.bitwise_or.reduce(packed.masks.reshape(len(packed.masks), -1), axis=1)
        has_mask = (bits & (SIDES_KNOWN | OPACITY_KNOWN)) == SIDES_KNOWN | OPACITY_KNOWN
        for fold in range(FOLDS):
            network = LungNetwork.of(load_file(weights / f"{setting}-{fold}-0.safetensors"))
            wanted = is_graded | has_mask | packed.healthy | packed.scored
            rows = np.flatnonzero(wanted & (packed.fold == fold))
            for row, maps, masks in _drawn(network.eval(), packed, rows):
                zones.drawn[row] = _or_nan(zone_means(maps))
                if has_mask[row]:
                    zones.masked[row] = _or_nan(zone_means(masks[:3]))
        # Their masks, where they have any, are of lungs alone.
        zones.masked[packed.healthy] = 0
        return zones


@torch.inference_mode()
def _drawn(
    network: LungNetwork, packed: Packed, rows: NDArray[np.intp]
) -> Iterator[tuple[int, NDArray[np.float32], NDArray[np.float32]]]:
    for first in range(0, len(rows), _AT_ONCE):
        some = rows[first : first + _AT_ONCE]
        masks = torch.from_numpy(packed.masks[some])
        images = plain_views(torch.from_numpy(packed.canvases[some]), masks).images
        _, maps, frames = network.looks(images)
        # The network draws what its frame shows.
        masks = framed_masks(masks, within_squares(frames))
        yield from zip(some.tolist(), maps.numpy(), masks.numpy(), strict=True)


def _or_nan(means: Floats | None) -> Floats:
    return np.full((2, 3), np.nan) if means is None else means


def fitted(zones: Zones, healthy: NDArray[np.bool_], rows: NDArray[np.bool_]) -> Division:
    """Learn the line on some films that have masks, or are healthy."""
    known = rows & np.isfinite(zones.masked + zones.drawn).all(axis=(1, 2))
    ill = known & ~healthy
    weights = np.where(healthy, _HEALTHY_WEIGHT * ill.sum() / (known & healthy).sum(), 1.0)
    slope, offset = np.polyfit(
        zones.drawn[known].ravel(),
        zones.masked[known].ravel(),
        1,
        w=np.sqrt(np.repeat(weights[known], 6)),
    )
    return Division(round(float(slope), 4), round(float(offset), 4))


def measured(
    zones: Zones, points: Floats, labels: Labelled, packed: Packed, fold: NDArray[np.int64]
) -> dict[str, Any]:
    """Measure zones and lungs on films that neither network nor line saw."""
    divisions = [fitted(zones, packed.healthy, fold != held_out) for held_out in range(FOLDS)]
    lungs = [_lungs(divisions[of], zones, points, place) for place, of in enumerate(fold)]
    found = np.array([each is not None for each in lungs])
    shares = np.array([_shares(each) for each in lungs])
    ill = found & np.isfinite(zones.masked).all(axis=(1, 2)) & ~packed.healthy
    graded = found & np.isfinite(zones.brixia).all(axis=(1, 2))
    healthy = found & packed.healthy
    table = {
        "masks": {
            "films": int(ill.sum()),
            "mae": _rounded(np.abs(shares - zones.masked)[ill].mean()),
            "r": _r(shares[ill], zones.masked[ill]),
        },
        "brixia": {
            "films": int(graded.sum()),
            "r": _r(shares[graded], zones.brixia[graded]),
            "r_by_zone": {
                zone.value: _r(each, readers)
                for zone, each, readers in zip(
                    Zone,
                    shares[graded].reshape(-1, 6).T,
                    zones.brixia[graded].reshape(-1, 6).T,
                    strict=True,
                )
            },
            "share_at_grade": {
                str(grade): _rounded(shares[graded][_at(zones.brixia[graded], grade)].mean())
                for grade in range(int(ZONE_MAXIMUM) + 1)
            },
        },
        "healthy": {"films": int(healthy.sum()), "mean_share": _rounded(shares[healthy].mean())},
    }
    sided = found & labels.scored & (packed.side_weights[:, 0] > 0) & (labels.points[:, 0] > 0)
    readers = packed.sides[sided] * SCALES[0]
    own = np.array([_extents(each) for each in lungs])[sided]
    one_sided = np.abs(readers[:, 0] - readers[:, 1]) > _ONE_SIDED
    halves = np.repeat(points[sided, :1].clip(0, SCALES[0]) / 2, 2, axis=1)
    table["extent_of_a_lung"] = {
        "films": int(sided.sum()),
        "mae": _rounded(np.abs(own - readers).mean()),
        "mae_of_halves": _rounded(np.abs(halves - readers).mean()),
        "r": _r(own, readers),
        "one_sided": int(one_sided.sum()),
        "right_side": _rounded(
            np.mean((own[:, 0] > own[:, 1]) == (readers[:, 0] > readers[:, 1]), where=one_sided)
        ),
    }
    return table


def _lungs(division: Division, zones: Zones, points: Floats, place: int) -> Lungs | None:
    means = zones.drawn[place]
    if not np.isfinite(means).all():
        return None
    scales = (Scale(0, SCALES[0]), Scale(0, SCALES[1]))
    extent, opacity = (scale.clip(p) for scale, p in zip(scales, points[place], strict=True))
    return division.of_zones((extent, opacity), scales, means)


def _shares(lungs: Lungs | None) -> Floats:
    values = [np.nan] * 6 if lungs is None else list(lungs.zones.values())
    return np.array(values).reshape(2, 3)


def _extents(lungs: Lungs | None) -> tuple[float, float]:
    if lungs is None:
        return np.nan, np.nan
    return lungs.right.geographic_extent, lungs.left.geographic_extent


def _at(shares: Floats, grade: int) -> NDArray[np.bool_]:
    return np.asarray(np.round(shares * ZONE_MAXIMUM) == grade)


def _r(one: Floats, other: Floats) -> float:
    return _rounded(pearsonr(one.ravel(), other.ravel()).statistic)


def _rounded(value: float) -> float:
    return round(float(value), 3)


def main() -> None:
    """Run the command."""
    options = _options()
    packed, labels = unpack(options.films), Labelled.read(options.films)
    torch.set_num_threads(1)
    folds = read_unclipped_folds(options.trained / "predictions.npz", options.setting)
    weights = packed.point_weights.astype(float)
    lines = Straightening.fit(folds.points, weights, labels, packed.fold)
    zones = Zones.of(packed, options.weights, options.setting)
    points = lines.unseen(folds.points, packed.fold)
    division = fitted(zones, packed.healthy, np.ones(len(packed.fold), bool))
    table = measured(zones, points, labels, packed, packed.fold)
    content = {"setting": options.setting, "line": asdict(division), "measured": table}
    options.out.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(content, indent=2), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training.compact_3.zones",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--films", type=Path, default=Path("work/films.npz"))
    parser.add_argument("--trained", type=Path, default=Path("work/out"))
    parser.add_argument(
        "--weights", type=Path, default=Path("work/results"), help="folder of the folds' networks"
    )
    parser.add_argument("--setting", default="advised")
    parser.add_argument("--out", type=Path, default=Path("work/zones.json"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
