"""Episodes and their baselines."""

import numpy as np

from severity.course.episodes import baselines, episodes, since_baselines
from severity.course.series import NOWHERE, Films

DAY = 86_400_000_000


def cut(owners, days, longest):
    times = np.array(days) * DAY
    return episodes(np.array(owners), times.astype(np.int64), np.full(len(days), float(longest)))


def films(series, days, eligible) -> Films:
    count = len(series)
    return Films(
        np.array(series),
        np.array(days, dtype=float),
        np.zeros(count),
        np.zeros(count, dtype=np.int8),
        np.array(eligible, dtype=bool),
    )


def test_an_episode_ends_with_a_longer_gap_or_another_owner():
    made = cut([0, 0, 0, 1, 1, 2], [0, 90, 180.5, 181, 182, 182], longest=90)
    assert made.series.tolist() == [0, 0, 1, 2, 2, 3]
    assert made.days.tolist() == [0, 90, 0, 0, 1, 0]
    assert made.numbers.tolist() == [1, 1, 2, 1, 1, 1]


def test_episodes_are_the_same_whoever_is_cut_with_them():
    alone = cut([0, 0, 0], [7000.1, 7000.2, 7100.3], longest=90)
    beside = cut([0, 1, 1, 1], [3, 7000.1, 7000.2, 7100.3], longest=90)
    assert beside.days[1:].tolist() == alone.days.tolist()
    assert (beside.series[1:] - 1).tolist() == alone.series.tolist()


def test_a_baseline_is_the_first_eligible_film_and_there_may_be_none():
    made = films([0, 0, 0, 1, 2, 2], [0, 1, 2, 0, 0, 5], [0, 1, 1, 0, 1, 1])
    nobody = np.zeros(6, dtype=bool)
    rows = baselines(made, nobody, np.full(3, np.nan))
    assert rows.tolist() == [1, NOWHERE, 4]
    assert since_baselines(made, rows).tolist() == [-1, 0, 1, 0, 0, 5]


def test_a_baseline_is_the_last_eligible_film_up_to_a_treatment():
    made = films([0, 0, 0, 0, 1, 1], [0, 1, 2, 3, 0, 5], [1, 1, 0, 1, 1, 1])
    nobody = np.zeros(6, dtype=bool)
    assert baselines(made, nobody, np.array([2.5, -1])).tolist() == [1, 4]
    assert baselines(made, nobody, np.array([3.0, 9])).tolist() == [3, 5]


def test_a_chosen_film_is_the_baseline_unless_it_is_out_of_distribution():
    made = films([0, 0, 0, 1, 1], [0, 1, 2, 0, 1], [1, 1, 1, 1, 0])
    chosen = np.array([0, 0, 1, 0, 1], dtype=bool)
    assert baselines(made, chosen, np.array([0.5, np.nan])).tolist() == [2, 3]
