"""What is known of persons beside their images: their groups, and whom they were merged from."""

from dataclasses import dataclass
from datetime import date, tzinfo

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Merged:
    """Whom an image was recorded under, and the day on which that patient was merged."""

    patient_key: str
    on: date


def merged_images(session: Session, patient_key: str, *, zone: tzinfo) -> dict[int, Merged]:
    """Return the images of a person that were recorded under a merged patient's key, by id."""
    rows = session.execute(_MERGED_IMAGES, {"patient": patient_key})
    return {
        row.image_id: Merged(row.merged_key, row.merged_at.astimezone(zone).date()) for row in rows
    }


def groups(session: Session, patient_key: str) -> dict[str, str]:
    """Return the groups of a person, such as the arm of a trial, by name.

    Those of a patient who was merged into another are the other's.
    """
    rows = session.execute(_GROUPS, {"patient": patient_key})
    return {row.group_name: row.group_value for row in rows}


_MERGED_IMAGES = text(
    "SELECT image_id, merged_key, merged_at FROM merged_image WHERE patient_key = :patient"
)

_GROUPS = text(
    """
    SELECT group_name, group_value FROM group_membership
    WHERE patient_key = (SELECT person_key FROM patients WHERE patient_key = :patient)
    ORDER BY group_name
    """
)
