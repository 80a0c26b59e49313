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
    noise = np.array([0.5, -0.5] * 4)

    found = metrics(READERS + noise, READERS)

    assert found.mae == pytest.approx(0.5)
    assert found.mse == pytest.approx(0.25)
    assert found.r2 == pytest.approx(1 - 0.25 / READERS.var())
    assert found.pearson == pytest.approx(np.corrcoef(READERS + noise, READERS)[0, 1])


def test_ranks_alone_count_for_spearman() -> None:
    found = metrics(READERS**3, READERS)

    assert found.spearman == pytest.approx(1)
    assert found.pearson < 1


def test_a_constant_prediction_has_an_error_and_no_correlation() -> None:
    found = metrics(np.full(8, 3.5), READERS)

    assert found.mae == pytest.approx(2)
    assert found.r2 == pytest.approx(0)
    assert math.isnan(found.pearson)
    assert math.isnan(MeanSd.of([found.pearson]).mean)


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
    found = calibration_curve(READERS, 1 + 0.5 * READERS)

    assert (found.intercept, found.slope) == (pytest.approx(1), pytest.approx(0.5))
    assert len(found.predicted) == len(found.observed) == 5
