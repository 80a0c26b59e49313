"""What each lung has of the scores of a patient's images."""

from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from db.prepared import Prepared
from severity.domain import Lungs, LungScore, Zone


def of_patient(session: Session, patient_key: str, model_version: str) -> dict[int, Lungs]:
    """Return the lungs of a person's images by the image's number; those without are absent."""
    values = {"patient": patient_key, "model": model_version}
    return {row.image_id: _lungs(row) for row in _LUNGS.execute(session, values)}


def _lungs(row: Row[Any]) -> Lungs:
    return Lungs(
        LungScore(row.right_extent, row.right_opacity),
        LungScore(row.left_extent, row.left_opacity),
        {zone: getattr(row, zone.value) for zone in Zone},
    )


_LUNGS = Prepared(
    f"""
    SELECT image_id, right_extent, left_extent, right_opacity, left_opacity,
        {", ".join(zone.value for zone in Zone)}
    FROM patient_lungs
    WHERE patient_key = :patient AND model_version = :model
    """  # noqa: S608 - constants
)
