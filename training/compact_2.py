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

from flows.evaluation.comparators import COMPARATORS
from severity.domain import Scale
from severity.evaluation.splits import SPLITS
from severity.heads.triage import Triage
from severity.images.preprocessing import MODEL_LIMIT
from severity.models.architectures.efficientnet_lite import EfficientNetLite0, MirrorAveraged
from severity.models.bundled import bundled_tensors
from severity.reliability.calibration import Calibration, ScoreCalibration
from training.artefact import TrainedModel, as_coverage, as_numbers, file_sha256, write
from training.augmentation import Augmentation, random_views
from training.duplicates import SAME_IMAGE
from training.errors import intervals, repeatability_of
from training.head import AuxiliaryImages, features_of, fit_head, model_inputs
from training.images import TrainingImage, collection_images, cxnet_images, nih_images
from training.painting import painted
from training.pretrain import Schedule, pretrain
from training.protocol import (
    EXTENT_MAXIMUM,
    OPACITY_MAXIMUM,
    PROTOCOL,
    Accuracy,
    accuracy,
    comparator_accuracy,
)
from training.selection import Selection, counts, select
from training.triage import triage_images
from training.triage_fit import fit_triage

NAME = "compact-2"
BRIXIA_MAXIMUM = 18.0
SEEDS = (0, 1)  # of the networks that are averaged, if they are trained anew
RUNS = ("compact-1", "compact-1-second-run")
"""The networks whose average is shipped: the second was made by the command, images and seed
of ``compact-1`` on another processor. It is 2 times the average minus the first, to rounding."""
PAINTED_HEALTHY = 120  # images without findings that are painted for the head
RETAKEN_CIDC, RETAKEN_NIH = 260, 60  # images that are added a second time, taken differently
RETAKEN = Augmentation(rotation=7, scale=0.08, shift=0.05, log_gamma=0.3)
_WHITE = 255

_LABEL_FILES = (
    "cidc/metadata.csv",
    "cidc/severity_scores.csv",
    "cidc/brixia_scores.csv",
    "pretrain/nih.csv",
    "pretrain/cxnet.csv",
)


def report(line: str) -> None:
    """Print a line of progress, without buffering."""
    print(time.strftime("%H:%M:%S"), line, flush=True)


def main() -> None:
    """Run the command."""
    options = _options()
    torch.use_deterministic_algorithms(mode=True)
    torch.set_num_threads(options.threads)
    report_comparators(options.data)
    selection = select(
        collection_images(options.data),
        [*nih_images(options.data), *cxnet_images(options.data)],
        report=report,
    )
    report(f"training on {counts(selection.training)}")
    network = trained_anew(selection.training) if options.anew else shipped()
    finish(
        network,
        selection,
        data=options.data,
        out=options.out,
        triage=triage_on(network, options.data),
        training=origin(selection, data=options.data, anew=options.anew),
    )


def trained_anew(images: Sequence[TrainingImage]) -> MirrorAveraged:
    """Train the networks of all seeds and average their weights."""
    return mirror_averaged(averaged([trained(images, seed) for seed in SEEDS]))


def trained(images: Sequence[TrainingImage], seed: int) -> EfficientNetLite0:
    """Train one network anew; about an hour of a core."""
    return pretrain(images, schedule=Schedule(seed=seed), report=report).backbone


def shipped() -> MirrorAveraged:
    """Return the network of the bundled model."""
    tensors = bundled_tensors(NAME)
    return MirrorAveraged.of({key: torch.tensor(value) for key, value in tensors.items()})


def averaged(networks: Sequence[EfficientNetLite0]) -> EfficientNetLite0:
    """Average the weights of networks that were trained from the same start.

    The average errs about as little as all of them together, at the cost of one network.

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
    """Return the network that averages the features of each image and its mirror image."""
    network = MirrorAveraged()
    network.backbone.load_state_dict(backbone.state_dict())
    return network


def triage_on(network: MirrorAveraged, data: Path) -> Triage:
    """Fit the triage, which shares only the features with the scores."""
    images, inputs = triage_images(data)
    report(f"triage on {len(images.images)} images")
    features = features_of(network, torch.from_numpy(inputs)[:, None])
    return fit_triage(features, images.classes, images.groups)


def finish(  # noqa: PLR0913 - a model is made of all of these
    network: MirrorAveraged,
    selection: Selection,
    *,
    data: Path,
    out: Path,
    triage: Triage,
    training: dict[str, object],
) -> None:
    """Fit the heads on a trained network, measure them and their errors, and write the model."""
    features = features_of(network, model_inputs(selection.scored))
    auxiliary = auxiliary_images_of(network, selection.training)
    extent, opacity = points(selection.scored)
    measured = measure(
        features, extent=extent, opacity=opacity, groups=selection.groups, auxiliary=auxiliary
    )
    fit = partial(fit_head, features, groups=selection.groups, auxiliary=auxiliary)
    model = TrainedModel(
        name=NAME,
        network=network,
        extent=fit(points=extent, maximum=EXTENT_MAXIMUM),
        opacity=fit(points=opacity, maximum=OPACITY_MAXIMUM),
        triage=triage,
    )
    score_intervals = {
        score: intervals(
            partial(fit_head, auxiliary=auxiliary, maximum=maximum),
            features,
            values,
            groups=selection.groups,
            scale=Scale(0, maximum),
        )
        for score, values, maximum in (
            ("geographic_extent", extent, EXTENT_MAXIMUM),
            ("opacity", opacity, OPACITY_MAXIMUM),
        )
    }
    for score, fitted in score_intervals.items():
        fitted.report(score, report)
    repeatability = repeatability_of(model.scoring(), data, report)
    calibration = Calibration(
        *(
            ScoreCalibration(fitted.margins, error)
            for fitted, error in zip(score_intervals.values(), repeatability.errors, strict=True)
        )
    )
    write(
        model,
        calibration,
        out,
        metrics={
            **{score: as_numbers(value) for score, value in measured.items()},
            "n_images": len(selection.scored),
            "n_patients": len(set(selection.groups)),
            "splits": SPLITS,
            "protocol": PROTOCOL,
            "coverage": {
                score: as_coverage(fitted.coverage) for score, fitted in score_intervals.items()
            },
        },
        training=training,
    )
    report(f"written to {out}")


def auxiliary_images_of(
    network: MirrorAveraged, images: Sequence[TrainingImage]
) -> AuxiliaryImages:
    """Compute the auxiliary images of a fit from the training images; deterministic."""
    brixia = [image for image in images if image.brixia_zones is not None]
    healthy = [image for image in images if image.healthy]
    brixia_inputs = model_inputs(brixia)
    paintable = torch.cat([model_inputs(healthy[:PAINTED_HEALTHY]), brixia_inputs])
    less, more = painted(
        (paintable / MODEL_LIMIT + 1) / 2, generator=torch.Generator().manual_seed(0)
    )
    zones = np.array([image.brixia_zones for image in brixia])
    inputs = model_inputs(
        [*_first(images, "cidc", RETAKEN_CIDC), *_first(images, "nih", RETAKEN_NIH)]
    )
    return AuxiliaryImages(
        features=features_of(network, brixia_inputs),
        share=zones.sum(axis=1) / BRIXIA_MAXIMUM,
        rises=features_of(network, (more * 2 - 1) * MODEL_LIMIT)
        - features_of(network, (less * 2 - 1) * MODEL_LIMIT),
        retaken=features_of(network, retaken(inputs)) - features_of(network, inputs),
    )


def _first(images: Sequence[TrainingImage], source: str, count: int) -> list[TrainingImage]:
    return [image for image in images if image.source == source][:count]


def retaken(inputs: Tensor) -> Tensor:
    """Rotate, shift, scale and expose images as another technician might have; deterministic.

    Parameters
    ----------
    inputs
        Shape (N, 1, side, side) on [-1024, 1024].
    """
    pixels = ((inputs[:, 0] / MODEL_LIMIT + 1) / 2 * _WHITE).round().to(torch.uint8)
    views, _ = random_views(
        pixels,
        side=inputs.shape[-1],
        limits=RETAKEN,
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
        help="folder with cidc, pretrain and comparators; also SEVERITY_TEST_DATA",
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
        "--threads",
        type=int,
        default=2,
        help="threads of torch; another number may change the last digits",
    )
    return parser.parse_args()


def report_comparators(data: Path) -> None:
    """Print the published systems, so that the protocol can be checked against their table."""
    for comparator in COMPARATORS:
        extent, opacity = comparator_accuracy(data, comparator)
        report(f"comparator {comparator}: extent {extent}; opacity {opacity}")


def points(images: Sequence[TrainingImage]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the readers' extent and opacity of each image, shape (N,) each."""
    return (
        np.array([image.score.extent for image in images if image.score is not None]),
        np.array([image.score.opacity for image in images if image.score is not None]),
    )


def measure(
    features: NDArray[np.float64],
    *,
    extent: NDArray[np.float64],
    opacity: NDArray[np.float64],
    groups: Sequence[str],
    auxiliary: AuxiliaryImages,
) -> dict[str, Accuracy]:
    """Measure both scores under the protocol; ``auxiliary`` images join the fit of each half."""
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
            fit=partial(fit_head, auxiliary=auxiliary, maximum=maximum),
            maximum=maximum,
        )
        report(f"{score}: {measured[score]}")
    return measured


def origin(selection: Selection, *, data: Path, anew: bool) -> dict[str, object]:
    """Return the sources, averaged runs and command of the model; no path of this machine."""
    return {
        "sources": counts(selection.training),
        "brixia_images": sum(image.brixia_zones is not None for image in selection.training),
        "near_duplicates_removed": selection.removed(),
        "near_duplicate_threshold": SAME_IMAGE,
        "data_fingerprint": fingerprint(selection, data=data),
        "averaged": [f"seed {seed}" for seed in SEEDS] if anew else list(RUNS),
        "epochs": Schedule.epochs,
        "command": "python -m training.compact_2 --data ../shared/data --out severity/weights",
    }


def fingerprint(selection: Selection, *, data: Path) -> str:
    """Return a hash of the sorted SHA-256 of every file that the model depends on."""
    paths = [image.path for image in (*selection.training, *selection.scored)]
    hashes = sorted(file_sha256(path) for path in [*paths, *(data / f for f in _LABEL_FILES)])
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


if __name__ == "__main__":
    main()
