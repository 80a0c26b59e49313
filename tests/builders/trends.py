"""A patient's trend, as the database would return it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from db.reading.trends import Observation, Trend
from severity.domain import (
    Direction,
    Interval,
    MeasurementError,
    MeasurementErrors,
    OutOfDistribution,
    Scale,
    StandardError,
    View,
)

OBSERVATION = Observation(
    acquired_at=datetime(2026, 3, 1, 9, tzinfo=UTC),
    calendar_known=True,
    days_since_baseline=0,
    view=View.PA,
    view_changed=False,
    simulated=False,
    geographic_extent=2.5,
    opacity=7.5,
    extent_from_baseline=0,
    opacity_from_baseline=0,
    extent_from_previous=None,
    opacity_from_previous=None,
    extent_from_peak=0,
    opacity_from_peak=0,
)
NOT_COMPARED = {
    f"{score}_from_{reference}": None
    for score in ("extent", "opacity")
    for reference in ("baseline", "previous", "peak")
}


def trend(opacity: Scale, *observations: Observation, **more: object) -> Trend:
    observations = observations or (OBSERVATION,)
    return Trend("p-1", "ralo-fp32-00000000", Scale(0, 8), opacity, observations, 0, (), **more)


def days_later(days: int, **changes: object) -> Observation:
    at = OBSERVATION.acquired_at + timedelta(days=days)
    return replace(OBSERVATION, acquired_at=at, days_since_baseline=days, **changes)


def calibrated_trend() -> Trend:
    """Four images of which the first is inverted, with intervals, errors and directions."""
    worse = days_later(
        2,
        view=View.AP_SUPINE,
        view_changed=True,
        geographic_extent=5.04,
        extent_interval=Interval(3.7, 6.6),
        extent_from_baseline=2.5,
        extent_from_previous=2.5,
        opacity_from_previous=0,
        extent_direction_from_baseline=Direction.WORSE,
        extent_direction_from_previous=Direction.WORSE,
        opacity_direction_from_baseline=Direction.STABLE,
        opacity_direction_from_previous=Direction.STABLE,
    )
    better = days_later(
        10,
        geographic_extent=0.1,
        opacity=1.0,
        extent_from_baseline=-2.4,
        extent_from_previous=-4.9,
        extent_direction_from_baseline=Direction.BETTER,
        extent_direction_from_previous=Direction.BETTER,
    )
    inverted = days_later(
        -3, geographic_extent=7.9, out_of_distribution=OutOfDistribution.INVERTED, **NOT_COMPARED
    )
    first = replace(
        OBSERVATION, extent_interval=Interval(1.2, 4.1), opacity_interval=Interval(6.0, 8.0)
    )
    error = MeasurementError(StandardError(0.42, Interval(0.3, 0.6), degrees=40), None)
    return trend(
        Scale(0, 8),
        inverted,
        first,
        worse,
        better,
        errors=MeasurementErrors(error, error),
        extent_smallest_detectable_change=1.164,
        opacity_smallest_detectable_change=1.164,
    )
