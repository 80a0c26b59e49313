from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from numpy.typing import NDArray

from training.films import Film, collection_films, cxnet_films
from training.head import model_inputs
from training.triage_films import TriageFilms, copies
from training.triage_validation import REPEATS, Examples, by_patient, by_source, splits_by_patient

PATIENTS, FILMS_EACH = 36, 3
SOURCES = ("cidc", "cxnet", "nih")


def examples(*, told_by: str) -> tuple[Examples, TriageFilms]:
    """Three sources with the three classes; a feature means a class in all sources or in one."""
    patient = np.arange(PATIENTS).repeat(FILMS_EACH)
    source, classes = patient % 3, patient // 3 % 3
    features = np.random.default_rng(0).normal(0, 0.3, (len(patient), 9))
    told = {"class": classes, "class of this source": 3 * source + classes}
    features += 3 * np.eye(9)[told[told_by]]
    films = tuple(
        Film(path=Path(f"{place}"), source=SOURCES[source[place]], patient=f"p{one}")
        for place, one in enumerate(patient)
    )
    groups = tuple(film.patient for film in films)
    return Examples(features, classes, groups), TriageFilms(films, classes, groups)


def likeliest(probabilities: NDArray[np.floating]) -> NDArray[np.intp]:
    found: NDArray[np.intp] = probabilities.argmax(axis=1)
    return found


def test_no_patient_is_on_both_sides_of_a_fold_and_each_film_is_left_once() -> None:
    given, _ = examples(told_by="class")
    groups = np.array(given.groups)

    repeats = list(splits_by_patient(given))

    assert len(repeats) == REPEATS
    for folds in repeats:
        for kept, left in folds:
            assert not set(groups[kept]) & set(groups[left])
        assert sorted(np.concatenate([left for _, left in folds])) == list(range(len(groups)))


def test_repeats_are_split_otherwise() -> None:
    given, _ = examples(told_by="class")

    first = [tuple(folds[0][1]) for folds in splits_by_patient(given)]

    assert len(set(first)) == REPEATS


def test_what_the_features_say_of_the_class_is_found_by_patient_and_by_source() -> None:
    given, films = examples(told_by="class")

    for found in (next(by_patient(given)), by_source(given, films)):
        assert found.sum(axis=1) == pytest.approx(np.ones(len(found)))
        assert (likeliest(found) == given.classes).mean() > 0.95


def test_what_means_a_class_in_its_own_source_alone_is_not_found_without_it() -> None:
    given, films = examples(told_by="class of this source")

    with_source, without = next(by_patient(given)), by_source(given, films)

    assert (likeliest(with_source) == given.classes).mean() > 0.95
    assert (likeliest(without) == given.classes).mean() < 0.6


@pytest.mark.parametrize(
    ("original", "copy"),
    [
        ("1-s2.0-S1684118220300608-main.pdf-001.jpg", "0036.jpg"),
        ("4c0fcf57.jpg", "0548.jpg"),  # a crop, which a hash does not find
    ],
)
def test_a_film_and_its_copy_in_another_collection_are_paired(
    data: Path, original: str, copy: str
) -> None:
    both = [film for film in collection_films(data) if film.path.name == original]
    both += [film for film in cxnet_films(data) if film.path.name in {copy, "0000.jpg"}]
    places = {film.path.name: place for place, film in enumerate(both)}

    found = copies(both, model_inputs(both).numpy()[:, 0], overlapping=frozenset({"cidc", "cxnet"}))

    assert set(found) == {(places[original], places[copy])}
