import numpy as np
import pytest
from numpy.typing import NDArray

from severity.heads.triage import CLASSES
from training.triage_fit import class_weights, fit_layer, fit_triage, log_loss

IMAGES_PER_PATIENT = 4


def images(
    *, patients: int = 30, features: int = 6, apart: float = 1.0
) -> tuple[NDArray[np.float64], NDArray[np.intp], list[str]]:
    """Three classes, half of the images in the first, that lie ``apart`` in a feature each."""
    random = np.random.default_rng(0)
    classes = np.repeat(np.arange(patients) % 4 % 3, IMAGES_PER_PATIENT)
    groups = [f"p{patient:02}" for patient in range(patients) for _ in range(IMAGES_PER_PATIENT)]
    values = random.normal(0, 1, (len(classes), features))
    values[np.arange(len(classes)), classes] += apart
    return values, classes, groups


def test_the_fit_separates_classes_that_differ_by_one_feature_each() -> None:
    features, classes, groups = images(patients=60, apart=6.0)

    probabilities = fit_triage(features, classes, groups).probabilities(features)

    assert (probabilities.argmax(axis=1) == classes).mean() > 0.95


def test_a_feature_that_never_varies_does_no_harm() -> None:
    features, classes, groups = images()
    features[:, 5] = 7.0

    probabilities = fit_triage(features, classes, groups).probabilities(features)

    assert np.isfinite(probabilities).all()


def test_a_frequent_class_is_not_preferred_where_features_carry_nothing() -> None:
    features, classes, groups = images(patients=80, apart=0.0)

    probabilities = fit_triage(features, classes, groups).probabilities(features)

    assert probabilities.mean(axis=0) == pytest.approx([1 / 3] * 3, abs=0.03)


def test_probabilities_are_as_sure_as_other_patients_images_allow() -> None:
    """Features that name a patient make a fit sure of itself; the temperature undoes it."""
    features, classes, groups = images(patients=24, features=40, apart=0.0)
    features += 5 * np.random.default_rng(1).normal(size=(24, 40)).repeat(
        IMAGES_PER_PATIENT, axis=0
    )

    probabilities = fit_triage(features, classes, groups).probabilities(features)

    assert probabilities.max(axis=1).mean() < 0.6


def test_images_are_weighed_so_that_classes_count_the_same() -> None:
    classes = np.array([0, 0, 0, 1, 2, 2])

    weights = class_weights(classes)

    assert np.bincount(classes, weights) == pytest.approx([1 / 3] * 3)


def test_a_certain_error_costs_much_but_not_infinitely() -> None:
    assert 20 < log_loss(np.array([[1000.0, 0, 0]]), np.array([1])) < 30


def test_a_class_of_two_patients_is_refused() -> None:
    features, classes, groups = images()
    few = np.flatnonzero(classes != 2).tolist() + np.flatnonzero(classes == 2)[:8].tolist()

    with pytest.raises(ValueError, match=f"class {CLASSES.index('covid_19')} has fewer"):
        fit_triage(features[few], classes[few], [groups[row] for row in few])


def test_two_classes_have_a_layer_of_two_outputs() -> None:
    features, classes, groups = images(patients=60, apart=6.0)
    in_two = classes < 2

    layer = fit_layer(
        features[in_two],
        classes[in_two],
        [group for group, inside in zip(groups, in_two, strict=True) if inside],
        labels=2,
    )
    likeliest = (features[in_two] @ layer.weight + layer.bias).argmax(axis=1)

    assert layer.outputs == 2
    assert (likeliest == classes[in_two]).mean() > 0.95
