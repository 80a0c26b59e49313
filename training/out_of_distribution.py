"""Learn the reference distribution of frontal images, and measure what it flags."""

import argparse
import csv
import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from severity.domain import DistributionCheck
from severity.images.preprocessing import PREPROCESSING
from severity.reliability.out_of_distribution import FRONTAL, to_safetensors
from training.counterexamples import (
    ALTERED,
    ROTATED_OR_INVERTED,
    Input,
    drawn,
    in_folder,
    with_opacities,
)
from training.head import model_inputs
from training.images import LATERAL, TrainingImage, collection_images, cxnet_images, nih_images
from training.reference_distribution import COMPONENTS, WITHIN, Learned, learn
from training.selection import counts, select

_SEVERE_EXTENT = 6.0  # of 8 points
_SEVERE_BRIXIA = 12.0  # of 18 points


def main() -> None:
    """Run the command."""
    options = _options()
    torch.use_deterministic_algorithms(mode=True)
    torch.set_num_threads(1)
    images = [*nih_images(options.data), *cxnet_images(options.data)]
    selection = select(collection_images(options.data), images, report=_report)
    learned = learn(selection.training)
    measured = [*frontal_rows(learned, options.data), *detected_rows(learned, options.data)]
    for row in [*measured, *other_rows(learned, options.also)]:
        _report(str(row))
    write(learned, options.out, images=selection.training, measured=measured)


def _report(line: str) -> None:
    """Print a line, without buffering."""
    print(line, flush=True)


@dataclass(frozen=True)
class Row:
    """The number of images out of distribution among one kind of images, with the reasons."""

    kind: str
    images: int
    out_of_distribution: int
    reasons: dict[str, int]

    @classmethod
    def of(cls, kind: str, checks: Sequence[DistributionCheck]) -> "Row":
        """Count the images that are out of distribution, and their reasons."""
        reasons = Counter(
            check.out_of_distribution.value
            for check in checks
            if check.out_of_distribution is not None
        )
        return cls(kind, len(checks), sum(reasons.values()), dict(sorted(reasons.items())))

    def __str__(self) -> str:
        reasons = ", ".join(f"{count} {reason}" for reason, count in self.reasons.items())
        share = self.out_of_distribution / max(self.images, 1)
        flagged = f"{self.out_of_distribution:4} of {self.images:4} {share:6.1%}"
        return f"{self.kind:42} {flagged}  {reasons}"


def frontal_rows(learned: Learned, data: Path) -> Iterator[Row]:
    """Count false alarms, each image by a reference that was learned without its patient."""
    everything = [*collection_images(data), *nih_images(data), *cxnet_images(data)]
    children = _children(data)
    inputs = _inputs(everything)
    checks = [
        _check_unseen(learned, image, model_input)
        for image, model_input in zip(everything, inputs, strict=True)
    ]
    for kind, belongs in _groups(learned, children).items():
        places = [place for place, image in enumerate(everything) if belongs(image)]
        yield Row.of(kind, [checks[place] for place in places])
    images = [image for image in everything if image.source == "cidc"]
    frontal = inputs[: len(images)]
    for kind, altered in (ALTERED | ROTATED_OR_INVERTED).items():
        altered_checks = [
            _check_unseen(learned, image, altered(model_input))
            for image, model_input in zip(images, frontal, strict=True)
        ]
        yield Row.of(f"cidc frontal, {kind}", altered_checks)
    opaque = with_opacities(frontal)
    yield Row.of(
        "cidc frontal, opacities painted in",
        [
            _check_unseen(learned, image, model_input)
            for image, model_input in zip(images, opaque, strict=True)
        ],
    )


def _groups(
    learned: Learned, children: frozenset[str]
) -> dict[str, Callable[[TrainingImage], bool]]:
    def extent(image: TrainingImage) -> float:
        return image.score.extent if image.score is not None else -1.0

    def brixia(image: TrainingImage) -> float:
        return sum(image.brixia_zones) if image.brixia_zones is not None else -1.0

    return {
        "cidc frontal": lambda image: image.source == "cidc",
        "cidc frontal, trained on": lambda image: (
            image.source == "cidc" and image.path in learned.unseen
        ),
        "cidc frontal, not trained on": lambda image: (
            image.source == "cidc" and image.path not in learned.unseen
        ),
        "cidc scored": lambda image: image.score is not None,
        "cidc scored, extent 6 and more": lambda image: extent(image) >= _SEVERE_EXTENT,
        "cidc Brixia 12 and more": lambda image: brixia(image) >= _SEVERE_BRIXIA,
        "nih": lambda image: image.source == "nih",
        "cxnet": lambda image: image.source == "cxnet",
        "cxnet children": lambda image: image.source == "cxnet" and image.path.name in children,
    }


def _children(data: Path) -> frozenset[str]:
    with (data / "pretrain" / "cxnet.csv").open(newline="", encoding="utf-8") as file:
        return frozenset(
            Path(row["filename"]).name for row in csv.DictReader(file) if row["pediatric"] == "1"
        )


def _check_unseen(learned: Learned, image: TrainingImage, model_input: Input) -> DistributionCheck:
    (check,) = learned.without_patient_of(image.path).check([model_input])
    return check


def _inputs(images: Sequence[TrainingImage]) -> list[Input]:
    return list(model_inputs(images)[:, 0].numpy())


def detected_rows(learned: Learned, data: Path) -> Iterator[Row]:
    """Count the images that are rightly flagged: laterals and drawings."""
    for kind, inputs in ({"cidc lateral": _inputs(lateral_images(data))} | drawn()).items():
        yield Row.of(kind, learned.reference.check(inputs))


def other_rows(learned: Learned, folders: Sequence[Path]) -> Iterator[Row]:
    """Count the flagged images of further folders, by kind of image."""
    for folder in folders:
        for kind, inputs in in_folder(folder).items():
            yield Row.of(f"{folder.name}: {kind}", learned.reference.check(inputs))


def lateral_images(data: Path) -> list[TrainingImage]:
    """Read the lateral images of the COVID-19 Image Data Collection."""
    with (data / "cidc" / "metadata.csv").open(newline="", encoding="utf-8") as file:
        return [
            TrainingImage(
                data / "cidc" / "images" / row["filename"], "cidc", f"cidc-{row['patientid']}"
            )
            for row in csv.DictReader(file)
            if row["view"] == LATERAL
        ]


def write(
    learned: Learned, folder: Path, *, images: Sequence[TrainingImage], measured: Sequence[Row]
) -> None:
    """Write ``frontal-1.safetensors`` and its card, ``frontal-1.json``."""
    content = to_safetensors(learned.reference)
    (folder / f"{FRONTAL}.safetensors").write_bytes(content)
    card = {
        "name": FRONTAL,
        "sha256": hashlib.sha256(content).hexdigest(),
        "preprocessing": PREPROCESSING,
        "measured": {
            row.kind: {"images": row.images, "out_of_distribution": row.out_of_distribution}
            for row in measured
        },
        "training": {
            "sources": counts(images),
            "data_fingerprint": _fingerprint(images),
            "components": COMPONENTS,
            "like": WITHIN,
            "command": "python -m training.out_of_distribution --data ../shared/data "
            "--out severity/weights",
        },
    }
    text = json.dumps(card, indent=2) + "\n"
    (folder / f"{FRONTAL}.json").write_text(text, encoding="utf-8")


def _fingerprint(images: Sequence[TrainingImage]) -> str:
    hashes = sorted(hashlib.sha256(image.path.read_bytes()).hexdigest() for image in images)
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training.out_of_distribution",
        description="Learn the reference distribution of frontal images and measure what it flags.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("SEVERITY_TEST_DATA", "../shared/data")),
        help="folder with cidc and pretrain; also SEVERITY_TEST_DATA",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("severity/weights"), help="folder for the reference"
    )
    parser.add_argument(
        "--also",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="images of any kind to measure too; may be repeated",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
