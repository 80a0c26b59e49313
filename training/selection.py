"""Which films may train a backbone that is measured on the scored ones.

No film of a scored patient may, under whatever name: the collections overlap, and one
of them publishes some patients twice, under two patient ids.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from severity.evaluation.splits import groups_of
from training.duplicates import Match, ReducedFilms, matches
from training.films import SCORED_WITHOUT_FILE, Film, patients


@dataclass(frozen=True)
class Selection:
    """The outcome, with what was left out and why."""

    training: tuple[Film, ...]
    scored: tuple[Film, ...]
    groups: tuple[str, ...]
    """For each scored film its patient, or the group of patients who share a film."""
    linked: tuple[Match, ...]
    """Films of the collection that tie another patient id to a scored patient."""
    duplicates: tuple[Match, ...]
    """Films of the other collections that show a scored patient."""

    def removed(self) -> dict[str, int]:
        """Count the near-duplicates that were left out, by source."""
        return dict(Counter(m.film.source for m in (*self.linked, *self.duplicates)))


def select(
    collection: Sequence[Film], others: Sequence[Film], *, report: Callable[[str], None]
) -> Selection:
    """Leave out the scored patients, everyone who is tied to them, and copies of their films.

    Parameters
    ----------
    collection
        Frontal films with patient ids, the scored ones among them.
    others
        Films of other collections.
    """
    scored = tuple(film for film in collection if film.score is not None)
    reduced_films = ReducedFilms()
    excluded = patients(scored) | frozenset(SCORED_WITHOUT_FILE.values())
    linked: list[Match] = []
    newly = excluded
    while newly:
        references = [film for film in collection if film.patient in newly]
        rest = [film for film in collection if film.patient not in excluded]
        found = matches(references, rest, reduced_films)
        linked += found
        newly = patients(match.film for match in found)
        excluded |= newly
    for match in linked:
        report(f"tied: {_described(match)}")
    report(f"{len(linked)} films tie {len(patients(m.film for m in linked))} more patient ids")
    references = [film for film in collection if film.patient in excluded]
    duplicates = matches(references, others, reduced_films)
    for match in duplicates:
        report(f"left out: {_described(match)}")
    report(f"{len(duplicates)} near-duplicates of {len(references)} films in other collections")
    left_out = {match.film.path for match in duplicates}
    return Selection(
        training=tuple(
            film
            for film in (*collection, *others)
            if film.patient not in excluded and film.path not in left_out
        ),
        scored=scored,
        groups=scored_groups(scored, matches(scored, scored, reduced_films)),
        linked=tuple(linked),
        duplicates=tuple(duplicates),
    )


def scored_groups(scored: Sequence[Film], shared: Iterable[Match]) -> tuple[str, ...]:
    """Name the patient of each film; patients who share a film take the first one's name."""
    place = {film.path: number for number, film in enumerate(scored)}
    return groups_of(
        [film.patient for film in scored],
        [(place[match.film.path], place[match.reference.path]) for match in shared],
    )


def _described(match: Match) -> str:
    film, reference = match.film.path.name, match.reference.path.name
    return f"{match.film.source} {film} shows {reference} ({match.agreement:.2f})"


def counts(films: Iterable[Film]) -> Mapping[str, int]:
    """Count the films of each source."""
    return dict(sorted(Counter(film.source for film in films).items()))
