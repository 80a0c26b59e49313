"""What is known of persons beside their images: their groups, and whom they were merged from."""

from sqlalchemy import text
from sqlalchemy.orm import Session


def merged_images(session: Session, patient_key: str) -> dict[int, str]:
    """Return the images of a person that were recorded under a merged patient's key, by id."""
    rows = session.execute(_MERGED_IMAGES, {"patient": patient_key})
    return {row.image_id: row.merged_key for row in rows}


def groups(session: Session, patient_key: str) -> dict[str, str]:
    """Return the groups of a person, such as the arm of a trial, by name.

    Those of a patient who was merged into another are the other's.
    """
    rows = session.execute(_GROUPS, {"patient": patient_key})
    return {row.group_name: row.group_value for row in rows}


_MERGED_IMAGES = text("SELECT image_id, merged_key FROM merged_image WHERE patient_key = :patient")

_GROUPS = text(
    """
    SELECT group_name, group_value FROM group_membership
    WHERE patient_key = (SELECT person_key FROM patients WHERE patient_key = :patient)
    ORDER BY group_name
    """
)
