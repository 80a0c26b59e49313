"""Train, measure and write the bundled model ``compact-1``."""

import argparse
import hashlib
import os
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from flows.peers import PEERS
from severity.efficientnet_lite import EfficientNetLite0
from severity.evaluation.splits import SPLITS
from severity.preprocessing import MODEL_LIMIT
from training.artefact import TrainedModel, as_numbers, file_sha256, write
from training.duplicates import SAME_FILM
from training.films import Film, collection_films, cxnet_films, nih_films
from training.head import OtherFilms, fit_ridge, mirrored_features, model_inputs
from training.painting import painted
from training.pretrain import Schedule, pretrain
from training.protocol import (
    EXTENT_MAXIMUM,
    OPACITY_MAXIMUM,
    PROTOCOL,
    Accuracy,
    accuracy,
    peer_accuracy,
)
from training.selection import Selection, counts, select

BRIXIA_MAXIMUM = 18.0
PAINTED_HEALTHY = 120  # films without findings that are painted for the head

_LABEL_FILES = (
    "cidc/metadata.csv",
    "cidc/severity_scores.csv",
    "cidc/brixia_scores.csv",
    "pretrain/nih.csv",
    "pretrain/cxnet.csv",
)


def report(line: str) -> None:
    """Print a line of progress at once, also into a file."""
    print(time.strftime("%H:%M:%S"), line, flush=True)


def main() -> None:
    """Run the command."""
    options = _options()
    torch.use_deterministic_algorithms(mode=True)
    torch.set_num_threads(options.threads)
    schedule = Schedule(epochs=options.epochs, seed=options.seed)
    report_peers(options.data)
    chosen = select(
        collection_films(options.data),
        [*nih_films(options.data), *cxnet_films(options.data)],
        report=report,
    )
    report(f"training on {counts(chosen.training)}")
    backbone = pretrain(chosen.training, schedule=schedule, report=report).backbone
    finish(backbone, chosen, options.out, origin(chosen, data=options.data, schedule=schedule))


def finish(
    backbone: EfficientNetLite0, chosen: Selection, out: Path, training: dict[str, object]
) -> None:
    """Fit the heads on a trained backbone, measure them and write the model."""
    features = mirrored_features(backbone, model_inputs(chosen.scored))
    also = other_films(backbone, chosen.training)
    extent, opacity = points(chosen.scored)
    measured = measure(features, extent=extent, opacity=opacity, groups=chosen.groups, also=also)
    fit = partial(fit_ridge, features, also=also)
    model = TrainedModel(
        backbone=backbone,
        extent=fit(points=extent, maximum=EXTENT_MAXIMUM),
        opacity=fit(points=opacity, maximum=OPACITY_MAXIMUM),
    )
    write(
        model,
        out,
        metrics={
            **{score: as_numbers(value) for score, value in measured.items()},
            "n_images": len(chosen.scored),
            "n_patients": len(set(chosen.groups)),
            "splits": SPLITS,
            "protocol": PROTOCOL,
        },
        training=training,
    )
    report(f"written to {out}")


def other_films(backbone: EfficientNetLite0, films: Sequence[Film]) -> OtherFilms:
    """Compute what the training films add to the fit of a head; deterministic."""
    brixia = [film for film in films if film.brixia_zones is not None]
    healthy = [film for film in films if film.source == "nih" and film.abnormal is False]
    shown = model_inputs(brixia)
    paintable = torch.cat([model_inputs(healthy[:PAINTED_HEALTHY]), shown])
    less, more = painted(
        (paintable / MODEL_LIMIT + 1) / 2, generator=torch.Generator().manual_seed(0)
    )
    zones = np.array([film.brixia_zones for film in brixia])
    return OtherFilms(
        features=mirrored_features(backbone, shown),
        share=zones.sum(axis=1) / BRIXIA_MAXIMUM,
        rises=mirrored_features(backbone, (more * 2 - 1) * MODEL_LIMIT)
        - mirrored_features(backbone, (less * 2 - 1) * MODEL_LIMIT),
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training.compact_1",
        description="Train compact-1 on the shared data, measure it and write its weights.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("SEVERITY_TEST_DATA", "../shared/data")),
        help="folder with cidc, pretrain and peers; also SEVERITY_TEST_DATA",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("severity/weights"), help="folder for the model"
    )
    parser.add_argument(
        "--epochs", type=int, default=Schedule.epochs, help="passes over the films; 1 to try out"
    )
    parser.add_argument("--seed", type=int, default=Schedule.seed, help="of all randomness")
    parser.add_argument(
        "--threads", type=int, default=2, help="of torch; another number may change last digits"
    )
    return parser.parse_args()


def report_peers(data: Path) -> None:
    """Print the published systems, so that the harness can be held against their table."""
    for peer in PEERS:
        extent, opacity = peer_accuracy(data, peer)
        report(f"peer {peer}: extent {extent}; opacity {opacity}")


def points(films: Sequence[Film]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """List the readers' extent and opacity of each film, shape (N,) each."""
    return (
        np.array([film.score.extent for film in films if film.score is not None]),
        np.array([film.score.opacity for film in films if film.score is not None]),
    )


def measure(
    features: NDArray[np.float64],
    *,
    extent: NDArray[np.float64],
    opacity: NDArray[np.float64],
    groups: Sequence[str],
    also: OtherFilms,
) -> dict[str, Accuracy]:
    """Measure both scores under the protocol; ``also`` joins the fit of each half."""
    scores = {
        "geographic_extent": (extent, EXTENT_MAXIMUM),
        "opacity": (opacity, OPACITY_MAXIMUM),
    }
    measured = {}
    for score, (values, maximum) in scores.items():
        measured[score] = accuracy(
            features,
            values,
            groups=groups,
            fit=partial(fit_ridge, also=also, maximum=maximum),
            maximum=maximum,
        )
        report(f"{score}: {measured[score]}")
    return measured


def origin(chosen: Selection, *, data: Path, schedule: Schedule) -> dict[str, object]:
    """Describe what the model was made from and how; no path of this machine."""
    return {
        "sources": counts(chosen.training),
        "brixia_films": sum(film.brixia_zones is not None for film in chosen.training),
        "near_duplicates_removed": chosen.removed(),
        "near_duplicate_threshold": SAME_FILM,
        "data_fingerprint": fingerprint(chosen, data=data),
        "seed": schedule.seed,
        "epochs": schedule.epochs,
        "command": "python -m training.compact_1 --data ../shared/data --out severity/weights",
    }


def fingerprint(chosen: Selection, *, data: Path) -> str:
    """Hash the sorted SHA-256 of every file that the model depends on."""
    paths = [film.path for film in (*chosen.training, *chosen.scored)]
    hashes = sorted(file_sha256(path) for path in [*paths, *(data / f for f in _LABEL_FILES)])
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


if __name__ == "__main__":
    main()
