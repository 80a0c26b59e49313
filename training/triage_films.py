"""Which films teach triage, what each is said to show, and which must stay together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from severity.evaluation.duplicates import near_duplicates, perceptual_hash
from severity.evaluation.splits import groups_of
from severity.heads.triage import CLASSES, TriageClass
from training.duplicates import ReducedFilms, matches
from training.films import NO_FINDING, Film

PNEUMONIA = "Pneumonia"
"""As ChestX-ray14 names it: what a report calls pneumonia. Infiltration or consolidation alone
would not do, since either may be something else."""

COVID_19 = frozenset({"COVID-19", "COVID-19, ARDS"})
NO_PNEUMONIA = frozenset({"ARDS"})
"""Diagnoses of the collection that name no cause: they may come from no pneumonia at all."""

Places = NDArray[np.intp]


@dataclass(frozen=True)
class TriageFilms:
    """Films, and for each its class (a place in `CLASSES`) and its group."""

    films: tuple[Film, ...]
    classes: Places
    groups: tuple[str, ...]

    @property
    def sources(self) -> NDArray[np.str_]:
        """Name the source of each film."""
        return np.array([film.source for film in self.films])

    def counts(self) -> dict[str, list[int]]:
        """Count films by source, in the order of `CLASSES`."""
        return {
            str(source): np.bincount(
                self.classes[self.sources == source], minlength=len(CLASSES)
            ).tolist()
            for source in np.unique(self.sources)
        }


def triage_class(film: Film) -> TriageClass | None:
    """Say what a film shows, as its source has it; None leaves it out.

    A film that is called COVID-19 although nothing is seen on it is left out: it shows one class
    and its patient has the other.
    """
    if film.source == "nih":
        return _of_findings(film.findings or frozenset())
    if film.source == "cxnet":
        return TriageClass.COVID_19 if film.abnormal else None
    if film.diagnosis in COVID_19:
        seen = film.score is None or film.score.extent > 0
        return TriageClass.COVID_19 if seen else None
    if film.diagnosis == NO_FINDING:
        return TriageClass.NO_FINDING
    return None if film.diagnosis in NO_PNEUMONIA else TriageClass.OTHER_PNEUMONIA


def _of_findings(findings: frozenset[str]) -> TriageClass | None:
    if not findings:
        return TriageClass.NO_FINDING
    return TriageClass.OTHER_PNEUMONIA if PNEUMONIA in findings else None


def copies(
    films: Sequence[Film], inputs: NDArray[np.float32], *, overlapping: frozenset[str]
) -> list[tuple[int, int]]:
    """List pairs of films that show the same exposure, by their places.

    A perceptual hash compares all films; films of ``overlapping`` sources are also registered
    with those of each other one, which finds crops and screenshots that a hash does not.

    Parameters
    ----------
    inputs
        Shape (N, 224, 224), the films as the network sees them.
    """
    pairs = near_duplicates(np.stack([perceptual_hash(film) for film in inputs]))
    place = {film.path: number for number, film in enumerate(films)}
    by_source = [[film for film in films if film.source == one] for one in sorted(overlapping)]
    reduced_films = ReducedFilms()
    for references, others in pairwise(by_source):
        found = matches(references, others, reduced_films)
        pairs += [(place[match.reference.path], place[match.film.path]) for match in found]
    return pairs


def with_classes(films: Sequence[Film], linked: Iterable[tuple[int, int]]) -> TriageFilms:
    """Keep the films that have a class, each in the group of its patient and its copies.

    Parameters
    ----------
    linked
        Pairs of places in ``films`` that must not be separated.
    """
    groups = groups_of([film.patient for film in films], linked)
    named = [(film, triage_class(film), group) for film, group in zip(films, groups, strict=True)]
    kept = [(film, one, group) for film, one, group in named if one is not None]
    return TriageFilms(
        films=tuple(film for film, _, _ in kept),
        classes=np.array([CLASSES.index(one) for _, one, _ in kept], dtype=np.intp),
        groups=tuple(group for _, _, group in kept),
    )


def without_source(films: TriageFilms, source: str) -> tuple[Places, Places]:
    """Split into films that have nothing to do with a source, and those of the source.

    Returns
    -------
    Places of the training and of the test films. A film of another source is in neither when
    its group (patient or copy) has a film of this one.
    """
    of_source = films.sources == source
    touched = {group for group, own in zip(films.groups, of_source, strict=True) if own}
    touching = np.array([group in touched for group in films.groups])
    return np.flatnonzero(~touching), np.flatnonzero(of_source)
