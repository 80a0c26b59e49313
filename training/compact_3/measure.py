"""Let bundled models predict all films that measure, as they are and altered.

``python -m training.compact_3.measure --models compact-2`` needs the packed films of
``training.compact_3.prepare``; ``training.compact_3.tables`` prints what it writes.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch

from severity.models.bundled_cards import BUNDLED
from training.compact_3.lessons import Canvases
from training.compact_3.packing import unpack
from training.compact_3.predicting import BundledPoints, altered_points


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m training.compact_3.measure", description=__doc__
    )
    parser.add_argument("--models", nargs="+", choices=BUNDLED, default=list(BUNDLED))
    parser.add_argument("--films", type=Path, default=Path("work/films.npz"))
    parser.add_argument("--out", type=Path, default=Path("work/bundled.npz"))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    packed = unpack(options.films)
    films = Canvases.of(packed, options.device)
    places = np.flatnonzero(packed.scored | packed.healthy)
    arrays: dict[str, Any] = {"name": packed.name}
    for name in options.models:
        network = BundledPoints(name).to(options.device).eval()
        points = np.full((len(packed.name), 2), np.nan, np.float32)
        altered = altered_points(network, films, places)
        points[places] = altered[0]
        arrays |= {
            f"{name}/points": points,
            f"{name}/altered": altered,
            f"{name}/altered_rows": places,
        }
        print(f"{name}: {len(places)} films", flush=True)
    np.savez_compressed(options.out, **arrays)


if __name__ == "__main__":
    main()
