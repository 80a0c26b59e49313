"""Calibrations as the database keeps them: apart from model versions, and replaced by themselves.

Each measurement error is stored with the smallest detectable change that follows from it:
directions are computed in SQL, and rest on one number that was computed once, in
`severity.domain`. Intervals are computed when they are shown, from the margins.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from severity.domain import Interval, MeasurementError, MeasurementErrors, StandardError


@dataclass(frozen=True)
class StoredCalibration:
    """A calibration for the database.

    Parameters
    ----------
    margins
        Of each score's prediction interval, as values for JSON: ``predicted``, ``below`` and
        ``above``, in points.
    """

    sha256: str
    errors: MeasurementErrors
    margins: Mapping[str, Mapping[str, Any]]

    def to_plain(self) -> dict[str, object]:
        """Return the calibration as values for JSON, by score."""
        errors = {
            "geographic_extent": self.errors.geographic_extent,
            "opacity": self.errors.opacity,
        }
        return {
            score: {"margins": self.margins[score], "error": _error_to_plain(error)}
            for score, error in errors.items()
        }


@dataclass(frozen=True)
class KnownErrors:
    """The stored errors and the smallest detectable changes, in points; None if not known."""

    errors: MeasurementErrors | None = None
    extent_smallest_detectable_change: float | None = None
    opacity_smallest_detectable_change: float | None = None


def adopt(session: Session, model_version_id: int, calibration: StoredCalibration | None) -> None:
    """Let a model version's trends speak by this calibration from now on; no score changes.

    Parameters
    ----------
    calibration
        None: by none.
    """
    values = {"model": model_version_id, "calibration": None}
    if calibration is not None:
        content = json.dumps(calibration.to_plain())
        stored = values | {"sha256": calibration.sha256, "content": content}
        session.execute(_STORE, stored)
        values["calibration"] = session.scalar(_ID, stored)
    session.execute(_ADOPT, values)


def known_errors(content: Mapping[str, Any] | None) -> KnownErrors:
    """Return the errors in a stored calibration; nothing is known without one."""
    if content is None:
        return KnownErrors()
    extent, opacity = content["geographic_extent"]["error"], content["opacity"]["error"]
    return KnownErrors(
        MeasurementErrors(_error(extent), _error(opacity)),
        extent["smallest_detectable_change"],
        opacity["smallest_detectable_change"],
    )


def _error_to_plain(error: MeasurementError) -> dict[str, object]:
    return {**asdict(error), "smallest_detectable_change": error.smallest_detectable_change}


def _error(content: Mapping[str, Any]) -> MeasurementError:
    return MeasurementError(
        _standard_error(content["repeats"]), _standard_error(content["perturbations"])
    )


def _standard_error(content: Mapping[str, Any] | None) -> StandardError | None:
    if content is None:
        return None
    return StandardError(content["points"], Interval(**content["interval"]), content["degrees"])


_STORE = text(
    """
    INSERT INTO calibration (model_version_id, sha256, content)
    VALUES (:model, :sha256, CAST(:content AS jsonb))
    ON CONFLICT DO NOTHING
    """
)

_ID = text("SELECT id FROM calibration WHERE model_version_id = :model AND sha256 = :sha256")

_ADOPT = text(
    """
    UPDATE model_version SET calibration_id = :calibration
    WHERE id = :model AND calibration_id IS DISTINCT FROM :calibration
    """
)
