"""Verdicts beside what readers saw."""

from collections.abc import Sequence
from pathlib import Path

from severity.course.parameters import ScoreParameters, Shift, Thresholds
from severity.domain import DistributionCheck, OutOfDistribution, Score, Verdict, View
from training.course_films import DatedFilm
from training.readers_verdicts import (
    ReadChange,
    ScoredFilm,
    read_changes,
    readers_points,
    same_direction,
    table,
)

EXACT = ScoreParameters(
    error=0.1,
    process_noise=1.0,
    prior_mean=dict.fromkeys(View, 3.0),
    prior_sd=2.0,
    view_shift=dict.fromkeys(View, Shift(0.0, 0.0)),
    margin=1.3,
    thresholds=Thresholds(0.95, 0.95),
)


def scored(
    day: float, extent: float, readers: float | None, patient: str = "1", *, flagged: bool = False
) -> ScoredFilm:
    check = DistributionCheck("r", 2.0, OutOfDistribution.LAYOUT) if flagged else None
    score = Score(extent, 1.0, extent, 1.0, distribution_check=check)
    read = {} if readers is None else {"geographic_extent": readers}
    return ScoredFilm(DatedFilm(Path("a.png"), patient, day, View.PA), score, read)


def changes(*films: ScoredFilm) -> list[ReadChange]:
    return read_changes(films, EXACT, score="geographic_extent", episode_days=90)


def test_the_change_runs_from_the_first_read_image_to_the_last() -> None:
    images = (
        scored(0, 9, None),
        scored(1, 2, 1.5),
        scored(2, 3, 8),
        scored(5, 6, 5),
        scored(6, 0, None),
    )

    (change,) = changes(*images)
    assert (change.readers, change.verdict) == (3.5, Verdict.WORSE)
    assert change.leaning > 0.95


def test_each_episode_and_each_patient_counts_apart() -> None:
    images = [
        *(scored(0, 2, 2), scored(3, 6, 3), scored(200, 6, 4), scored(202, 2, 4)),
        *(scored(0, 3, 3, "2"), scored(1, 3, 3, "2")),
    ]

    assert [change.readers for change in changes(*images)] == [1, 0, 0]
    assert [change.verdict for change in changes(*images)] == [
        Verdict.WORSE,
        Verdict.BETTER,
        Verdict.UNCHANGED,
    ]


def test_images_out_of_distribution_and_episodes_with_a_single_reading_are_left_out() -> None:
    images = scored(0, 2, 2), scored(3, 6, 6, flagged=True), scored(4, 6, None)

    assert changes(*images) == []
    assert changes(scored(0, 2, None), scored(3, 6, None)) == []


def test_a_table_counts_what_readers_saw_against_verdicts() -> None:
    seen: Sequence[ReadChange] = [
        ReadChange(2.0, Verdict.WORSE, 0.98),
        ReadChange(1.3, Verdict.UNCHANGED, 0.02),
        ReadChange(-1.4, Verdict.CANNOT_TELL, 0.1),
    ]

    assert list(table(seen, 1.3))[2:] == [
        "| worse | 1 | 0 | 0 | 0 |",
        "| within | 0 | 0 | 1 | 0 |",
        "| better | 0 | 0 | 0 | 1 |",
    ]
    assert same_direction(seen, 1.3) == (1, 2)


def test_readers_points_come_from_all_three_tables(tmp_path: Path) -> None:
    head = "filename,geographic_extent_mean,opacity_mean\n"
    for name, rows in {
        "cidc/severity_scores.csv": "a.jpg,2,1\n",
        "cidc/covidx_s_scores.csv": "b.jpg,5.5,3\n",
        "hannover/films.csv": "images/c.jpg,6,4\n../cidc/images/d.jpg,,\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(head + rows)

    assert readers_points(tmp_path) == {
        tmp_path / "cidc/images/a.jpg": {"geographic_extent": 2, "opacity": 1},
        tmp_path / "cidc/images/b.jpg": {"geographic_extent": 5.5, "opacity": 3},
        tmp_path / "hannover/images/c.jpg": {"geographic_extent": 6, "opacity": 4},
    }
