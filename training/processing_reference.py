"""Learn how known films are processed, and measure which alterations are noticed.

Each film is measured by a reference that was learned, its limit too, without any film of its
source: what another hospital's films look like is just what is to be known. Films of the sources
that squeezed theirs are measured, and teach nothing: resampling moves detail.
"""

import argparse
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from severity.images.preprocessing import MODEL_LIMIT
from severity.reliability import PROCESSING, ProcessingReference, maps, processing_to_json
from training.compact_3.alterations import ALTERATIONS
from training.compact_3.films import development_films
from training.compact_3.processing import blurred, sharpened
from training.compact_3.views import model_input
from training.out_of_distribution import fingerprint
from training.reference_distribution import (
    SQUEEZED,
    KnownFilms,
    inputs_of,
    quantile,
    sources_of,
    weights_of,
)

WITHIN = 0.98
"""Share of the films of a source never seen that lie within the limit; each view of each source
counts the same."""
_MOST = 150  # films of a source that are altered
_CHUNK = 64  # films

MORE: Mapping[str, Callable[[Tensor], Tensor]] = {
    "edges": lambda views: sharpened(views, torch.ones(len(views), 1, 1, 1), radius=2),
    "smoothed": lambda views: blurred(views, 1),
    "5 bits": lambda views: (views * 31).round() / 31,
    "3 bits": lambda views: (views * 7).round() / 7,
}
"""Alterations beside those that models are measured on."""


def main() -> None:
    """Run the command."""
    options = _options()
    torch.set_num_threads(1)
    films = development_films(options.data)
    contrasts = np.concatenate(
        [
            contrasts_of(inputs_of(films[start : start + _CHUNK]))
            for start in range(0, len(films), _CHUNK)
        ]
    )
    known = KnownFilms(films, contrasts[:, None], sources_of(films, options.data))
    measured = {
        "untouched": dict(untouched(known)),
        "altered": dict(after_alterations(known)),
    }
    print(json.dumps(measured, indent=1), flush=True)
    card = {
        **processing_to_json(learn(known)),
        "within": WITHIN,
        "measured": measured,
        "training": {
            "sources": dict(sorted(Counter(film.source for film in films).items())),
            "data_fingerprint": fingerprint(films),
            "command": "python -m training.processing_reference --data ../shared/data "
            "--out severity/weights",
        },
    }
    text = json.dumps(card, indent=1) + "\n"
    (options.out / f"{PROCESSING}.json").write_text(text, encoding="utf-8")


def contrasts_of(inputs: NDArray[np.float32]) -> NDArray[np.float64]:
    """Compute the contrasts of model inputs, shape (N, 2)."""
    return np.stack([image.contrasts for image in maps(list(inputs))])


def learn(known: KnownFilms, among: NDArray[np.bool_] | None = None) -> ProcessingReference:
    """Learn the contrasts of films and the limit; ``views`` of ``known`` are contrasts, (N, 1, 2).

    Parameters
    ----------
    among
        Which films may be seen at all, shape (N,); all if None.
    """
    allowed = np.ones(len(known.films), dtype=bool) if among is None else among
    distances, kinds = [], []
    for source in known.of_source:
        tested = allowed & known.measured(source)
        if source in SQUEEZED or not tested.any():
            continue
        reference = fit(known, allowed & known.without(source))
        distances.append(reference.distances(known.views[tested, 0]))
        kinds += [(source, film.view) for film in known.chosen(tested)]
    limit = quantile(np.concatenate(distances), WITHIN, weights_of(kinds))
    return fit(known, allowed, limit=limit)


def fit(known: KnownFilms, chosen: NDArray[np.bool_], *, limit: float = 1.0) -> ProcessingReference:
    """Compute the mean and the covariance of contrasts; each source counts by its films' root."""
    sources = [film.source for film in known.chosen(chosen)]
    films = Counter(sources)
    weights = np.array([0 if s in SQUEEZED else 1 / films[s] ** 0.5 for s in sources])
    contrasts = known.views[chosen, 0]
    covariance = np.cov(contrasts.T, aweights=weights)
    return ProcessingReference(
        PROCESSING,
        tuple(np.average(contrasts, axis=0, weights=weights).tolist()),
        tuple(tuple(row) for row in covariance.tolist()),
        limit,
    )


def untouched(known: KnownFilms) -> Iterator[tuple[str, dict[str, int]]]:
    """Count the flagged films of each source and view, by a reference that never saw the source."""
    for source in known.of_source:
        reference = learn(known, known.without(source))
        measured = known.measured(source)
        flagged = reference.distances(known.views[measured, 0]) > 1
        views = np.array([film.view or "view not stated" for film in known.chosen(measured)])
        for view in sorted(set(views.tolist())):
            of_view = views == view
            counts = {"films": int(of_view.sum()), "flagged": int(flagged[of_view].sum())}
            yield f"{source} {view}", counts


def after_alterations(known: KnownFilms) -> Iterator[tuple[str, dict[str, float]]]:
    """Measure the share of flagged films of each source never seen, after each alteration."""
    shares: dict[str, dict[str, float]] = {kind: {} for kind in (*ALTERATIONS, *MORE)}
    for source in known.of_source:
        reference = learn(known, known.without(source))
        films = known.chosen(known.measured(source))
        inputs = inputs_of(films[:: -(-len(films) // _MOST)])
        views = (torch.from_numpy(inputs)[:, None] / MODEL_LIMIT + 1) / 2
        for kind, change in {**ALTERATIONS, **MORE}.items():
            altered = model_input(change(views.clamp(0, 1)).clamp(0, 1))[:, 0].numpy()
            flagged = reference.distances(contrasts_of(altered)) > 1
            shares[kind][source] = round(float(flagged.mean()), 3)
    yield from shares.items()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training.processing_reference",
        description="Learn how known films are processed, and measure what is noticed.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    data = Path(os.environ.get("SEVERITY_TEST_DATA", "../shared/data"))
    parser.add_argument(
        "--data",
        type=Path,
        default=data,
        help="folder with the collections; also SEVERITY_TEST_DATA",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("severity/weights"), help="folder for the reference"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
