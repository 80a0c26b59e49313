"""How much a model's scores move although the patient does not, measured on a folder's films."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flows.concurrency import at_once
from flows.labelled_films.features import SeenFilm
from flows.labelled_films.repeats import Dated, DatedFilm
from flows.resources import Resources
from flows.scoring.pipeline import FileContent, Network, Pipeline, Rejection
from flows.sources import read_local_file
from severity.domain import MeasurementError, StandardError
from severity.evaluation.duplicates import Hash, near_duplicates, perceptual_hash
from severity.evaluation.perturbations import VERSIONS, Perturbation, versions
from severity.evaluation.repeatability import repeat_sets, standard_error
from severity.files.sidecar import SidecarRecord
from severity.images.grey_image import GreyImage
from severity.images.radiograph import Radiograph
from severity.models.runtime import ModelInput, in_memory
from severity.models.scoring_model import ScoringModel

MOST_PERTURBED = 40
"""Films: with 12 versions each, 480 passes through the network."""

REPEATS, _SAME_DAY, _SAME_PROJECTION = (
    "films within 24 hours",
    "of these, of the same day",
    "of these, of the same projection",
)
ALL = str(Perturbation.ALL)
_NOBODY = "unnamed"

Points = NDArray[np.float64]
"""Shape (N, 2): extent and opacity, clipped to the model's scales."""
Errors = tuple[StandardError | None, StandardError | None]
"""Of extent and opacity; None where nothing repeats."""
Versions = Callable[[GreyImage], Iterable[GreyImage]]


@dataclass(frozen=True)
class NoiseRow:
    """One way to see noise: its name, films, and standard errors of extent and opacity."""

    name: str
    films: int
    errors: Errors


@dataclass(frozen=True)
class Noise:
    """The measurement errors of both scores, in detail and together."""

    repeats: tuple[NoiseRow, ...] = ()
    perturbations: tuple[NoiseRow, ...] = ()
    note: str = ""

    @property
    def errors(self) -> tuple[MeasurementError, MeasurementError]:
        """Of extent and opacity: films within 24 hours, and all perturbations together."""
        found = {row.name: row.errors for row in (*self.repeats, *self.perturbations)}
        nothing = (None, None)
        both = zip(found.get(REPEATS, nothing), found.get(ALL, nothing), strict=True)
        extent, opacity = (MeasurementError(*one) for one in both)
        return extent, opacity


@dataclass(frozen=True)
class _Item:
    """A film that is to be scored once for each of its versions."""

    path: Path
    record: SidecarRecord
    versions: Versions


@dataclass(frozen=True, eq=False)
class _Prepared:
    """The versions of a film as the network sees them, and the hash of the first one."""

    inputs: list[ModelInput]
    perceptual: Hash


@dataclass(frozen=True, eq=False)
class _Looked:
    """The points of each version of a film, and the hash of the first one."""

    points: Points
    perceptual: Hash


async def measure_noise(
    dated: Dated, films: Sequence[SeenFilm], have: Resources, model: ScoringModel
) -> Noise:
    """Score films that repeat others, and others that are perturbed.

    Deterministic: how a film is perturbed follows from its content.

    Parameters
    ----------
    dated
        Films that may be repeats.
    films
        Those that are perturbed: see `chosen_films`.
    model
        Whose scores may move.
    """
    repeats = [_Item(one.path, one.record, lambda grey: (grey,)) for one in dated.films]
    looked = await _look_at([*repeats, *map(_to_perturb, films)], have, model)
    return Noise(
        _repeat_rows(dated.films, looked[: len(repeats)]),
        _perturbed_rows([one for one in looked[len(repeats) :] if one]),
        dated.note,
    )


def chosen_films(
    films: Sequence[SeenFilm], groups: Sequence[str], *, most: int = MOST_PERTURBED
) -> list[SeenFilm]:
    """Choose films to perturb: one of each group before a second one, by hash of content."""
    seen: Counter[str] = Counter()
    turns = {}
    for place in sorted(range(len(films)), key=lambda place: films[place].sha256):
        turns[place] = seen[groups[place]]
        seen[groups[place]] += 1
    first = sorted(turns, key=turns.__getitem__)[:most]
    return [films[place] for place in sorted(first)]


def _to_perturb(film: SeenFilm) -> _Item:
    def changed(grey: GreyImage) -> Iterable[GreyImage]:
        return (one for _, one in versions(grey, seed=int(film.sha256[:8], base=16)))

    record = SidecarRecord(patient_id=film.patient or _NOBODY, view=film.film.view)
    return _Item(film.film.path, record, changed)


async def _look_at(
    items: Sequence[_Item], have: Resources, model: ScoringModel
) -> list[_Looked | None]:
    """Read, prepare and score the versions of each film; None for a film that is rejected."""
    have.progress.waiting(len(items))
    with Pipeline(have.settings, model) as pipeline:

        async def prepare(item: _Item) -> _Prepared:
            content = await asyncio.to_thread(read_local_file, item.path)
            reduce = partial(_prepared, versions=item.versions)
            return await pipeline.decode(FileContent(content, item.record), reduce)

        async def look(item: _Item) -> _Looked | None:
            (film,) = await pipeline.prepare([item], prepare)
            if isinstance(film, Rejection):
                have.progress.advanced(scored=0, rejected=1)
                return None
            scores = await pipeline.in_stream(model.score, film.inputs)
            have.progress.advanced(scored=1, rejected=0)
            points = [(score.geographic_extent, score.opacity) for score in scores]
            return _Looked(np.array(points), film.perceptual)

        return await at_once(pipeline.batches, look, items)


def _prepared(radiograph: Radiograph, network: Network, *, versions: Versions) -> _Prepared:
    """Prepare each version as it is made: only one is in memory beside the film."""
    inputs = [network.prepare(grey) for grey in versions(radiograph.grey)]
    return _Prepared(inputs, perceptual_hash(in_memory(inputs[0])))


def _repeat_rows(
    films: Sequence[DatedFilm], looked: Sequence[_Looked | None]
) -> tuple[NoiseRow, ...]:
    """Compare the films of each set, and those of them that share the day or the projection."""
    there = [(film, one) for film, one in zip(films, looked, strict=True) if one]
    if not there:
        return ()
    sets = repeat_sets(
        [film.record.patient_id for film, _ in there],
        [film.moment for film, _ in there],
        near_duplicates(np.array([one.perceptual for _, one in there])),
    )
    places = [(number, place) for number, one in enumerate(sets) for place in one]
    points = np.array([there[place][1].points[0] for _, place in places]).reshape(-1, 2)
    films = [there[place][0] for _, place in places]
    numbers = [number for number, _ in places]
    days = [film.moment.day for film in films]
    projections = [_projection(film) for film in films]
    return (
        _row(REPEATS, points, [(number,) for number in numbers]),
        _row(_SAME_DAY, points, list(zip(numbers, days, strict=True))),
        _row(_SAME_PROJECTION, points, list(zip(numbers, projections, strict=True))),
    )


def _projection(film: DatedFilm) -> str:
    """Tell from which side the film was taken: a patient who lies is taken from the front."""
    view = film.record.view.upper()
    return "AP" if view.startswith("AP") else view


def _perturbed_rows(looked: Sequence[_Looked]) -> tuple[NoiseRow, ...]:
    if not looked:
        return ()
    kinds = [kind for kind, number in VERSIONS.items() for _ in range(number)]
    points = np.array([one.points for one in looked])
    rows = []
    for kind, number in VERSIONS.items():
        of_kind = points[:, [one is kind for one in kinds]].reshape(-1, 2)
        films = np.repeat(np.arange(len(looked)), number).tolist()
        rows.append(NoiseRow(str(kind), len(looked), _errors(of_kind, films)))
    return tuple(rows)


def _row(name: str, points: Points, sets: Sequence[tuple[object, ...]]) -> NoiseRow:
    """Estimate both errors from the films that are not alone in their set."""
    counts = Counter(sets)
    places = [place for place, one in enumerate(sets) if counts[one] > 1]
    number = {one: place for place, one in enumerate(counts)}
    return NoiseRow(name, len(places), _errors(points[places], [number[sets[p]] for p in places]))


def _errors(points: Points, sets: Sequence[int]) -> Errors:
    extent, opacity = (standard_error(column, sets) for column in points.T)
    return extent, opacity
