"""Verdicts beside the readers' change, where a patient has two or more films with readers' scores.

``make pictures`` prints the tables of docs/reading-a-course.md by it. Nothing is fitted to the
readers here, so patients that were kept back from training count too.
"""

import argparse
import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from flows.resources import Progress, Resources
from flows.scoring.single_files import score_files
from flows.settings import Settings
from severity.course.course import follow
from severity.course.episodes import episodes
from severity.course.parameters import CourseParameters, ScoreParameters
from severity.course.series import NOWHERE, Films, view_code
from severity.course.verdicts import NO_VERDICT, VERDICTS
from severity.domain import Score, Verdict
from severity.models.bundled_cards import BUNDLED, bundled_course_parameters
from training.course_films import DatedFilm, dated_films

_MICROSECONDS_A_DAY = 86_400_000_000
SCORES = ("geographic_extent", "opacity")


@dataclass(frozen=True)
class ReadChange:
    """The readers' change in points from an episode's first read film to its last; the verdict.

    ``leaning`` is the probability of worse less that of better.
    """

    readers: float
    verdict: Verdict
    leaning: float


@dataclass(frozen=True)
class ScoredFilm:
    """A film of a series with its score, and the readers' mean points of each score, if read."""

    film: DatedFilm
    score: Score
    read: Mapping[str, float] = field(default_factory=dict)


def read_changes(
    films: Sequence[ScoredFilm], parameters: ScoreParameters, *, score: str, episode_days: float
) -> list[ReadChange]:
    """Return the readers' change and the verdict of each episode with two or more read films.

    Parameters
    ----------
    films
        By patient and day, read or not: all of them are the course's.
    score
        One of `SCORES`.
    """
    series = _series(films, score, episode_days)
    read = np.array([film.read.get(score, np.nan) for film in films])
    usable = series.eligible & ~np.isnan(read)
    rows = [np.flatnonzero(usable & (series.series == n)) for n in range(len(series.starts))]
    baselines = np.array([own[0] if len(own) else NOWHERE for own in rows], dtype=np.int64)
    told = follow(series, baselines, parameters)
    leanings = told.worse - told.better
    ends = [(own[0], own[-1]) for own in rows if len(own) and told.verdicts[own[-1]] != NO_VERDICT]
    return [
        ReadChange(read[last] - read[first], VERDICTS[told.verdicts[last]], leanings[last])
        for first, last in ends
    ]


def _series(films: Sequence[ScoredFilm], score: str, episode_days: float) -> Films:
    names = [film.film.patient for film in films]
    owners = np.unique(names, return_inverse=True)[1].astype(np.int64)
    days = np.array([film.film.day for film in films])
    times = (days * _MICROSECONDS_A_DAY).astype(np.int64)
    cut = episodes(owners, times, np.full(len(films), episode_days))
    return Films(
        series=cut.series,
        days=cut.days,
        points=np.array([getattr(film.score, f"{score}_raw") for film in films]),
        views=np.array([view_code(film.film.view) for film in films], dtype=np.int8),
        eligible=np.array([film.score.out_of_distribution is None for film in films]),
    )


def counts(changes: Sequence[ReadChange], margin: float) -> Counter[tuple[str, Verdict]]:
    """Count episodes by what the readers saw, beyond the margin or within it, and the verdict."""
    return Counter((_seen(change.readers, margin), change.verdict) for change in changes)


def same_direction(changes: Sequence[ReadChange], margin: float) -> tuple[int, int]:
    """Count the episodes in which readers saw a change, and those that lean the readers' way."""
    changed = [change for change in changes if abs(change.readers) > margin]
    return sum(change.readers * change.leaning > 0 for change in changed), len(changed)


def _seen(change: float, margin: float) -> str:
    return "worse" if change > margin else "better" if change < -margin else "within"


def table(changes: Sequence[ReadChange], margin: float) -> Iterator[str]:
    """Yield the lines of a Markdown table: the readers' change by row, the verdict by column."""
    by_pair = counts(changes, margin)
    yield f"| readers (margin {margin:.2f}) | " + " | ".join(Verdict) + " |"
    yield "|---" * (1 + len(Verdict)) + "|"
    for seen in ("worse", "within", "better"):
        yield f"| {seen} | " + " | ".join(str(by_pair[seen, verdict]) for verdict in Verdict) + " |"


def scored_films(data: Path, model: str) -> list[ScoredFilm]:
    """Score the films of both sources by a model; those that are rejected are left out."""
    films = sorted(dated_films(data), key=lambda film: (film.patient, film.day))
    results = score_files(
        [film.path for film in films], Resources(Settings(device="cpu", model=model), Progress())
    )
    read = readers_points(data)
    pairs = zip(films, results, strict=True)
    return [
        ScoredFilm(film, result.score, read.get(film.path, {}))
        for film, result in pairs
        if result.score
    ]


def readers_points(data: Path) -> dict[Path, dict[str, float]]:
    """Read the readers' mean points of each film, by score."""
    tables = {
        "cidc/severity_scores.csv": "cidc/images",
        "cidc/covidx_s_scores.csv": "cidc/images",
        "hannover/films.csv": "hannover",
    }
    points = {}
    for table, folder in tables.items():
        with (data / table).open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                own = {score: row[f"{score}_mean"] for score in SCORES}
                if all(own.values()):
                    path = (data / folder / row["filename"]).resolve()
                    points[path] = {score: float(text) for score, text in own.items()}
    return points


def main() -> None:
    """Print a table for each score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of cidc and hannover")
    # Later ones learned from these readers, and would only repeat what they were told.
    parser.add_argument("--model", choices=BUNDLED, default="compact-2")
    parser.add_argument(
        "--parameters", type=Path, help="a parameter set; the shipped one if absent"
    )
    arguments = parser.parse_args()
    parameters = (
        CourseParameters.from_json(arguments.parameters.read_text(encoding="utf-8"))
        if arguments.parameters
        else bundled_course_parameters(arguments.model)
    )
    films = scored_films(arguments.data, arguments.model)
    for score in SCORES:
        of_score: ScoreParameters = getattr(parameters, score)
        changes = read_changes(films, of_score, score=score, episode_days=parameters.episode_days)
        print(f"\n{score}: {len(changes)} episodes\n")
        print("\n".join(table(changes, of_score.margin)))
        same, changed = same_direction(changes, of_score.margin)
        print(f"\nMore probably worse or better as the readers saw: {same} of {changed}")


if __name__ == "__main__":
    main()
