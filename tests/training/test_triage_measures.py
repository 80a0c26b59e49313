import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from training.triage_measures import (
    auroc,
    balanced_accuracy,
    brier,
    calibration_error,
    confusion,
    measured,
    recalls,
    resamples,
)

CLASSES = np.array([0, 0, 0, 0, 1, 1, 2, 2])
ONCE = np.ones((1, len(CLASSES)))


def guesses(*, seed: int = 0) -> NDArray[np.float64]:
    """Probabilities in steps of a twentieth, so that some images tie."""
    parts = np.random.default_rng(seed).integers(1, 8, (len(CLASSES), 3)).astype(float)
    return parts / parts.sum(axis=1, keepdims=True)


def certain(classes: NDArray[np.intp]) -> NDArray[np.float64]:
    return np.eye(3)[classes]


@pytest.mark.parametrize("seed", range(5))
def test_area_and_accuracy_are_those_of_scikit_learn(seed: int) -> None:
    probabilities = np.round(guesses(seed=seed), 1)
    positive = CLASSES == 0

    assert auroc(probabilities[:, 0], positive, ONCE) == pytest.approx(
        roc_auc_score(positive, probabilities[:, 0])
    )
    assert balanced_accuracy(probabilities, CLASSES, ONCE) == pytest.approx(
        balanced_accuracy_score(CLASSES, probabilities.argmax(axis=1))
    )


def test_an_image_that_was_drawn_twice_counts_twice() -> None:
    probabilities, twice = guesses(), np.array([0, 1, 2, 3, 4, 5, 6, 7, 1, 1, 4, 7])
    weights = np.bincount(twice, minlength=8)[None].astype(float)
    again, once = CLASSES[twice], np.ones((1, len(twice)))

    for measure in (balanced_accuracy, brier, calibration_error):
        assert measure(probabilities, CLASSES, weights) == pytest.approx(
            measure(probabilities[twice], again, once)
        )
    assert auroc(probabilities[:, 1], CLASSES == 1, weights) == pytest.approx(
        auroc(probabilities[twice, 1], again == 1, once)
    )


def test_certain_and_right_is_the_best_there_is() -> None:
    right = certain(CLASSES)

    assert balanced_accuracy(right, CLASSES, ONCE) == pytest.approx([1])
    assert brier(right, CLASSES, ONCE) == pytest.approx([0])
    assert calibration_error(right, CLASSES, ONCE) == pytest.approx([0])


def test_certain_and_wrong_is_the_worst_there_is() -> None:
    wrong = certain((CLASSES + 1) % 3)

    assert brier(wrong, CLASSES, ONCE) == pytest.approx([2])
    assert calibration_error(wrong, CLASSES, ONCE) == pytest.approx([1])


def test_a_frequent_class_counts_no_more_than_a_rare_one() -> None:
    always_first = certain(np.zeros_like(CLASSES))

    assert balanced_accuracy(always_first, CLASSES, ONCE) == pytest.approx([1 / 3])
    assert brier(always_first, CLASSES, ONCE) == pytest.approx([2 * 2 / 3])


def test_classes_without_images_do_not_count() -> None:
    only = np.array([0, 0, 2])
    probabilities = certain(np.array([0, 1, 2]))

    assert recalls(probabilities, only, np.ones((1, 3)))[0, [0, 2]] == pytest.approx([0.5, 1])
    assert balanced_accuracy(probabilities, only, np.ones((1, 3))) == pytest.approx([0.75])


def test_the_rows_of_the_confusion_are_the_true_classes() -> None:
    probabilities = certain(np.array([0, 0, 0, 1, 1, 2, 2, 2]))

    assert confusion(probabilities, CLASSES).tolist() == [[3, 1, 0], [0, 1, 1], [0, 0, 2]]


def test_images_of_one_patient_are_drawn_together() -> None:
    weights = resamples(["a", "b", "a", "c"])

    assert weights[0].tolist() == [1, 1, 1, 1]
    assert np.array_equal(weights[:, 0], weights[:, 2])
    assert (weights[1:, [0, 1, 3]].sum(axis=1) == 3).all()


def test_an_interval_is_about_the_value_without_undefined_resamples() -> None:
    values = np.concatenate([[0.5], np.linspace(0, 1, 101), [np.nan]])

    measure = measured([values, values])

    assert measure.value == 0.5
    assert (measure.low, measure.high) == pytest.approx((0.025, 0.975))
