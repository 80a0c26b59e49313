from pathlib import Path

from training.duplicates import Match
from training.films import Film, ReaderScore
from training.selection import scored_groups


def scored(patient: str, *, name: str) -> Film:
    score = ReaderScore(patient=patient, extent=3.0, opacity=2.0)
    return Film(path=Path(name), source="cidc", patient=patient, score=score)


def test_scored_patients_who_share_a_film_share_a_group() -> None:
    films = [scored(patient, name=f"{patient}.png") for patient in ("a", "b", "c", "d")]
    shared = [Match(films[1], films[2], 0.9), Match(films[3], films[2], 0.9)]

    assert scored_groups(films, shared) == ("a", "b", "b", "b")
