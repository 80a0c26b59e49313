import numpy as np
import pytest

from severity.domain import Scale
from severity.evaluation.protocol import measure
from severity.evaluation.regressions import fit_linear, fit_mean, fit_ridge
from severity.evaluation.subgroups import by_level
from severity.evaluation.systems import FOUR_OUTPUTS, comparator, feature_sets, own_head

EXTENT = Scale(0, 8)
N = 60
GROUPS = [str(number // 2) for number in range(N)]
GENERATOR = np.random.default_rng(0)
READERS = GENERATOR.uniform(2, 6, N)
ERRORS = np.resize([0.5, -0.5], N)


def test_predictions_that_are_labels_and_known_errors_have_the_known_error() -> None:
    measured = measure(
        own_head(READERS + ERRORS, READERS), READERS, groups=GROUPS, scale=EXTENT, opacity=False
    )

    assert measured.metrics["mae"].mean == pytest.approx(0.5)
    assert measured.metrics["mae"].sd == pytest.approx(0)
    assert [measured.mae.low, measured.mae.value, measured.mae.high] == pytest.approx([0.5] * 3)
    assert (measured.images, measured.groups) == (N, N // 2)
    assert np.allclose(measured.predicted, READERS + ERRORS)


def test_each_score_is_measured_on_its_own_numbers() -> None:
    system = own_head(READERS + ERRORS, READERS)

    measured = measure(system, READERS, groups=GROUPS, scale=EXTENT, opacity=True)

    assert measured.mae.value == pytest.approx(0, abs=1e-9)


def test_predictions_are_clipped_to_the_scale() -> None:
    system = own_head(np.full(N, 99.0), READERS)

    measured = measure(system, np.full(N, 8.0), groups=GROUPS, scale=EXTENT, opacity=False)

    assert measured.mae.value == 0


def test_a_comparator_on_a_scale_of_its_own_is_mapped_to_the_readers_by_a_line() -> None:
    output = 100 - 7 * READERS
    output[3] = np.nan

    measured = measure(
        comparator("PXS", output, output), READERS, groups=GROUPS, scale=EXTENT, opacity=False
    )

    assert measured.images == N - 1
    assert np.isnan(measured.predicted[3])
    assert measured.mae.value == pytest.approx(0, abs=1e-9)


def test_a_prediction_never_comes_from_a_fit_on_the_same_image_or_its_group() -> None:
    """Labels that are pure chance cannot be predicted, whatever the groups share."""
    features = np.repeat(GENERATOR.normal(size=(N // 2, 200)), 2, axis=0)
    chance = np.repeat(GENERATOR.uniform(0, 8, N // 2), 2)
    (ridge, *_) = feature_sets(features, None, ())

    measured = measure(ridge, chance, groups=GROUPS, scale=EXTENT, opacity=False)

    assert measured.metrics["r2"].mean < 0.05


def test_ridge_finds_a_signal_in_many_features() -> None:
    features = GENERATOR.normal(size=(N, 200))
    features[:, :20] += READERS[:, None]

    predicted = fit_ridge(features[:40], READERS[:40], GROUPS[:40])(features[40:])

    assert np.corrcoef(predicted, READERS[40:])[0, 1] > 0.8


def test_the_fits_give_one_number_for_each_image() -> None:
    features = GENERATOR.normal(size=(N, 3))
    for fit in (fit_linear, fit_mean, fit_ridge):
        assert fit(features, READERS, GROUPS)(features[:7]).shape == (7,)


def test_the_feature_sets_are_those_of_the_paper() -> None:
    findings = ("Edema", *FOUR_OUTPUTS, "")
    sets = feature_sets(np.ones((4, 1024)), np.arange(24.0).reshape(4, 6), findings)

    assert [system.name for system in sets] == [
        "all features (1,024)",
        "5 outputs",
        "4 outputs",
        "Lung Opacity output",
        "no image (training mean)",
    ]
    assert np.array_equal(sets[3].extent[:, 0], [1, 7, 13, 19])


def test_a_backbone_without_findings_has_features_alone() -> None:
    sets = feature_sets(np.ones((4, 1280)), None, ())

    assert [system.name for system in sets] == ["all features (1,280)", "no image (training mean)"]


def test_subgroups_state_how_many_images_they_rest_on() -> None:
    errors = {"geographic extent": np.array([1.0, -2, 3, np.nan])}

    ap, pa = by_level("view", ["PA", "AP", "PA", "AP"], errors, ["a", "b", "a", "c"])

    assert (ap.level, ap.images, ap.groups, ap.few) == ("AP", 1, 1, True)
    assert (pa.mae["geographic extent"], pa.bias["geographic extent"]) == (2, 2)
