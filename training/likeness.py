"""Make the reference for the likeness of scores, and measure what it flags and what it spares."""

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

from severity.domain import Likeness
from severity.images.preprocessing import PREPROCESSING
from severity.reliability.likeness import FRONTAL, to_safetensors
from training.counterexamples import (
    MADE_OTHERWISE,
    TURNED_OR_INVERTED,
    Input,
    drawn,
    in_folder,
    with_opacities,
)
from training.films import LATERAL, Film, collection_films, cxnet_films, nih_films
from training.head import model_inputs
from training.reference import COMPONENTS, LIKE, Learned, learn
from training.selection import counts, select

_SEVERE_EXTENT = 6.0  # of 8 points
_SEVERE_BRIXIA = 12.0  # of 18 points


def main() -> None:
    """Run the command."""
    options = _options()
    torch.use_deterministic_algorithms(mode=True)
    torch.set_num_threads(1)
    films = [*nih_films(options.data), *cxnet_films(options.data)]
    chosen = select(collection_films(options.data), films, report=_report)
    learned = learn(chosen.training)
    measured = [*frontal_rows(learned, options.data), *unlike_rows(learned, options.data)]
    for row in [*measured, *other_rows(learned, options.also)]:
        _report(str(row))
    write(learned, options.out, films=chosen.training, measured=measured)


def _report(line: str) -> None:
    """Print a line at once, also into a file."""
    print(line, flush=True)


@dataclass(frozen=True)
class Row:
    """Of one kind of images, how many are unlike known films, and for which reasons."""

    kind: str
    images: int
    unlike: int
    reasons: dict[str, int]

    @classmethod
    def of(cls, kind: str, found: Sequence[Likeness]) -> "Row":
        """Count."""
        reasons = Counter(one.unlike.value for one in found if one.unlike is not None)
        return cls(kind, len(found), sum(reasons.values()), dict(sorted(reasons.items())))

    def __str__(self) -> str:
        reasons = ", ".join(f"{count} {reason}" for reason, count in self.reasons.items())
        share = self.unlike / max(self.images, 1)
        return f"{self.kind:42} {self.unlike:4} of {self.images:4} {share:6.1%}  {reasons}"


def frontal_rows(learned: Learned, data: Path) -> Iterator[Row]:
    """Count false alarms; each film is measured by a reference that knows none of its patient."""
    everyone = [*collection_films(data), *nih_films(data), *cxnet_films(data)]
    children = _children(data)
    inputs = _inputs(everyone)
    found = [_unseen(learned, *one) for one in zip(everyone, inputs, strict=True)]
    for kind, belongs in _groups(learned, children).items():
        places = [place for place, film in enumerate(everyone) if belongs(film)]
        yield Row.of(kind, [found[place] for place in places])
    films = [film for film in everyone if film.source == "cidc"]
    frontal = inputs[: len(films)]
    for kind, changed in (MADE_OTHERWISE | TURNED_OR_INVERTED).items():
        judged = [
            _unseen(learned, film, changed(one)) for film, one in zip(films, frontal, strict=True)
        ]
        yield Row.of(f"cidc frontal, {kind}", judged)
    opaque = with_opacities(frontal)
    yield Row.of(
        "cidc frontal, opacities painted in",
        [_unseen(learned, film, one) for film, one in zip(films, opaque, strict=True)],
    )


def _groups(learned: Learned, children: frozenset[str]) -> dict[str, Callable[[Film], bool]]:
    def extent(film: Film) -> float:
        return film.score.extent if film.score is not None else -1.0

    def brixia(film: Film) -> float:
        return sum(film.brixia_zones) if film.brixia_zones is not None else -1.0

    return {
        "cidc frontal": lambda film: film.source == "cidc",
        "cidc frontal, trained on": lambda film: (
            film.source == "cidc" and film.path in learned.unseen
        ),
        "cidc frontal, not trained on": lambda film: (
            film.source == "cidc" and film.path not in learned.unseen
        ),
        "cidc scored": lambda film: film.score is not None,
        "cidc scored, extent 6 and more": lambda film: extent(film) >= _SEVERE_EXTENT,
        "cidc Brixia 12 and more": lambda film: brixia(film) >= _SEVERE_BRIXIA,
        "nih": lambda film: film.source == "nih",
        "cxnet": lambda film: film.source == "cxnet",
        "cxnet children": lambda film: film.source == "cxnet" and film.path.name in children,
    }


def _children(data: Path) -> frozenset[str]:
    with (data / "pretrain" / "cxnet.csv").open(newline="", encoding="utf-8") as file:
        return frozenset(
            Path(row["filename"]).name for row in csv.DictReader(file) if row["pediatric"] == "1"
        )


def _unseen(learned: Learned, film: Film, one: Input) -> Likeness:
    (likeness,) = learned.knowing_nothing_of(film.path).likeness([one])
    return likeness


def _inputs(films: Sequence[Film]) -> list[Input]:
    return list(model_inputs(films)[:, 0].numpy())


def unlike_rows(learned: Learned, data: Path) -> Iterator[Row]:
    """Count what is rightly flagged: laterals and drawings."""
    for kind, inputs in ({"cidc lateral": _inputs(lateral_films(data))} | drawn()).items():
        yield Row.of(kind, learned.reference.likeness(inputs))


def other_rows(learned: Learned, folders: Sequence[Path]) -> Iterator[Row]:
    """Count what is flagged of further folders, by kind of image."""
    for folder in folders:
        for kind, inputs in in_folder(folder).items():
            yield Row.of(f"{folder.name}: {kind}", learned.reference.likeness(inputs))


def lateral_films(data: Path) -> list[Film]:
    """List the lateral films of the COVID-19 Image Data Collection."""
    with (data / "cidc" / "metadata.csv").open(newline="", encoding="utf-8") as file:
        return [
            Film(data / "cidc" / "images" / row["filename"], "cidc", f"cidc-{row['patientid']}")
            for row in csv.DictReader(file)
            if row["view"] == LATERAL
        ]


def write(
    learned: Learned, folder: Path, *, films: Sequence[Film], measured: Sequence[Row]
) -> None:
    """Write ``frontal-1.safetensors`` and its card, ``frontal-1.json``."""
    content = to_safetensors(learned.reference)
    (folder / f"{FRONTAL}.safetensors").write_bytes(content)
    card = {
        "name": FRONTAL,
        "sha256": hashlib.sha256(content).hexdigest(),
        "preprocessing": PREPROCESSING,
        "measured": {row.kind: {"images": row.images, "unlike": row.unlike} for row in measured},
        "training": {
            "sources": counts(films),
            "data_fingerprint": _fingerprint(films),
            "components": COMPONENTS,
            "like": LIKE,
            "command": "python -m training.likeness --data ../shared/data --out severity/weights",
        },
    }
    text = json.dumps(card, indent=2) + "\n"
    (folder / f"{FRONTAL}.json").write_text(text, encoding="utf-8")


def _fingerprint(films: Sequence[Film]) -> str:
    hashes = sorted(hashlib.sha256(film.path.read_bytes()).hexdigest() for film in films)
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training.likeness",
        description="Make the reference that tells which images are like known frontal films.",
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
        help="images of any kind to measure too; may be given several times",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
