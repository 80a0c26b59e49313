"""Which parameters courses rest on: the site's own, those that came with the model, or neither."""

import hashlib
from dataclasses import replace

from db.courses import parameters
from db.courses.parameters import StoredParameters
from db.engine import Transaction
from flows.models.catalogue import ModelDescription
from flows.settings import Settings
from severity.course.choices import from_calibration, with_choices
from severity.course.parameters import CourseParameters
from severity.domain import MeasurementErrors
from severity.models.bundled_cards import BUNDLED, bundled_course_parameters, bundled_file

_STUDIED = BUNDLED[0]
"""The model whose levels those of models that were never studied are assumed to move like."""

_ERRORS = ", no error of altered images below the studied one"


def adopt_parameters(
    session: Transaction, model_version_id: int, model: ModelDescription, settings: Settings
) -> None:
    """Let a model version's courses rest on the best set that there is, with the site's choices.

    The newest that was learned here; else the one that came with the model; else one with the
    errors of its calibration. Without a calibration there are no courses.

    Raises
    ------
    WrongParameters
        A set that came with the package is not the one that its card names.
    """
    learned = parameters.newest_learned(session, model_version_id)
    base = CourseParameters.from_json(learned[0]) if learned else _bundled(model.name)
    derivation = _derivation(base, model, settings)
    chosen = parameters.derived(session, model_version_id, derivation)
    if chosen is None and (made := _made(base, model, settings)) is not None:
        chosen = replace(stored(made), derivation=derivation)
    if chosen is not None:
        parameters.adopt(session, model_version_id, chosen)


def stored(chosen: CourseParameters) -> StoredParameters:
    """Return a set that was learned here as the database keeps it."""
    return StoredParameters(
        chosen.sha256, chosen.origin, chosen.to_json(), chosen.patients, chosen.films
    )


def _bundled(name: str) -> CourseParameters | None:
    """Read the set that came with a model; None if none did."""
    if name not in BUNDLED or not bundled_file(name, "course.json").is_file():
        return None
    return bundled_course_parameters(name)


def _derivation(base: CourseParameters | None, model: ModelDescription, settings: Settings) -> str:
    """Name what a set is derived from, and by what choices."""
    calibration = model.calibration.sha256 if base is None and model.calibration else ""
    # How errors follow from a calibration has changed: sets that were derived before are not taken.
    calibration += _ERRORS if calibration else ""
    origin = base or _bundled(_STUDIED)
    content = (
        origin.sha256 if origin else "",
        calibration,
        settings.margin_points,
        settings.episode_days,
    )
    return hashlib.sha256(repr(content).encode()).hexdigest()


def _made(
    base: CourseParameters | None, model: ModelDescription, settings: Settings
) -> CourseParameters | None:
    """Derive a set; None if nothing is known of the model version's errors."""
    known = base or _of_calibration(model)
    if known is None:
        return None
    return with_choices(known, margin=settings.margin_points, episode_days=settings.episode_days)


def _of_calibration(model: ModelDescription) -> CourseParameters | None:
    studied = _bundled(_STUDIED)
    if studied is None or model.calibration is None:
        return None
    extent, opacity = model.calibration.geographic_extent, model.calibration.opacity
    errors = MeasurementErrors(extent.error, opacity.error)
    return from_calibration(studied, errors, (model.geographic_extent, model.opacity))
