import math

import numpy as np
import pytest

from severity.domain import Scale
from severity.evaluation.conformal import (
    Bounds,
    Predicted,
    coverage_of,
    coverage_on_halves,
    grouped_quantile,
    margins,
    out_of_fold,
    predicted_halves,
)
from severity.evaluation.regressions import fit_linear

SCALE = Scale(0, 8)


def patients(generator: np.random.Generator, number: int, *, most: int = 30) -> Predicted:
    """Images of patients, each with an error of its own; who has ``most`` images errs least."""
    often = generator.random(number) < 0.25
    groups = np.repeat(np.arange(number), np.where(often, most, 1))
    errors = generator.normal(0, np.where(often, 0.3, 1.2))
    points = generator.uniform(3, 5, len(groups))
    observed = points + errors[groups] + generator.normal(0, 0.1, len(groups))
    return Predicted(points, observed, [str(number) for number in groups])


def share_of_new_patients(margin: float, generator: np.random.Generator) -> float:
    new = patients(generator, 400, most=1)
    return float((np.abs(new.observed - new.points) <= margin).mean())


def test_intervals_hold_nine_of_ten_images_of_new_patients_and_pooled_images_do_not():
    generator = np.random.default_rng(0)
    grouped, pooled = [], []
    for _ in range(150):
        images = patients(generator, 40)
        fitted = margins(images, SCALE, reach=math.inf)
        grouped.append(share_of_new_patients(fitted.above[0], generator))
        naive = float(np.quantile(np.abs(images.observed - images.points), 0.9))
        pooled.append(share_of_new_patients(naive, generator))

    assert np.mean(grouped) == pytest.approx(0.9, abs=0.03)
    assert np.mean(pooled) < 0.75


def test_one_image_a_group_gives_the_quantile_of_split_conformal_prediction():
    values, groups = np.arange(19.0), [str(number) for number in range(19)]

    assert grouped_quantile(values, groups, 0.9) == 17  # the 18th: ceil(0.9 * 20)
    assert grouped_quantile(values[:8], groups[:8], 0.9) == math.inf


def test_repeating_the_images_of_a_patient_changes_no_margin():
    generator = np.random.default_rng(3)
    points, errors = generator.uniform(0, 8, 60), generator.normal(0, 1, 60)
    once = Predicted(points, points + errors, [str(number) for number in range(60)])
    times = np.repeat(np.arange(60), generator.integers(1, 20, 60))
    often = Predicted(points[times], once.observed[times], [str(number) for number in times])

    assert margins(often, SCALE).above == pytest.approx(margins(once, SCALE).above)


def test_margins_are_narrow_where_errors_are_small():
    generator = np.random.default_rng(1)
    points = generator.uniform(0, 8, 300)
    size = 0.2 + 1.3 * np.sin(points / 8 * np.pi)
    observed = (points + size * generator.normal(size=300)).clip(0, 8)
    images = Predicted(points, observed, [str(number) for number in range(300)])

    fitted = margins(images, SCALE)
    constant = margins(images, SCALE, reach=math.inf)

    assert fitted.above[0] < constant.above[0] / 1.5
    assert fitted.above[4] > constant.above[4]
    ranges = coverage_of(Bounds.around(points, constant, SCALE), images, SCALE)
    adapted = coverage_of(Bounds.around(points, fitted, SCALE), images, SCALE)
    assert min(covered.share.value for covered in ranges) < 0.84
    assert min(covered.share.value for covered in adapted) > 0.84


def test_intervals_stay_on_the_scale():
    generator = np.random.default_rng(2)
    observed = generator.uniform(0, 8, 50)
    images = Predicted(generator.uniform(0, 8, 50), observed, [str(number) for number in range(50)])

    bounds = Bounds.around(np.array([-1.0, 0.0, 8.0, 9.0]), margins(images, SCALE), SCALE)

    assert bounds.low.min() == 0
    assert bounds.high.max() == 8
    assert (bounds.low <= bounds.high).all()


def test_too_few_patients_to_promise_anything_give_the_whole_scale():
    few = Predicted(np.full(8, 4.0), np.full(8, 4.5), [str(number) for number in range(8)])

    bounds = Bounds.around(np.array([1.0, 4.0]), margins(few, SCALE), SCALE)

    assert bounds.low.tolist() == [0, 0]
    assert bounds.high.tolist() == [8, 8]


def test_predictions_without_error_have_no_margin():
    points = np.linspace(0, 8, 20)
    images = Predicted(points, points, [str(number) for number in range(20)])

    assert max(margins(images, SCALE).above) == 0


def test_no_image_is_predicted_by_a_fit_on_its_own_patient():
    groups = [f"{place // 2}" for place in range(20)]

    def fit(features, observed, inside):
        trained_on = set(features[:, 0])
        return lambda unseen: np.array([float(patient in trained_on) for patient in unseen[:, 0]])

    patients_of_images = np.array(groups, float)[:, None]
    predicted = out_of_fold(fit, patients_of_images, np.zeros(20), groups=groups, scale=SCALE)

    assert predicted.points.tolist() == [0] * 20


def test_coverage_is_counted_over_all_images_and_by_range_of_the_predicted_score():
    points = np.array([0.0, 1.9, 2.0, 8.0])
    images = Predicted(points, np.array([0.0, 3.0, 2.0, 6.0]), ["a", "b", "c", "c"])
    bounds = Bounds(points - 1, points + 1)

    coverage = coverage_of(bounds, images, SCALE)

    assert [
        (covered.low, covered.high, covered.images, covered.share.value) for covered in coverage
    ] == [
        (0, 8, 4, 0.5),
        (0, 2, 2, 0.5),
        (2, 4, 1, 1),
        (6, 8, 1, 0),
    ]
    assert coverage[0].share.low < 0.5 < coverage[0].share.high
    assert coverage[0].width == 2


def test_coverage_on_other_patients_is_near_nine_of_ten():
    generator = np.random.default_rng(4)
    groups = [str(number) for number in np.repeat(np.arange(80), 2)]
    features = generator.uniform(0, 8, (160, 1))
    offsets = np.repeat(generator.normal(0, 0.5, 80), 2)
    observed = (0.8 * features[:, 0] + 0.8 + offsets + generator.normal(0, 0.5, 160)).clip(0, 8)

    split = list(predicted_halves(fit_linear, features, observed, groups=groups, scale=SCALE))
    whole, *ranges = coverage_on_halves(split, SCALE)

    assert len(split) == 50
    assert whole.share.mean == pytest.approx(0.9, abs=0.03)
    assert whole.images == 80
    assert [(covered.low, covered.high) for covered in ranges] == [(0, 2), (2, 4), (4, 6), (6, 8)]
    assert sum(covered.images for covered in ranges) == pytest.approx(80)


def test_images_that_a_system_has_no_numbers_for_take_no_part():
    generator = np.random.default_rng(5)
    groups = [str(number) for number in range(30)]
    features = generator.uniform(0, 8, (30, 1))
    observed = features[:, 0].copy()
    features[3:6] = np.nan
    included = np.isfinite(features[:, 0])

    split = predicted_halves(
        fit_linear, features, observed, groups=groups, scale=SCALE, included=included
    )

    assert all(np.isfinite(half.test.points).all() for half in split)


def test_halves_that_could_promise_nothing_are_left_out():
    groups = [str(number) for number in range(16)]
    points = np.linspace(0, 8, 16)

    split = predicted_halves(fit_linear, points[:, None], points, groups=groups, scale=SCALE)

    assert coverage_on_halves(list(split), SCALE) == []
