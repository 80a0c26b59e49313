"""Parameter sets that nobody learned: other margins, and model versions without series."""

import math
from dataclasses import replace

from severity.course.parameters import CourseParameters, Origin, ScoreParameters, Shift
from severity.course.simulation import thresholds_for
from severity.domain import MeasurementError, MeasurementErrors, Scale, View

_WIDE = 1.5  # points of extent: the deviation of a view's shift of which nothing is known
_EXTENT_RANGE = 8.0  # points to which that refers


def with_choices(
    parameters: CourseParameters, *, margin: float, episode_days: float
) -> CourseParameters:
    """Return a set with a person's choices, and the thresholds that keep false alarms with them.

    Parameters
    ----------
    margin
        The change of extent that matters, in points; opacity's changes by the same share.
    """
    share = margin / parameters.geographic_extent.margin
    chosen = replace(parameters, episode_days=episode_days)
    if math.isclose(share, 1):
        return chosen
    return replace(
        chosen,
        geographic_extent=_with_margin(parameters.geographic_extent, share),
        opacity=_with_margin(parameters.opacity, share),
    )


def from_calibration(
    learned: CourseParameters, errors: MeasurementErrors, scales: tuple[Scale, Scale]
) -> CourseParameters | None:
    """Return a set for a model version of which only the measurement errors are known.

    How levels move is taken from a set that was learned for another model version, on extent's
    scale of 0 to 8 and opacity's of 0 to 6; of the shifts of views nothing is. So is the least
    error, where no patient was imaged twice within a day: altered images do not breathe.

    Parameters
    ----------
    learned
        For the other model version.
    scales
        Of extent and opacity.

    Returns
    -------
    None where an error was never measured: there are no courses then.
    """
    both = (errors.geographic_extent, errors.opacity)
    if any(score.repeats is None and score.perturbations is None for score in both):
        return None
    extent, opacity = scales
    return replace(
        learned,
        geographic_extent=_unlearned(
            learned.geographic_extent, errors.geographic_extent, extent, 8.0
        ),
        opacity=_unlearned(learned.opacity, errors.opacity, opacity, 6.0),
        origin=Origin.CALIBRATION,
        patients=0,
        films=0,
    )


def _unlearned(
    learned: ScoreParameters, errors: MeasurementError, scale: Scale, highest: float
) -> ScoreParameters:
    """Stretch how levels move to another scale, with another error and unknown shifts."""
    stretch = (scale.highest - scale.lowest) / highest
    wide = Shift(0, _WIDE * (scale.highest - scale.lowest) / _EXTENT_RANGE)
    known = [error.points for error in (errors.repeats, errors.perturbations) if error]
    least = learned.error * stretch if errors.repeats is None else 0
    parameters = replace(
        learned,
        error=max(*known, least),
        process_noise=learned.process_noise * stretch**2,
        prior_mean={v: scale.lowest + m * stretch for v, m in learned.prior_mean.items()},
        prior_sd=learned.prior_sd * stretch,
        first_deviation=learned.first_deviation * stretch,
        view_shift={view: Shift(0, 0) if view is View.PA else wide for view in View},
        margin=learned.margin * stretch,
        intervals={},
        repeats={},
    )
    return replace(parameters, thresholds=thresholds_for(parameters))


def _with_margin(parameters: ScoreParameters, share: float) -> ScoreParameters:
    changed = replace(parameters, margin=parameters.margin * share)
    return replace(changed, thresholds=thresholds_for(changed))
