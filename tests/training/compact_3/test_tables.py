from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from training.compact_3.alterations import ALTERATIONS
from training.compact_3.packing import FOLDS
from training.compact_3.tables import Labelled, error_table, read_bundled, read_folds, repeats

FILMS = 10


@pytest.fixture
def labels() -> Labelled:
    number = np.arange(FILMS)
    values = {
        "points": np.stack([number * 0.5, number * 0.25], axis=1),
        "scored": np.ones(FILMS, bool),
        "healthy": np.zeros(FILMS, bool),
        "fitted": np.zeros(FILMS, bool),
        "hannover": np.zeros(FILMS, bool),
        "patient": np.array([f"p{n // 3}" for n in number]),
        "view": np.full(FILMS, "PA"),
        "day": np.array([0, 1, 2, 0, 5, 6, 3, np.nan, 3, 0.0]),
    }
    others = {part.name: np.full(FILMS, "") for part in fields(Labelled) if part.name not in values}
    return Labelled(**values, **others)


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    """Networks that are right on films that they never saw, and absurd on all others."""
    arrays = {"name": np.arange(FILMS)}
    for fold in range(FOLDS):
        unseen = np.arange(FILMS) % FOLDS == fold
        points = np.where(unseen[:, None], np.arange(FILMS)[:, None] / 16, 1.0)
        rows = np.flatnonzero(unseen)
        parts = {
            "points": np.repeat(points, 2, axis=1),
            "unseen": unseen,
            "altered_rows": rows,
            "altered": np.zeros((len(ALTERATIONS), len(rows), 2)),
            "dice": np.zeros((FILMS, 4)),
            "located": np.zeros((FILMS, 2)),
        }
        arrays |= {f"any-{fold}-0/{key}": value for key, value in parts.items()}
    np.savez(tmp_path / "predictions.npz", **arrays)
    return tmp_path / "predictions.npz"


def test_each_film_is_predicted_by_the_network_that_never_saw_its_patient(
    labels, predictions
) -> None:
    measured = read_folds(predictions, "any")

    assert measured.points[:, 0] == pytest.approx(labels.points[:, 0])
    assert "| all | 10 | any | 0.00 [0.00, 0.00] | +0.00 | 1.00 |" in "\n".join(
        error_table(labels, [measured])
    )


def test_a_model_is_read_from_the_file_that_has_it(tmp_path: Path) -> None:
    for name in ("first", "second"):
        arrays = {
            "points": np.full((FILMS, 2), 0.5),
            "altered_rows": np.arange(FILMS),
            "altered": np.zeros((len(ALTERATIONS), FILMS, 2)),
        }
        named = {f"{name}/{key}": values for key, values in arrays.items()}
        np.savez(tmp_path / f"{name}.npz", name=np.arange(FILMS), **named)
    files = [tmp_path / f"{name}.npz" for name in ("not measured", "first", "second")]

    assert read_bundled(files, "second").points[:, 0].tolist() == [4.0] * FILMS
    with pytest.raises(ValueError, match="third"):
        read_bundled(files, "third")


def test_films_of_a_fold_without_a_training_have_no_prediction(predictions) -> None:
    with np.load(predictions) as stored:
        others = {key: stored[key] for key in stored.files if not key.startswith("any-0-")}
    np.savez(predictions, **others)

    points = read_folds(predictions, "any").points[:, 0]

    assert np.flatnonzero(np.isnan(points)).tolist() == [0, 5]


def test_films_of_one_patient_within_a_day_are_repeats_and_none_is_in_two_pairs(labels) -> None:
    assert list(repeats(labels)) == [(0, 1), (4, 5), (6, 8)]
