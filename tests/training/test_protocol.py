from pathlib import Path

import pytest

from severity.evaluation.splits import SPLITS, halves
from training.films import collection_films
from training.protocol import peer_accuracy


def test_no_patient_is_in_both_halves_of_a_split(data: Path) -> None:
    groups = [film.patient for film in collection_films(data) if film.score is not None]

    splits = list(halves(groups))

    assert len(splits) == SPLITS
    for training, test in splits:
        assert not {groups[i] for i in training} & {groups[i] for i in test}
        assert len(training) + len(test) == len(groups) == 93


@pytest.mark.parametrize(
    ("peer", "extent_mae", "opacity_mae"),
    [
        ("BS-Net", 0.92, 0.66),
        ("COVID-Net-Sev", 1.25, 0.82),
        ("PXS", 1.26, 0.94),
        ("COVID-Net-S", 1.34, 0.84),
    ],
)
def test_the_published_systems_measure_as_in_the_data_folders_table(
    data: Path, peer: str, extent_mae: float, opacity_mae: float
) -> None:
    extent, opacity = peer_accuracy(data, peer)

    assert round(extent.mae, 2) == extent_mae
    assert round(opacity.mae, 2) == opacity_mae
