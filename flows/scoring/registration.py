"""The model version that scores, as the database knows it."""

from db import runs
from flows.resources import Resources
from severity.domain import MeasurementErrors


def model_version_id(have: Resources) -> int:
    """Return the row of the model version that scores now; made, with its errors, if new."""
    model = have.model
    known = model.calibration
    errors = (
        MeasurementErrors(known.geographic_extent.error, known.opacity.error) if known else None
    )
    with have.database.transaction() as session:
        return runs.register_model(session, model.version, errors)
