"""The model version that scores, and its row in the database."""

from dataclasses import dataclass

from db import runs
from flows.models.catalogue import describe, expected_version
from flows.resources import Resources
from severity.domain import MeasurementErrors, ModelVersion
from severity.reliability.calibration import Calibration


@dataclass(frozen=True)
class RegisteredVersion:
    """A model version and the id of its row."""

    version: ModelVersion
    row_id: int


def register_model_version(resources: Resources) -> RegisteredVersion:
    """Write the model version of the settings, with its errors, if it is new; load no network.

    Raises
    ------
    ModelUnavailable
        There is no such model, or the weights that are here are wrong.
    """
    model = describe(resources.settings.model, resources.settings)
    version = expected_version(model, resources.settings)
    with resources.open_database().transaction() as session:
        row_id = runs.register_model(session, version, _errors(model.calibration))
    return RegisteredVersion(version, row_id)


def _errors(calibration: Calibration | None) -> MeasurementErrors | None:
    if calibration is None:
        return None
    return MeasurementErrors(calibration.geographic_extent.error, calibration.opacity.error)
