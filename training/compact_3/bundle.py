"""Write the trained network as the bundled model ``compact-3``, with its card and calibration.

``python -m training.compact_3.bundle`` reads what `training.compact_3.cross_validation` wrote. What
the card states is of networks that never saw the film's patient: the shipped network saw all films.
"""

import argparse
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from flows.models.fit_record import FITTED_ON
from flows.models.store import short_hashes
from severity.domain import MeasurementError, Scale, StandardError
from severity.evaluation.agreement import metrics
from severity.evaluation.conformal import Predicted, margins
from severity.evaluation.repeatability import standard_error
from severity.heads.lungs import Division
from severity.models.architectures.lung_maps import LungNetwork
from severity.reliability.calibration import Calibration, ScoreCalibration
from training.artefact import TrainedModel, file_sha256, write
from training.compact_3.alterations import ALTERATIONS
from training.compact_3.packing import FOLDS, SCALES
from training.compact_3.tables import VIEWS, Labelled, Measured, read_unclipped_folds, repeats
from training.head import LinearHead

NAME = "compact-3"
HEALTHY = 0.1
"""What all healthy films weigh in the final line, where all films with readers' scores weigh 1."""
RETAKEN = ("none", "crop", "rotation", "gamma", "JPEG")
"""What makes another image of the same film: framed, rotated, exposed and compressed otherwise."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Straightening:
    """The line that takes a network's points to the readers', of each fold and of all films.

    ``lines`` has shape (FOLDS + 1, 2, 2): for each fold the slope and the offset of both scores,
    fitted on the other folds; the last on all.
    """

    lines: Floats

    @classmethod
    def fit(
        cls, points: Floats, weights: Floats, labels: Labelled, fold: NDArray[np.int64]
    ) -> "Straightening":
        """Fit the lines on the readers' films, each point by its weight in training, (N, 2).

        Healthy films, whose points are 0, have a small part of all weight.
        """
        places = range(FOLDS + 1)
        return cls(np.stack([line(points, weights, labels, fold != place) for place in places]))

    def unseen(self, points: Floats, fold: NDArray[np.int64]) -> Floats:
        """Straighten points of shape (..., N, 2), each by the line that saw no film of its fold."""
        lines = self.lines[fold]
        straight: Floats = points * lines[:, :, 0] + lines[:, :, 1]
        return straight

    def heads(self, weights: Mapping[str, Tensor]) -> tuple[LinearHead, LinearHead]:
        """Return the heads of the network that saw all films."""
        rows = weights["evidence.weight"][:, :, 0, 0].double().numpy()
        offsets = weights["evidence.bias"].double().numpy()
        extent, opacity = (
            LinearHead(
                (row * scale * slope).astype(np.float32),
                float(offset * scale * slope + shift),
            )
            for row, offset, scale, (slope, shift) in zip(
                rows, offsets, SCALES, self.lines[FOLDS], strict=True
            )
        )
        return extent, opacity


def line(points: Floats, weights: Floats, labels: Labelled, training: NDArray[np.bool_]) -> Floats:
    """Fit slope and offset of both scores on the films that a training sees, shape (2, 2).

    Parameters
    ----------
    points
        By networks that never saw the film's patient, shape (N, 2).
    weights
        Of both points, as `Straightening.fit`.
    training
        Shape (N,).
    """
    fitted = np.empty((2, 2))
    rows = (labels.scored | labels.healthy) & training
    healthy = ~labels.scored[rows]
    for score in (0, 1):
        x, y, w = points[rows, score], labels.points[rows, score], weights[rows, score]
        w = np.where(healthy, HEALTHY * w[~healthy].sum() / max(healthy.sum(), 1), w)
        fitted[score] = np.polyfit(x, y, 1, w=np.sqrt(w))
    return fitted


def main() -> None:
    """Run the command."""
    options = _options()
    labels = Labelled.read(options.films)
    with np.load(options.films) as stored:
        fold, point_weights = stored["fold"], stored["point_weights"].astype(float)
    folds = read_unclipped_folds(options.trained / "predictions.npz", options.setting)
    lines = Straightening.fit(folds.points, point_weights, labels, fold)
    unseen = replace(
        folds, points=lines.unseen(folds.points, fold), altered=lines.unseen(folds.altered, fold)
    ).clipped()
    write_unseen(options.unseen, labels, unseen)
    weights = load_file(options.trained / "all.safetensors")
    zones = json.loads(options.zones.read_text(encoding="utf-8"))
    extent, opacity = lines.heads(weights)
    measured, held = errors(unseen.points, labels), covered(unseen.points, labels, fold)
    for line in (*measured.items(), *held.items()):
        print(*line, flush=True)
    write(
        TrainedModel(
            NAME,
            LungNetwork.of(weights).eval(),
            extent,
            opacity,
            division=Division(**zones["line"]),
        ),
        calibrated(unseen, labels),
        options.out,
        metrics=measured | {"coverage": held, "zones": zones["measured"], "protocol": _PROTOCOL},
        training={
            "sources": dict(sorted(Counter(labels.source.tolist()).items())),
            "films": len(labels.name),
            FITTED_ON: short_hashes(
                file_sha256(options.data / str(name))
                for name in labels.name[point_weights.any(axis=1)]
            ),
            "setting": options.setting,
            "zones_setting": zones["setting"],
            "films_sha256": file_sha256(options.films),
            "straightening": lines.lines[FOLDS].round(4).tolist(),
            "command": "docs/compact-3.md",
        },
    )


def write_unseen(path: Path, labels: Labelled, unseen: Measured) -> None:
    """Write predictions for `training.compact_3.tables` and ``training.course``."""
    rows = np.flatnonzero(np.isfinite(unseen.altered[0, :, 0]))
    arrays: dict[str, Any] = {
        "points": unseen.points / SCALES,
        "altered_rows": rows,
        "altered": unseen.altered[:, rows] / SCALES,
        "located": unseen.located,
        "dice": unseen.dice,
    }
    named = {f"{NAME}/{key}": values for key, values in arrays.items()}
    np.savez_compressed(path, name=labels.name, **named)


_PROTOCOL = (
    "5 folds by patient over all collections; network, line and margins fitted without the fold"
)


def errors(points: Floats, labels: Labelled) -> dict[str, Any]:
    """Measure both scores on all readers' films, and by view."""
    table: dict[str, Any] = {"n_images": int(labels.scored.sum())}
    table["n_patients"] = len(set(labels.patient[labels.scored]))
    for place, score in enumerate(("geographic_extent", "opacity")):
        measured = metrics(points[labels.scored, place], labels.points[labels.scored, place])
        table[score] = {"mae": round(measured.mae, 4), "r": round(measured.pearson, 4)}
        for view in VIEWS:
            rows = labels.scored & (labels.view == view)
            apart = points[rows, place] - labels.points[rows, place]
            table[score][view] = {
                "images": int(rows.sum()),
                "mae": round(float(np.abs(apart).mean()), 4),
                "bias": round(float(apart.mean()), 4),
            }
    return table


def calibrated(unseen: Measured, labels: Labelled) -> Calibration:
    """Fit margins of intervals, and measure the errors of repeats and of retaken films."""
    points, altered = unseen.points, unseen.altered
    extent, opacity = (
        ScoreCalibration(
            margins(predicted(points, labels, labels.scored, score), Scale(0, SCALES[score])),
            MeasurementError(
                _repeats(points[:, score], labels), _retaken(altered[:, labels.scored, score])
            ),
        )
        for score in (0, 1)
    )
    return Calibration(extent, opacity)


def predicted(points: Floats, labels: Labelled, rows: NDArray[np.bool_], score: int) -> Predicted:
    """Return the predictions of some films, and what the readers said of them."""
    return Predicted(points[rows, score], labels.points[rows, score], labels.patient[rows].tolist())


def _repeats(points: Floats, labels: Labelled) -> StandardError | None:
    pairs = list(repeats(labels))
    values = np.array([points[place] for pair in pairs for place in pair])
    return standard_error(values, [number for number, pair in enumerate(pairs) for _ in pair])


def _retaken(altered: Floats) -> StandardError | None:
    kinds = [list(ALTERATIONS).index(name) for name in RETAKEN]
    values = altered[kinds]
    return standard_error(
        values.T.ravel(), np.repeat(np.arange(values.shape[1]), len(kinds)).tolist()
    )


def covered(points: Floats, labels: Labelled, fold: NDArray[np.int64]) -> dict[str, Any]:
    """Return the share of intervals that hold the readers' mean and their width, by view.

    The margins of each film are fitted on the films of the other folds.
    """
    table: dict[str, Any] = {}
    for place, score in enumerate(("geographic_extent", "opacity")):
        scale = Scale(0, SCALES[place])
        holds, width = np.zeros(len(points), bool), np.zeros(len(points))
        for held_out in range(FOLDS):
            rows = labels.scored & (fold == held_out)
            others = predicted(points, labels, labels.scored & (fold != held_out), place)
            around = margins(others, scale).around(points[rows, place], scale)
            low, high = np.array([(each.low, each.high) for each in around]).T
            observed = labels.points[rows, place]
            holds[rows], width[rows] = (low <= observed) & (observed <= high), high - low
        table[score] = [
            {
                "films": name,
                "images": int(rows.sum()),
                "share": round(float(holds[rows].mean()), 3),
                "width": round(float(width[rows].mean()), 2),
            }
            for name, rows in [
                ("all", labels.scored),
                *((view, labels.scored & (labels.view == view)) for view in VIEWS),
            ]
        ]
    return table


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training.compact_3.bundle",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--films", type=Path, default=Path("work/films.npz"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--trained", type=Path, default=Path("work/out"))
    parser.add_argument("--setting", default="advised")
    parser.add_argument(
        "--zones", type=Path, default=Path("work/zones.json"), help="as training.compact_3.zones"
    )
    parser.add_argument("--unseen", type=Path, default=Path("work/unseen.npz"))
    parser.add_argument("--out", type=Path, default=Path("severity/weights"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
