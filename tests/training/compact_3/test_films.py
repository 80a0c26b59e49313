from collections import Counter
from pathlib import Path

import pytest

from training.compact_3.films import Film, development_films, folds_of, hannover_films
from training.images import rows


@pytest.fixture(scope="module")
def films(data: Path) -> list[Film]:
    return development_films(data)


def test_no_patient_who_is_kept_back_is_a_development_patient(data: Path, films) -> None:
    kept_back = {row["patientid"] for row in rows(data / "kept_back.csv")}
    names = {row["filename"] for row in rows(data / "kept_back.csv")}

    assert not {f"cidc-{patient}" for patient in kept_back} & {film.patient for film in films}
    assert not names & {film.path.relative_to(data).as_posix() for film in films}


def test_readers_scored_327_films_once_each(films) -> None:
    scored = [film for film in films if film.scored]

    assert Counter(film.view for film in scored) == {"PA": 170, "AP": 95, "AP supine": 62}
    assert len({film.path for film in scored}) == len(scored)
    assert sum(film.fitted for film in scored) == 93


def test_a_copy_has_the_patient_and_the_score_of_its_original_but_does_not_measure(films) -> None:
    by_name = {film.path.name: film for film in films if film.source != "cxnet"}
    original = by_name["00870a9c.jpg"]
    copy = next(film for film in films if film.path.name == "0506.jpg")

    assert (copy.patient, copy.extent) == (original.patient, original.extent)
    assert original.scored
    assert not copy.scored


def test_patients_who_share_a_film_share_a_name(films) -> None:
    names = {film.path.name: film.patient for film in films}

    assert (
        names["16660_2_1.jpg"]
        == names[
            "covid-19-rapidly-progressive-acute-respiratory-distress-syndrome-ards-admission.jpg"
        ]
    )


def test_a_patient_is_in_one_fold_and_each_fold_has_its_share_of_each_view(films) -> None:
    folds = folds_of(films, count=5)
    by_patient = {(film.patient, fold) for film, fold in zip(films, folds, strict=True)}
    of_views = Counter(
        (film.view, fold) for film, fold in zip(films, folds, strict=True) if film.scored
    )

    assert len(by_patient) == len({film.patient for film in films})
    assert min(of_views.values()) >= 11
    assert len(of_views) == 15


def test_a_hospital_is_known_under_all_names_of_its_films(data: Path, films) -> None:
    published = hannover_films(data)
    patients = {film.patient for film in films if film.path in published}

    assert sum(film.scored for film in films if film.patient in patients) == 114
