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
from torch import Tensor

from flows.evaluation.peers import PEERS
from severity.domain import Scale
from severity.evaluation.splits import SPLITS
from severity.heads.triage import Triage
from severity.images.preprocessing import MODEL_LIMIT
from severity.models.bundled import bundled_tensors
from severity.models.efficientnet_lite import EfficientNetLite0, MirrorAveraged
from severity.reliability.calibration import Calibration, ScoreCalibration
from training.artefact import NAME, TrainedModel, as_coverage, as_numbers, file_sha256, write
from training.augmentation import Augmentation, random_views
from training.duplicates import SAME_FILM
from training.errors import intervals, noise_of
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
SEEDS = (0, 1)  # of the networks that are averaged, if they are trained anew
RUNS = ("compact-1", "compact-1-second-run")
"""What the shipped network is the average of: the second was made by the command, films and seed
of ``compact-1`` on another processor. It is 2 times the average minus the first, to rounding."""
PAINTED_HEALTHY = 120  # films without findings that are painted for the head
STILL_CIDC, STILL_NIH = 260, 60  # films that are shown a second time, taken otherwise
OTHERWISE = Augmentation(rotation=7, scale=0.08, shift=0.05, log_gamma=0.3)
_WHITE = 255

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
    network = trained_anew(chosen.training) if options.anew else shipped()
    finish(
        network,
        chosen,
        data=options.data,
        out=options.out,
        triage=triage_on(network, options.data),
        training=origin(chosen, data=options.data, anew=options.anew),
    )


def trained_anew(films: Sequence[Film]) -> MirrorAveraged:
    """Train the networks of all seeds and average their weights."""
    return mirror_averaged(averaged([trained(films, seed) for seed in SEEDS]))


def trained(films: Sequence[Film], seed: int) -> EfficientNetLite0:
    """Train one network anew; about an hour of a core."""
    return pretrain(films, schedule=Schedule(seed=seed), report=report).backbone


def shipped() -> MirrorAveraged:
    """Return the network of the bundled model."""
    tensors = bundled_tensors(NAME)
    return MirrorAveraged.of({key: torch.tensor(value) for key, value in tensors.items()})


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


def triage_on(network: MirrorAveraged, data: Path) -> Triage:
    """Fit the triage, which shares the features and nothing else with the scores."""
    films, inputs = triage_films(data)
    report(f"triage on {len(films.films)} films")
    features = features_of(network, torch.from_numpy(inputs)[:, None])
    return fit_triage(features, films.classes, films.groups)


def finish(  # noqa: PLR0913 - what a model is made of
    network: MirrorAveraged,
    chosen: Selection,
    *,
    data: Path,
    out: Path,
    triage: Triage,
    training: dict[str, object],
) -> None:
    """Fit the heads on a trained network, measure them and their errors, and write the model."""
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
    held = {
        score: intervals(
            partial(fit_head, also=also, maximum=maximum),
            features,
            values,
            groups=chosen.groups,
            scale=Scale(0, maximum),
        )
        for score, values, maximum in (
            ("geographic_extent", extent, EXTENT_MAXIMUM),
            ("opacity", opacity, OPACITY_MAXIMUM),
        )
    }
    for score, one in held.items():
        one.report(score, report)
    noise = noise_of(model.scoring(), data, report)
    calibration = Calibration(
        *(
            ScoreCalibration(one.margins, error)
            for one, error in zip(held.values(), noise.errors, strict=True)
        )
    )
    write(
        model,
        calibration,
        out,
        metrics={
            **{score: as_numbers(value) for score, value in measured.items()},
            "n_images": len(chosen.scored),
            "n_patients": len(set(chosen.groups)),
            "splits": SPLITS,
            "protocol": PROTOCOL,
            "coverage": {score: as_coverage(one.coverage) for score, one in held.items()},
        },
        training=training,
    )
    report(f"written to {out}")


def other_films(network: MirrorAveraged, films: Sequence[Film]) -> OtherFilms:
    """Compute what the training films add to the fit of a head; deterministic."""
    brixia = [film for film in films if film.brixia_zones is not None]
    healthy = [film for film in films if film.healthy]
    shown = model_inputs(brixia)
    paintable = torch.cat([model_inputs(healthy[:PAINTED_HEALTHY]), shown])
    less, more = painted(
        (paintable / MODEL_LIMIT + 1) / 2, generator=torch.Generator().manual_seed(0)
    )
    zones = np.array([film.brixia_zones for film in brixia])
    still = model_inputs([*_first(films, "cidc", STILL_CIDC), *_first(films, "nih", STILL_NIH)])
    return OtherFilms(
        features=features_of(network, shown),
        share=zones.sum(axis=1) / BRIXIA_MAXIMUM,
        rises=features_of(network, (more * 2 - 1) * MODEL_LIMIT)
        - features_of(network, (less * 2 - 1) * MODEL_LIMIT),
        stills=features_of(network, taken_otherwise(still)) - features_of(network, still),
    )


def _first(films: Sequence[Film], source: str, count: int) -> list[Film]:
    return [film for film in films if film.source == source][:count]


def taken_otherwise(inputs: Tensor) -> Tensor:
    """Turn, shift, scale and expose films as another technician might have; deterministic.

    Parameters
    ----------
    inputs
        Shape (N, 1, side, side) on [-1024, 1024].
    """
    pixels = ((inputs[:, 0] / MODEL_LIMIT + 1) / 2 * _WHITE).round().to(torch.uint8)
    views, _ = random_views(
        pixels,
        side=inputs.shape[-1],
        limits=OTHERWISE,
        generator=torch.Generator().manual_seed(0),
    )
    return (views * 2 - 1) * MODEL_LIMIT


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
        "--anew",
        action="store_true",
        help="train two networks again, an hour of a core each, instead of taking the shipped one",
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


def origin(chosen: Selection, *, data: Path, anew: bool) -> dict[str, object]:
    """Describe what the model was made from and how; no path of this machine."""
    return {
        "sources": counts(chosen.training),
        "brixia_films": sum(film.brixia_zones is not None for film in chosen.training),
        "near_duplicates_removed": chosen.removed(),
        "near_duplicate_threshold": SAME_FILM,
        "data_fingerprint": fingerprint(chosen, data=data),
        "averaged": [f"seed {seed}" for seed in SEEDS] if anew else list(RUNS),
        "epochs": Schedule.epochs,
        "command": "python -m training.compact_2 --data ../shared/data --out severity/weights",
    }


def fingerprint(chosen: Selection, *, data: Path) -> str:
    """Hash the sorted SHA-256 of every file that the model depends on."""
    paths = [film.path for film in (*chosen.training, *chosen.scored)]
    hashes = sorted(file_sha256(path) for path in [*paths, *(data / f for f in _LABEL_FILES)])
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


if __name__ == "__main__":
    main()
