import numpy as np
import pytest

from severity.evaluation.splits import SPLITS, groups_of, halves


@pytest.mark.parametrize("seed", range(5))
def test_nothing_that_is_tied_together_is_on_both_sides_of_any_split(seed: int) -> None:
    generator = np.random.default_rng(seed)
    patients = [str(number) for number in generator.integers(0, 30, size=80)]
    copies = [tuple(pair) for pair in generator.integers(0, 80, size=(12, 2)).tolist()]

    groups = groups_of(patients, copies)

    splits = list(halves(groups))
    assert len(splits) == SPLITS
    for training, test in splits:
        assert sorted([*training, *test]) == list(range(80))
        assert not {patients[i] for i in training} & {patients[i] for i in test}
        for first, second in copies:
            assert (first in training) == (second in training)


def test_links_join_patients_across_several_steps() -> None:
    assert groups_of(["d", "c", "b", "a", "e"], [(0, 1), (2, 3), (1, 2)]) == ("a",) * 4 + ("e",)


def test_the_splits_are_the_same_each_time() -> None:
    groups = [str(number // 2) for number in range(20)]
    for first, second in zip(halves(groups), halves(groups), strict=True):
        assert np.array_equal(first[0], second[0])
