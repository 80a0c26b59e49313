"""Deming's line and its errors."""

import numpy as np
import pytest

from severity.bridging.line import deming

RATIO = ((1.5 * 0.8) ** 2 + 0.4**2) / 0.8**2  # of all that moves y to all that moves x


def noisy_line(rng, patients=60, films=3, error=0.8):
    """Points about y = 1 + 1.5 x, both with errors, of patients who have one of their own."""
    owner = np.repeat(np.arange(patients), films)
    truth = rng.normal(3, 1.5, patients)[owner]
    x = truth + rng.normal(0, error, len(owner))
    patient = rng.normal(0, 0.4, patients)[owner]
    return x, 1 + 1.5 * truth + patient + rng.normal(0, 1.5 * error, len(owner)), owner


@pytest.mark.parametrize("ratio", [0.5, 1.0, 3.0])
def test_it_is_the_main_axis_of_points_scaled_to_equal_errors(ratio):
    x, y, owner = noisy_line(np.random.default_rng(1))
    scaled = np.stack([x - x.mean(), (y - y.mean()) / np.sqrt(ratio)])
    axis = np.linalg.svd(scaled)[0][:, 0]

    line = deming(x, y, owner, ratio=ratio)

    assert line.slope == pytest.approx(axis[1] / axis[0] * np.sqrt(ratio))
    assert line.at(np.array([x.mean()])) == pytest.approx(y.mean())
    assert line.intercept == pytest.approx(y.mean() - line.slope * x.mean())


def test_errors_are_those_of_leaving_out_a_patient():
    x, y, owner = noisy_line(np.random.default_rng(2), patients=12)
    line = deming(x, y, owner, ratio=2.0)
    at_zero_and_five = np.array([0.0, 5.0])
    without = np.array(
        [
            deming(*(column[owner != left] for column in (x, y)), renumbered(owner, left), ratio=2)
            .at(at_zero_and_five)
            for left in range(12)
        ]
    )  # fmt: skip

    errors = np.sqrt(11 / 12 * ((without - without.mean(axis=0)) ** 2).sum(axis=0))

    assert line.error(at_zero_and_five) == pytest.approx(errors)
    assert line.intercept_error == pytest.approx(errors[0])


def renumbered(owner, left):
    return np.unique(owner[owner != left], return_inverse=True)[1]


def test_the_slope_is_not_flattened_by_errors_and_its_interval_holds_it_in_95_of_100():
    rng = np.random.default_rng(3)
    lines = [deming(*noisy_line(rng), ratio=RATIO) for _ in range(300)]
    slopes = np.array([line.slope for line in lines])
    errors = np.array([line.slope_error for line in lines])

    assert slopes.mean() == pytest.approx(1.5, abs=0.03)
    assert 0.91 <= (np.abs(slopes - 1.5) < 1.96 * errors).mean() <= 0.985


def test_there_is_no_line_where_nothing_varies_together():
    with pytest.raises(ValueError, match="vary together"):
        deming(np.array([1.0, 2, 3, 4]), np.full(4, 2.0), np.arange(4), ratio=1)
