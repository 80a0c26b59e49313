from pathlib import Path

import pytest

from severity.evaluation.splits import SPLITS, halves
from training.images import collection_images
from training.protocol import comparator_accuracy


def test_no_patient_is_in_both_halves_of_a_split(data: Path) -> None:
    groups = [image.patient for image in collection_images(data) if image.score is not None]

    splits = list(halves(groups))

    assert len(splits) == SPLITS
    for training, test in splits:
        assert not {groups[i] for i in training} & {groups[i] for i in test}
        assert len(training) + len(test) == len(groups) == 93


@pytest.mark.parametrize(
    ("comparator", "extent_mae", "opacity_mae"),
    [
        ("BS-Net", 0.92, 0.66),
        ("COVID-Net-Sev", 1.25, 0.82),
        ("PXS", 1.26, 0.94),
        ("COVID-Net-S", 1.34, 0.84),
    ],
)
def test_the_published_systems_measure_as_in_the_data_folders_table(
    data: Path, comparator: str, extent_mae: float, opacity_mae: float
) -> None:
    extent, opacity = comparator_accuracy(data, comparator)

    assert round(extent.mae, 2) == extent_mae
    assert round(opacity.mae, 2) == opacity_mae
