"""Bands contain the level with 90 % probability, within the scale."""

import numpy as np
import pytest
from scipy.stats import norm

from severity.course.band import band
from severity.domain import Scale


def test_a_band_of_90_of_100_stays_within_the_scale():
    level, low, high = band(
        np.array([4.0, 7.9, 9.0, np.nan]), np.array([1.0, 1, 0.5, np.nan]), Scale(0, 8)
    )
    assert norm.cdf(high[0], 4) - norm.cdf(low[0], 4) == pytest.approx(0.9)
    assert level.tolist()[:3] == [4, 7.9, 8]
    assert high.tolist()[1:3] == [8, 8]
    assert low[2] == 8
    assert np.isnan([level[3], low[3], high[3]]).all()
