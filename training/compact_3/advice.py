"""The points that networks of a cross-validation give films, to teach the networks of the next.

``python -m training.compact_3.advice`` writes one array for each training: the points of the
network that was shown the same films, straightened by the line of the other folds' films. Nothing
of a held-out film reaches the networks that are measured on it.
"""

import argparse
from pathlib import Path

import numpy as np

from training.compact_3.bundle import line
from training.compact_3.jobs import HELD_OUT, training_name, training_rows
from training.compact_3.packing import SCALES, unpack
from training.compact_3.tables import Labelled, read_unclipped_folds


def main() -> None:
    """Run the command."""
    options = _options()
    packed, labels = unpack(options.films), Labelled.read(options.films)
    unseen = read_unclipped_folds(options.trained, options.setting).points
    advice = {}
    with np.load(options.trained) as stored:
        for held_out in HELD_OUT:
            points = stored[f"{training_name(options.setting, held_out)}/points"] * SCALES
            rows = training_rows(packed, held_out)
            slope, offset = line(unseen, packed.point_weights.astype(float), labels, rows).T
            straight = (points * slope + offset).clip(0, SCALES) / SCALES
            advice[held_out] = straight.astype(np.float32)
    np.savez_compressed(options.out, **advice)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training.compact_3.advice",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--films", type=Path, default=Path("work/films.npz"))
    parser.add_argument("--trained", type=Path, default=Path("work/out/predictions.npz"))
    parser.add_argument("--setting", default="framed")
    parser.add_argument("--out", type=Path, default=Path("work/advice.npz"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
