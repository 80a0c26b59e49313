"""The model version that scores, and its row in the database."""

from dataclasses import asdict, dataclass

from db import calibrations, registration
from db.calibrations import StoredCalibration
from flows.courses.adopting import adopt_parameters
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
    """Write the model version of the settings, if it is new, with its calibration and parameters.

    Its trends speak by the one, and its courses rest on the others. No network is loaded.

    Raises
    ------
    ModelUnavailable
        There is no such model, or the weights that are here are wrong.
    """
    model = describe(resources.settings.model, resources.settings)
    version = expected_version(model, resources.settings)
    with resources.open_database().transaction() as session:
        row_id = registration.register_model(session, version)
        calibrations.adopt(session, row_id, _stored(model.calibration))
        adopt_parameters(session, row_id, model, resources.settings)
    return RegisteredVersion(version, row_id)


def _stored(calibration: Calibration | None) -> StoredCalibration | None:
    if calibration is None:
        return None
    extent, opacity = calibration.geographic_extent, calibration.opacity
    return StoredCalibration(
        calibration.sha256,
        MeasurementErrors(extent.error, opacity.error),
        {"geographic_extent": asdict(extent.margins), "opacity": asdict(opacity.margins)},
    )
