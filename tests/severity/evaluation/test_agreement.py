import math

import numpy as np
import pytest

from severity.evaluation.agreement import (
    MeanSd,
    calibration_curve,
    limits_of_agreement,
    mae_interval,
    metrics,
)

READERS = np.array([0.0, 1, 2, 3, 4, 5, 6, 7])


def test_a_known_error_has_known_metrics() -> None:
    errors = np.array([0.5, -0.5] * 4)

    agreement = metrics(READERS + errors, READERS)

    assert agreement.mae == pytest.approx(0.5)
    assert agreement.mse == pytest.approx(0.25)
    assert agreement.r2 == pytest.approx(1 - 0.25 / READERS.var())
    assert agreement.pearson == pytest.approx(np.corrcoef(READERS + errors, READERS)[0, 1])


def test_ranks_alone_count_for_spearman() -> None:
    agreement = metrics(READERS**3, READERS)

    assert agreement.spearman == pytest.approx(1)
    assert agreement.pearson < 1


def test_a_constant_prediction_has_an_error_and_no_correlation() -> None:
    agreement = metrics(np.full(8, 3.5), READERS)

    assert agreement.mae == pytest.approx(2)
    assert agreement.r2 == pytest.approx(0)
    assert math.isnan(agreement.pearson)
    assert math.isnan(MeanSd.of([agreement.pearson]).mean)


def test_limits_of_agreement_hold_bias_and_spread() -> None:
    limits = limits_of_agreement(READERS + 1 + np.array([0.5, -0.5] * 4), READERS)

    assert limits.bias == pytest.approx(1)
    assert limits.high - limits.bias == pytest.approx(1.96 * 0.5 * math.sqrt(8 / 7))


def test_the_interval_is_wider_where_images_of_a_patient_err_alike() -> None:
    errors = np.repeat(np.linspace(0, 2, 20), 5)
    alone = mae_interval(errors, [str(number) for number in range(100)])
    together = mae_interval(errors, [str(number // 5) for number in range(100)])

    assert alone.value == together.value == pytest.approx(1)
    assert together.high - together.low > 1.5 * (alone.high - alone.low)
    assert together == mae_interval(errors, [str(number // 5) for number in range(100)])


def test_calibration_recovers_a_line() -> None:
    curve = calibration_curve(READERS, 1 + 0.5 * READERS)

    assert (curve.intercept, curve.slope) == (pytest.approx(1), pytest.approx(0.5))
    assert len(curve.predicted) == len(curve.observed) == 5
