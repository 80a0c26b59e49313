"""Verdicts beside the readers' change, where a patient has two or more images with readers' scores.

``python -m training.readers_verdicts --data ../shared/data`` prints the tables of
docs/reading-a-course.md. Nothing is fitted to the readers here, so patients that were kept back
from training count too.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from flows.reports import FileResult
from flows.resources import Progress, Resources
from flows.scoring.single_files import score_files
from flows.settings import Settings
from severity.course.course import follow
from severity.course.episodes import episodes
from severity.course.parameters import CourseParameters, ScoreParameters
from severity.course.series import NOWHERE, Films, view_code
from severity.course.verdicts import NO_VERDICT, VERDICTS
from severity.domain import Score, Verdict
from training.series import SeriesImage, series_images, write_inbox

_MICROSECONDS_A_DAY = 86_400_000_000
SCORES = ("geographic_extent", "opacity")

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class ReadChange:
    """The readers' change in points from an episode's first read image to its last; the verdict."""

    readers: float
    verdict: Verdict


@dataclass(frozen=True)
class ScoredImage:
    """An image of a series with its score."""

    image: SeriesImage
    result: FileResult
    score: Score


def read_changes(
    images: Sequence[ScoredImage], parameters: ScoreParameters, *, score: str, episode_days: float
) -> list[ReadChange]:
    """Return the readers' change and the verdict of each episode with two or more read images.

    Parameters
    ----------
    images
        By patient and day, read or not: all of them are the course's.
    score
        One of `SCORES`.
    """
    films = _films(images, score, episode_days)
    read = np.array([_readers(image.image, score) for image in images])
    rows = [
        np.flatnonzero(films.eligible & ~np.isnan(read) & (films.series == series))
        for series in range(len(films.starts))
    ]
    baselines = np.array([own[0] if len(own) else NOWHERE for own in rows], dtype=np.int64)
    codes = follow(films, baselines, parameters).verdicts
    ends = [(own[0], own[-1]) for own in rows if len(own) and codes[own[-1]] != NO_VERDICT]
    return [ReadChange(read[last] - read[first], VERDICTS[codes[last]]) for first, last in ends]


def _films(images: Sequence[ScoredImage], score: str, episode_days: float) -> Films:
    patients = [image.image.patient for image in images]
    owners = np.unique(patients, return_inverse=True)[1].astype(np.int64)
    times = np.array([image.image.days * _MICROSECONDS_A_DAY for image in images]).astype(np.int64)
    cut = episodes(owners, times, np.full(len(images), episode_days))
    return Films(
        series=cut.series,
        days=cut.days,
        points=np.array([getattr(image.score, f"{score}_raw") for image in images]),
        views=np.array(
            [view_code(image.result.view) for image in images if image.result.view], dtype=np.int8
        ),
        eligible=np.array([image.score.out_of_distribution is None for image in images]),
    )


def _readers(image: SeriesImage, score: str) -> float:
    points = image.extent if score == "geographic_extent" else image.opacity
    return np.nan if points is None else points


def counts(changes: Sequence[ReadChange], margin: float) -> Counter[tuple[str, Verdict]]:
    """Count episodes by what the readers saw, beyond the margin or within it, and the verdict."""
    return Counter((_seen(change.readers, margin), change.verdict) for change in changes)


def _seen(change: float, margin: float) -> str:
    return "worse" if change > margin else "better" if change < -margin else "within"


def table(changes: Sequence[ReadChange], margin: float) -> Iterator[str]:
    """Yield the lines of a Markdown table: the readers' change by row, the verdict by column."""
    by_pair = counts(changes, margin)
    yield f"| readers (margin {margin:.2f}) | " + " | ".join(Verdict) + " |"
    yield "|---" * (1 + len(Verdict)) + "|"
    for seen in ("worse", "within", "better"):
        yield f"| {seen} | " + " | ".join(str(by_pair[seen, verdict]) for verdict in Verdict) + " |"


def scored(images: Sequence[SeriesImage]) -> list[ScoredImage]:
    """Score images by the default model; those that it rejects are left out."""
    with TemporaryDirectory() as folder:
        inbox = Path(folder) / "inbox"
        write_inbox(images, inbox)
        resources = Resources(Settings(home=Path(folder), device="cpu"), Progress())
        results = score_files([inbox / image.path.name for image in images], resources)
    pairs = zip(images, results, strict=True)
    return [ScoredImage(image, result, result.score) for image, result in pairs if result.score]


def main() -> None:
    """Print a table for each score."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--data", type=Path, required=True, help="the folder of cidc and hannover"
    )
    arguments.add_argument(
        "--parameters", type=Path, help="a parameter set; the shipped one if absent"
    )
    chosen = arguments.parse_args()
    parameters = CourseParameters.from_json(chosen.parameters.read_text(encoding="utf-8"))
    images = scored(series_images(chosen.data))
    for score in SCORES:
        of_score: ScoreParameters = getattr(parameters, score)
        changes = read_changes(images, of_score, score=score, episode_days=parameters.episode_days)
        print(f"\n{score}: {len(changes)} episodes\n")
        print("\n".join(table(changes, of_score.margin)))


if __name__ == "__main__":
    main()
