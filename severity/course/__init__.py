"""Courses: the level behind a patient's scores, with its probability."""

from typing import TYPE_CHECKING

from severity.lazy_names import importing_when_asked

if TYPE_CHECKING:
    from severity.course.band import band, half_width
    from severity.course.choices import from_calibration, with_choices
    from severity.course.course import Courses, follow
    from severity.course.episodes import Episodes, baselines, episodes, since_baselines
    from severity.course.learning import (
        FEWEST_FILMS,
        FEWEST_SERIES,
        enough,
        learn,
        log_likelihood,
        repeats,
        with_intervals,
    )
    from severity.course.parameters import (
        CourseParameters,
        Origin,
        ScoreParameters,
        Shift,
        Thresholds,
    )
    from severity.course.prediction import (
        Held,
        forecasts_of,
        held_by_number_before,
        held_out_forecasts,
        mean_log_density,
        patient_folds,
        share_interval,
    )
    from severity.course.response import DAYS, Responses, Treatments, last_films, respond
    from severity.course.series import (
        NOWHERE,
        VIEWS,
        Conversions,
        Films,
        Flags,
        Indices,
        Numbers,
        view_code,
    )
    from severity.course.simulation import (
        GAPS,
        MOST_FILMS,
        Plan,
        Shape,
        calls,
        observed,
        pair_calls,
        slope_calls,
        thresholds_for,
    )
    from severity.course.verdicts import NO_VERDICT, VERDICTS
else:
    __getattr__ = importing_when_asked(__name__)

__all__ = [
    "DAYS",
    "FEWEST_FILMS",
    "FEWEST_SERIES",
    "GAPS",
    "MOST_FILMS",
    "NOWHERE",
    "NO_VERDICT",
    "VERDICTS",
    "VIEWS",
    "Conversions",
    "CourseParameters",
    "Courses",
    "Episodes",
    "Films",
    "Flags",
    "Held",
    "Indices",
    "Numbers",
    "Origin",
    "Plan",
    "Responses",
    "ScoreParameters",
    "Shape",
    "Shift",
    "Thresholds",
    "Treatments",
    "band",
    "baselines",
    "calls",
    "enough",
    "episodes",
    "follow",
    "forecasts_of",
    "from_calibration",
    "half_width",
    "held_by_number_before",
    "held_out_forecasts",
    "last_films",
    "learn",
    "log_likelihood",
    "mean_log_density",
    "observed",
    "pair_calls",
    "patient_folds",
    "repeats",
    "respond",
    "share_interval",
    "since_baselines",
    "slope_calls",
    "thresholds_for",
    "view_code",
    "with_choices",
    "with_intervals",
]
