from pathlib import Path

from training.duplicates import Match
from training.images import ReaderScore, TrainingImage
from training.selection import scored_groups


def scored(patient: str, *, name: str) -> TrainingImage:
    score = ReaderScore(patient=patient, extent=3.0, opacity=2.0)
    return TrainingImage(path=Path(name), source="cidc", patient=patient, score=score)


def test_scored_patients_who_share_an_image_share_a_group() -> None:
    images = [scored(patient, name=f"{patient}.png") for patient in ("a", "b", "c", "d")]
    shared = [Match(images[1], images[2], 0.9), Match(images[3], images[2], 0.9)]

    assert scored_groups(images, shared) == ("a", "b", "b", "b")
