"""Measure triage on public images, by patient and by source, and print it as Markdown."""

import argparse
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from severity.heads.head import HeadInput
from severity.models.architectures.efficientnet_lite import MirrorAveraged
from severity.models.backbone import Precision
from severity.models.bundled import load_bundled
from severity.models.bundled_cards import BUNDLED
from severity.models.runtimes.runtime import CpuRuntime
from severity.models.scoring_model import Placement
from training.head import model_inputs
from training.images import TrainingImage, collection_images, cxnet_images, nih_images
from training.pretrain import imagenet_backbone
from training.triage_images import TriageImages, copies, with_classes
from training.triage_tables import (
    Network,
    confusion_table,
    count_table,
    overall_table,
    readable_source_table,
    source_table,
)

UNTRAINED = "ImageNet"
"""The network from which the training of the bundled ones started."""

MEANING = """\
By patient, images of a source are on both sides, and a class can be read from the place that
published it: in these images class and source nearly coincide. Without its source, an image is
judged by what other places have published of its class. The images of a source that has several
classes (AUROC within the source) show most: there the source cannot replace the class. Even so
the bundled network was trained on most of these images, with the labels of their sources; the
ImageNet one was not. Intervals are over patients (1,000 draws); they leave out that another fit
and another source would differ. None of this supports a diagnosis."""

_OVERLAPPING = frozenset({"cidc", "cxnet"})  # published from the same places

Inputs = NDArray[np.float32]


def main() -> None:
    """Run the command."""
    options = _options()
    images, inputs = triage_images(options.data)
    _print("Images", count_table(images))
    networks = [
        Network.of(options.model, bundled_features(options.model, inputs), images),
        Network.of(UNTRAINED, imagenet_features(inputs), images),
    ]
    _print("Unseen patients, and unseen sources", overall_table(networks, images))
    for network in networks:
        _print(f"Likeliest classes, {network.name}", confusion_table(network, images))
        _print(f"Source by source, {network.name}", source_table(network, images))
    _print("Which source is an image from?", readable_source_table(networks, images))
    _print("What it means", [MEANING])


def triage_images(data: Path) -> tuple[TriageImages, Inputs]:
    """Read the images that have a class, and prepare them, shape (N, 224, 224)."""
    images: list[TrainingImage] = [*collection_images(data), *nih_images(data), *cxnet_images(data)]
    inputs = model_inputs(images).numpy()[:, 0]
    classed = with_classes(images, copies(images, inputs, overlapping=_OVERLAPPING))
    places = {image.path: place for place, image in enumerate(images)}
    return classed, inputs[[places[image.path] for image in classed.images]]


def bundled_features(name: str, inputs: Inputs) -> NDArray[np.float32]:
    """Compute a bundled model's features, shape (N, 1280)."""
    model = load_bundled(name, Placement(streams=1))
    return model.outputs(list(inputs))[HeadInput.FEATURES]


def imagenet_features(inputs: Inputs) -> NDArray[np.float32]:
    """Compute the features of the network that has only seen ImageNet, shape (N, 1280)."""
    network = MirrorAveraged()
    network.backbone = imagenet_backbone()
    runtime = CpuRuntime(network.lowered(), precision=Precision.FP32, streams=1)
    (features,) = runtime.run(list(inputs))
    return features


def _print(title: str, lines: Iterable[str]) -> None:
    print(f"\n### {title}\n", *lines, sep="\n", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training.triage",
        description="Measure triage by patient and by source, and print Markdown tables.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("SEVERITY_TEST_DATA", "../shared/data")),
        help="the folder of images and labels",
    )
    parser.add_argument(
        "--model", choices=BUNDLED, default=BUNDLED[0], help="the bundled model that is measured"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
