from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")


from training.compact_3.films import Film
from training.counterexamples import drawn
from training.former_reference import FormerReference
from training.processing_reference import learn
from training.reference_distribution import SQUEEZED, KnownFilms

SOURCES = ("a", "b", "c", SQUEEZED[0])
FILMS = [Film(Path(f"{n}"), source, f"{source}-{n}", "AP") for source in SOURCES for n in range(60)]
OF_SOURCE = {source: np.array([film.source == source for film in FILMS]) for source in SOURCES}


@pytest.fixture
def contrasts() -> np.ndarray:
    return np.random.default_rng(0).normal([-3.2, 1.7], [0.3, 0.2], size=(len(FILMS), 2))


def known(contrasts: np.ndarray) -> KnownFilms:
    return KnownFilms(FILMS, contrasts[:, None], OF_SOURCE)


def test_films_of_a_source_left_out_lie_within_the_limit_but_for_the_wanted_share(
    contrasts: np.ndarray,
) -> None:
    films = known(contrasts)

    reference = learn(films)

    natural = ~OF_SOURCE[SQUEEZED[0]]
    assert (reference.distances(contrasts[natural]) > 1).mean() == pytest.approx(0.02, abs=0.01)
    assert reference.mean == pytest.approx((-3.2, 1.7), abs=0.1)


def test_neither_a_source_left_out_nor_a_squeezed_one_moves_the_reference(
    contrasts: np.ndarray,
) -> None:
    moved = contrasts.copy()
    moved[OF_SOURCE["b"] | OF_SOURCE[SQUEEZED[0]]] += 2

    keys = {learn(known(one), known(one).without("b")).key for one in (contrasts, moved)}

    assert len(keys) == 1
    assert learn(known(contrasts)).key not in keys


def test_the_former_reference_is_measured_as_it_was() -> None:
    """Of 60 coarse patterns it missed one, as its card said."""
    former = FormerReference()

    assert {kind: int(former.flags(inputs).sum()) for kind, inputs in drawn().items()} == {
        "noise, fine": 60,
        "noise, coarse": 59,
        "text": 60,
    }
