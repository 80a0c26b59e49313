"""The model version that scores, as the database knows it."""

from dataclasses import dataclass

from db import runs
from flows.models.catalogue import expected_version, known
from flows.resources import Resources
from severity.domain import MeasurementErrors, ModelVersion
from severity.reliability.calibration import Calibration


@dataclass(frozen=True)
class RegisteredVersion:
    """A model version and the number of its row."""

    version: ModelVersion
    row_id: int


def register_model_version(resources: Resources) -> RegisteredVersion:
    """Enter the model version that scores now, with its errors, if it is new; load no network.

    Raises
    ------
    ModelUnavailable
        There is no such model, or the weights that are here are wrong.
    """
    model = known(resources.settings.model, resources.settings)
    version = expected_version(model, resources.settings)
    with resources.open_database().transaction() as session:
        row_id = runs.register_model(session, version, _errors(model.calibration))
    return RegisteredVersion(version, row_id)


def _errors(calibration: Calibration | None) -> MeasurementErrors | None:
    if calibration is None:
        return None
    return MeasurementErrors(calibration.geographic_extent.error, calibration.opacity.error)
