"""Dated films of public series, scored by a bundled model, as series of courses."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from flows.resources import Progress, Resources
from flows.scoring.single_files import score_files
from flows.settings import Settings
from severity.course.series import Films, view_code
from severity.domain import Score, View
from severity.evaluation.duplicates import near_duplicates, perceptual_hash
from training.compact_3.packing import SCALES
from training.head import model_inputs
from training.images import LATERAL, TrainingImage, rows

_VIEWS = {"PA": View.PA, "AP": View.AP, "AP Supine": View.AP_SUPINE}


@dataclass(frozen=True)
class DatedFilm:
    """One film of a patient, with its day since the patient's day 0."""

    path: Path
    patient: str
    day: float
    view: View


@dataclass(frozen=True, eq=False)
class PublicSeries:
    """Series of both scores, with the patient of each series."""

    geographic_extent: Films
    opacity: Films
    patients: tuple[str, ...]

    def of(self, patients: frozenset[str], *, others: bool = False) -> "PublicSeries":
        """Return the series of these patients, or of all others."""
        chosen = [n for n, name in enumerate(self.patients) if (name in patients) != others]
        series = np.array(chosen, dtype=np.int64)
        names = tuple(self.patients[n] for n in chosen)
        return PublicSeries(self.geographic_extent.of(series), self.opacity.of(series), names)


def dated_films(data: Path) -> list[DatedFilm]:
    """Read the dated frontal films of both collections, each exposure once.

    Patients of Hannover are in both collections, on two time axes that disagree: theirs is that
    of their own hospital's table, and their other films are left out.
    """
    hannover = [
        DatedFilm(
            (data / "hannover" / row["filename"]).resolve(),
            f"cidc-{row['cidc_patientid']}" if row["cidc_patientid"] else row["patient"],
            float(row["offset_days"]),
            _VIEWS[row["view"]],
        )
        for row in rows(data / "hannover" / "films.csv")
        if row["offset_days"]
    ]
    known = {film.patient for film in hannover}
    collection = [
        DatedFilm(
            (data / "cidc" / "images" / row["filename"]).resolve(),
            f"cidc-{row['patientid']}",
            float(row["offset"]),
            _VIEWS[row["view"]],
        )
        for row in rows(data / "cidc" / "metadata.csv")
        if row["offset"] and row["view"] != LATERAL
    ]
    others = [film for film in collection if film.patient not in known]
    return _each_exposure_once([*hannover, *others])


def kept_back_patients(data: Path) -> frozenset[str]:
    """Read the patients who are left out of all learning."""
    kept_back = rows(data / "kept_back.csv")
    return frozenset(
        f"cidc-{row['patientid']}" for row in kept_back if row["filename"][:4] == "cidc"
    )


def unseen_points(data: Path, file: Path, model: str) -> dict[Path, tuple[float, float]]:
    """Read the scores of films by networks that never saw their patient, by path."""
    with np.load(file) as stored:
        named = zip(stored["name"], stored[f"{model}/points"] * SCALES, strict=True)
        return {(data / str(name)).resolve(): (float(e), float(o)) for name, (e, o) in named}


def scored_series(
    films: Sequence[DatedFilm],
    model: str,
    *,
    episode_days: float,
    unseen: Mapping[Path, tuple[float, float]] | None = None,
) -> PublicSeries:
    """Score films and arrange them in series: an episode of a patient each.

    Parameters
    ----------
    unseen
        Extent and opacity of films that the model was trained on, by a network of the same
        training that never saw their patient: a model's own scores of them repeat too well.
    """
    resources = Resources(Settings(device="cpu", model=model), Progress())
    results = score_files([film.path for film in films], resources)
    scored = [
        (film, _unseen(result.score, (unseen or {}).get(film.path)))
        for film, result in zip(films, results, strict=True)
        if result.score is not None
    ]
    episodes = _episodes(scored, episode_days)
    extent, opacity = (_films(episodes, name) for name in ("geographic_extent_raw", "opacity_raw"))
    return PublicSeries(extent, opacity, tuple(episode[0][0].patient for episode in episodes))


def _unseen(score: Score, points: tuple[float, float] | None) -> Score:
    if points is None:
        return score
    return replace(score, geographic_extent_raw=points[0], opacity_raw=points[1])


_Scored = tuple[DatedFilm, Score]


def _episodes(scored: Sequence[_Scored], episode_days: float) -> list[list[_Scored]]:
    by_patient: dict[str, list[_Scored]] = defaultdict(list)
    for film, score in sorted(scored, key=lambda item: (item[0].patient, item[0].day)):
        by_patient[film.patient].append((film, score))
    episodes = []
    for films in by_patient.values():
        days = [film.day for film, _ in films]
        ends = [n + 1 for n, (a, b) in enumerate(pairwise(days)) if b - a > episode_days]
        episodes += [films[a:b] for a, b in pairwise([0, *ends, len(films)])]
    return episodes


def _films(episodes: Sequence[Sequence[_Scored]], score: str) -> Films:
    films = [film for episode in episodes for film in episode]
    return Films(
        np.repeat(np.arange(len(episodes)), [len(episode) for episode in episodes]),
        np.array([film.day for film, _ in films]),
        np.array([getattr(scored, score) for _, scored in films]),
        np.array([view_code(film.view) for film, _ in films], dtype=np.int8),
        np.array([scored.out_of_distribution is None for _, scored in films]),
    )


def _each_exposure_once(films: Sequence[DatedFilm]) -> list[DatedFilm]:
    """Leave out the later of two films that show one exposure: it repeats no measurement."""
    images = [TrainingImage(film.path, "", film.patient) for film in films]
    hashes = np.stack([perceptual_hash(pixels[0].numpy()) for pixels in model_inputs(images)])
    copies = {later for _, later in near_duplicates(hashes)}
    return [film for place, film in enumerate(films) if place not in copies]
