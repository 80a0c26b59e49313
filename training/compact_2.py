"""Train, measure and write the bundled model ``compact-2``."""

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
from safetensors.torch import load_file, save_file

from flows.peers import PEERS
from severity.compact import MirrorAveraged, load_bundled
from severity.efficientnet_lite import EfficientNetLite0
from severity.evaluation.splits import SPLITS
from severity.models import Placement
from severity.networks import Backbone
from severity.preprocessing import MODEL_LIMIT
from severity.triage import Triage
from training.artefact import TrainedModel, as_numbers, file_sha256, write
from training.duplicates import SAME_FILM
from training.films import Film, collection_films, cxnet_films, nih_films
from training.head import OtherFilms, features_of, fit_head, model_inputs
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
from training.triage import triage_films
from training.triage_fit import fit_triage

BRIXIA_MAXIMUM = 18.0
SEEDS = (1, 2)  # of the networks that are averaged with the first
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
    report_peers(options.data)
    chosen = select(
        collection_films(options.data),
        [*nih_films(options.data), *cxnet_films(options.data)],
        report=report,
    )
    report(f"training on {counts(chosen.training)}")
    backbone = averaged(
        [first_network(), *(trained(chosen.training, seed, options) for seed in SEEDS)]
    )
    network = mirror_averaged(backbone)
    schedule = Schedule(epochs=options.epochs)
    finish(
        network,
        chosen,
        options.out,
        triage=triage_on(network, options.data),
        training=origin(chosen, data=options.data, schedule=schedule),
    )


def first_network() -> EfficientNetLite0:
    """Load the network of ``compact-1``, from which the others start."""
    network = load_bundled("compact-1", Placement(torch.device("cpu"))).backbone
    if not isinstance(network, MirrorAveraged):
        raise TypeError("compact-1 is no mirror-averaged EfficientNet")
    return network.backbone


def trained(films: Sequence[Film], seed: int, options: argparse.Namespace) -> EfficientNetLite0:
    """Train ``compact-1``'s network on, or take up what an earlier run kept."""
    backbone = first_network()
    file: Path = options.kept / f"compact-2-seed-{seed}.safetensors"
    if file.exists():
        report(f"taken from {file}")
        backbone.load_state_dict(load_file(file))
        return backbone
    schedule = Schedule(epochs=options.epochs, seed=seed)
    backbone = pretrain(films, backbone, schedule=schedule, report=report).backbone
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(backbone.state_dict(), file)
    return backbone


def averaged(networks: Sequence[EfficientNetLite0]) -> EfficientNetLite0:
    """Average the weights of networks that were trained from the same start.

    One network that errs about as little as all of them together, at the cost of one.

    References
    ----------
    * Wortsman et al. 2022, arXiv:2203.05482, model soups.
    """
    states = [network.state_dict() for network in networks]
    average = EfficientNetLite0()
    average.load_state_dict(
        {
            key: torch.stack([state[key].double() for state in states]).mean(dim=0).to(value.dtype)
            for key, value in states[0].items()
        }
    )
    return average


def mirror_averaged(backbone: EfficientNetLite0) -> MirrorAveraged:
    """Let a network look at each film and at its mirror image."""
    network = MirrorAveraged()
    network.backbone.load_state_dict(backbone.state_dict())
    return network


def triage_on(network: Backbone, data: Path) -> Triage:
    """Fit the triage, which shares the features and nothing else with the scores."""
    films, inputs = triage_films(data)
    report(f"triage on {len(films.films)} films")
    features = features_of(network, torch.from_numpy(inputs)[:, None])
    return fit_triage(features, films.classes, films.groups)


def finish(
    network: MirrorAveraged,
    chosen: Selection,
    out: Path,
    *,
    triage: Triage,
    training: dict[str, object],
) -> None:
    """Fit the heads on a trained network, measure them and write the model."""
    features = features_of(network, model_inputs(chosen.scored))
    also = other_films(network, chosen.training)
    extent, opacity = points(chosen.scored)
    measured = measure(features, extent=extent, opacity=opacity, groups=chosen.groups, also=also)
    fit = partial(fit_head, features, groups=chosen.groups, also=also)
    model = TrainedModel(
        network=network,
        extent=fit(points=extent, maximum=EXTENT_MAXIMUM),
        opacity=fit(points=opacity, maximum=OPACITY_MAXIMUM),
        triage=triage,
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


def other_films(network: Backbone, films: Sequence[Film]) -> OtherFilms:
    """Compute what the training films add to the fit of a head; deterministic."""
    brixia = [film for film in films if film.brixia_zones is not None]
    healthy = [film for film in films if film.healthy]
    shown = model_inputs(brixia)
    paintable = torch.cat([model_inputs(healthy[:PAINTED_HEALTHY]), shown])
    less, more = painted(
        (paintable / MODEL_LIMIT + 1) / 2, generator=torch.Generator().manual_seed(0)
    )
    zones = np.array([film.brixia_zones for film in brixia])
    return OtherFilms(
        features=features_of(network, shown),
        share=zones.sum(axis=1) / BRIXIA_MAXIMUM,
        rises=features_of(network, (more * 2 - 1) * MODEL_LIMIT)
        - features_of(network, (less * 2 - 1) * MODEL_LIMIT),
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training.compact_2",
        description="Train compact-2 on the shared data, measure it and write its weights.",
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
    parser.add_argument(
        "--kept",
        type=Path,
        default=Path("training/kept"),
        help="folder of the trained networks: those that are there are not trained again",
    )
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
            fit=partial(fit_head, also=also, maximum=maximum),
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
        "seeds": list(SEEDS),
        "epochs": schedule.epochs,
        "command": "python -m training.compact_2 --data ../shared/data --out severity/weights",
    }


def fingerprint(chosen: Selection, *, data: Path) -> str:
    """Hash the sorted SHA-256 of every file that the model depends on."""
    paths = [film.path for film in (*chosen.training, *chosen.scored)]
    hashes = sorted(file_sha256(path) for path in [*paths, *(data / f for f in _LABEL_FILES)])
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


if __name__ == "__main__":
    main()
