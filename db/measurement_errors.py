"""Measurement errors as a model version's row keeps them.

Each error is stored with the smallest detectable change that follows from it: directions are
computed in SQL, and rest on one number that was computed once, in `severity.domain`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from severity.domain import Interval, MeasurementError, MeasurementErrors, StandardError


@dataclass(frozen=True)
class KnownErrors:
    """The errors in a row and the smallest detectable changes, in points; None if not known."""

    errors: MeasurementErrors | None = None
    extent_smallest_detectable_change: float | None = None
    opacity_smallest_detectable_change: float | None = None


def to_plain(errors: MeasurementErrors) -> dict[str, object]:
    """Return errors as values for JSON, each with its smallest detectable change."""
    return {
        "geographic_extent": _to_plain(errors.geographic_extent),
        "opacity": _to_plain(errors.opacity),
    }


def from_plain(content: Mapping[str, Any] | None) -> KnownErrors:
    """Return the errors that `to_plain` wrote; nothing is known where it wrote none."""
    if content is None:
        return KnownErrors()
    extent, opacity = content["geographic_extent"], content["opacity"]
    return KnownErrors(
        MeasurementErrors(_error(extent), _error(opacity)),
        extent["smallest_detectable_change"],
        opacity["smallest_detectable_change"],
    )


def _to_plain(error: MeasurementError) -> dict[str, object]:
    return {**asdict(error), "smallest_detectable_change": error.smallest_detectable_change}


def _error(content: Mapping[str, Any]) -> MeasurementError:
    return MeasurementError(
        _standard_error(content["repeats"]), _standard_error(content["perturbations"])
    )


def _standard_error(content: Mapping[str, Any] | None) -> StandardError | None:
    if content is None:
        return None
    return StandardError(content["points"], Interval(**content["interval"]), content["degrees"])
