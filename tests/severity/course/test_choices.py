from dataclasses import replace

import pytest

from severity.course.choices import from_calibration, with_choices
from severity.course.parameters import Origin, Shift
from severity.domain import (
    Interval,
    MeasurementError,
    MeasurementErrors,
    Scale,
    StandardError,
    View,
)
from tests.severity.course.builders import REVERTING, SET

SCALES = (Scale(0, 8), Scale(0, 6))


def measured(points: float | None) -> StandardError | None:
    return points and StandardError(points, Interval(0.5, 2), 20)


def errors(repeats: float | None, perturbations: float | None) -> MeasurementErrors:
    error = MeasurementError(measured(repeats), measured(perturbations))
    return MeasurementErrors(error, error)


def test_the_margin_of_opacity_changes_by_the_same_share():
    chosen = with_choices(SET, margin=2 * SET.geographic_extent.margin, episode_days=30)

    assert chosen.opacity.margin == pytest.approx(2 * SET.opacity.margin)
    assert chosen.episode_days == 30
    assert chosen.opacity.error == SET.opacity.error


def test_the_same_choices_are_the_same_set():
    margin = SET.geographic_extent.margin

    assert with_choices(SET, margin=margin, episode_days=SET.episode_days).sha256 == SET.sha256


def test_a_model_version_without_series_has_its_own_error_and_unknown_shifts():
    parameters = from_calibration(SET, errors(1.2, 0.3), SCALES)

    assert parameters is not None
    assert parameters.origin is Origin.CALIBRATION
    assert parameters.patients == 0
    assert parameters.opacity.error == 1.2
    assert parameters.opacity.reversion == REVERTING.reversion
    assert parameters.geographic_extent.view_shift[View.PA] == Shift(0, 0)
    assert parameters.geographic_extent.view_shift[View.AP].mean == 0
    assert parameters.geographic_extent.view_shift[View.AP].sd > 1


def test_an_error_of_altered_images_alone_is_no_less_than_the_learned_one():
    """Altered images do not breathe: the level would be far surer than it is."""
    parameters = from_calibration(SET, errors(None, 0.05), (Scale(0, 8), Scale(0, 12)))
    larger = from_calibration(SET, errors(None, 5), SCALES)

    assert parameters is not None
    assert larger is not None
    assert parameters.geographic_extent.error == pytest.approx(SET.geographic_extent.error)
    assert parameters.opacity.error == pytest.approx(2 * SET.opacity.error)
    assert larger.opacity.error == 5


def test_levels_are_stretched_to_another_scale():
    wide = from_calibration(SET, errors(1.2, None), (Scale(0, 8), Scale(0, 12)))

    assert wide is not None
    assert wide.opacity.prior_sd == pytest.approx(2 * SET.opacity.prior_sd)
    assert wide.opacity.margin == pytest.approx(2 * SET.opacity.margin)
    assert wide.opacity.process_noise == pytest.approx(4 * SET.opacity.process_noise)
    assert wide.opacity.first_deviation == pytest.approx(2 * SET.opacity.first_deviation)


def test_without_a_measured_error_there_are_no_courses():
    unmeasured = replace(errors(1.2, 0.3), opacity=MeasurementError(None, None))

    assert from_calibration(SET, unmeasured, SCALES) is None
