"""Bridges of a site: learned from the films that two model versions scored."""

from db.calibrations import known_errors
from db.courses import bridges
from db.courses.bridges import BridgedVersion
from db.engine import Database
from flows.courses.update import update_courses
from flows.login import login
from severity.bridging.bridge import Bridge
from severity.bridging.fitting import Errors, PairedFilms, fit
from severity.course.parameters import CourseParameters
from severity.domain import MeasurementError
from severity.errors import NoBridge


def learn_bridge(database: Database, former: str, current: str) -> tuple[int, Bridge]:
    """Learn the bridge from one model version to another, by their keys, and keep it.

    Courses that are due are computed first: whose films both scored is known by them.

    Returns
    -------
    Its number, and the bridge.

    Raises
    ------
    LookupError
        There is no such model version.
    NoBridge
        The films are too few or too strange, the versions disagree or are one, or nobody knows
        their errors.
    """
    if former == current:
        raise NoBridge("both are the same model version")
    update_courses(database)
    with database.transaction() as session:
        versions = bridges.version(session, former), bridges.version(session, current)
        films = bridges.common_films(session, versions[0].id, versions[1].id)
    bridge = fit(PairedFilms(**vars(films)), *measurement_errors(*versions))
    with database.transaction() as session:
        number = bridges.store(
            session,
            (versions[0].id, versions[1].id),
            bridge.to_json(),
            films=(bridge.patients, bridge.films),
            who=login(),
        )
    return number, bridge


def measurement_errors(former: BridgedVersion, current: BridgedVersion) -> tuple[Errors, Errors]:
    """Return the errors of extent and of opacity by either version, measured in one way.

    The test-retest errors of both calibrations; where one has none, those of both parameter sets.

    Raises
    ------
    NoBridge
        Neither is known of both.
    """
    for errors_of in (_calibrated, _learned):
        of_former, of_current = errors_of(former), errors_of(current)
        if of_former is not None and of_current is not None:
            return Errors(of_former[0], of_current[0]), Errors(of_former[1], of_current[1])
    raise NoBridge("the measurement errors of the two model versions are not known")


def _calibrated(version: BridgedVersion) -> tuple[float, float] | None:
    errors = known_errors(version.calibration).errors
    if errors is None:
        return None
    extent, opacity = _repeats(errors.geographic_extent), _repeats(errors.opacity)
    return None if extent is None or opacity is None else (extent, opacity)


def _repeats(error: MeasurementError) -> float | None:
    return error.repeats.points if error.repeats else None


def _learned(version: BridgedVersion) -> tuple[float, float] | None:
    if version.parameters is None:
        return None
    parameters = CourseParameters.from_json(version.parameters)
    return parameters.geographic_extent.error, parameters.opacity.error
