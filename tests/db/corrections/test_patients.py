"""Merging patients and splitting them again."""

import pytest

from db.corrections import merge, move, split
from db.errors import RefusedCorrection
from db.reading import trends
from tests.builders.archive import Film, model

FILMS = [Film(f"film-{key}", patient=f"p-{key}", extent=place) for place, key in enumerate("abc")]


@pytest.fixture
def patients(archive):
    """One film each of the patients a, b and c, whose extent is 0, 1 and 2 points."""
    archive.add(*FILMS)
    return archive


def extents(archive):
    """The points in each patient's trend; of a merged patient that is the other's."""
    return {
        key: sorted(
            observation.geographic_extent
            for observation in archive.do(trends.trend, f"p-{key}", model().key).observations
        )
        for key in "abc"
    }


APART = {"a": [0], "b": [1], "c": [2]}


@pytest.mark.parametrize("order", [["ab", "bc"], ["bc", "ab"]])
def test_a_chain_of_merges_counts_in_its_last_patient_in_whatever_order_they_come(
    patients, author, order
):
    for patient, into in order:
        assert patients.do(merge, author, f"p-{patient}", f"p-{into}")

    assert extents(patients) == {key: [0, 1, 2] for key in "abc"}


def test_a_split_undoes_one_merge_and_keeps_the_others(patients, author):
    patients.do(merge, author, "p-a", "p-b")
    patients.do(merge, author, "p-b", "p-c")

    assert patients.do(split, author, "p-b")
    assert extents(patients) == {"a": [0, 1], "b": [0, 1], "c": [2]}

    patients.do(merge, author, "p-b", "p-c")
    assert patients.do(split, author, "p-a")
    assert extents(patients) == {"a": [0], "b": [1, 2], "c": [1, 2]}

    patients.do(split, author, "p-b")
    assert extents(patients) == APART


def test_scores_stay_untouched(patients, author):
    before = patients.rows("SELECT score::text FROM score ORDER BY image_id")
    patients.do(merge, author, "p-a", "p-b")
    merged = patients.rows("SELECT score::text FROM score ORDER BY image_id")
    patients.do(split, author, "p-a")

    assert before == merged == patients.rows("SELECT score::text FROM score ORDER BY image_id")


def test_the_same_merge_again_is_harmless_and_so_is_the_same_split(patients, author):
    assert patients.do(merge, author, "p-a", "p-b")
    assert not patients.do(merge, author, "p-a", "p-b")
    assert patients.do(split, author, "p-a")
    assert not patients.do(split, author, "p-a")

    events = patients.rows(
        "SELECT who, why, what, patient_id, before, after FROM correction ORDER BY id"
    )
    ids = dict(patients.rows("SELECT patient_key, id FROM patient"))
    apart, merged = {"merged_into_id": None}, {"merged_into_id": ids["p-b"]}
    assert events == [
        ("dr.roe", "it was wrong", "patient merged", ids["p-a"], apart, merged),
        ("dr.roe", "it was wrong", "patient split", ids["p-a"], merged, apart),
    ]


@pytest.mark.parametrize("circle", ["aa", "ba", "ca"])
def test_a_circle_is_refused(patients, author, circle):
    patients.do(merge, author, "p-a", "p-b")
    patients.do(merge, author, "p-b", "p-c")
    patient, into = circle

    with pytest.raises(RefusedCorrection):
        patients.do(merge, author, f"p-{patient}", f"p-{into}")

    assert extents(patients) == {key: [0, 1, 2] for key in "abc"}


@pytest.mark.parametrize("patient", "abc")
def test_a_patient_is_not_merged_into_itself(patients, author, patient):
    with pytest.raises(RefusedCorrection):
        patients.do(merge, author, f"p-{patient}", f"p-{patient}")


def test_a_merged_patient_is_not_merged_into_a_second_one(patients, author):
    patients.do(merge, author, "p-a", "p-b")

    with pytest.raises(RefusedCorrection, match="split it first"):
        patients.do(merge, author, "p-a", "p-c")


def test_images_that_arrive_after_a_merge_count_in_it_although_the_patient_was_unknown(
    patients, author
):
    patients.do(merge, author, "p-d", "p-a")
    patients.add(Film("late", patient="p-d", extent=5))

    assert extents(patients)["a"] == [0, 5]


def test_a_patient_that_was_never_seen_cannot_be_split(patients, author):
    with pytest.raises(RefusedCorrection, match="no patient"):
        patients.do(split, author, "p-x")


def test_an_image_moved_to_a_merged_patient_counts_in_the_other(patients, author):
    patients.do(merge, author, "p-a", "p-b")
    patients.do(move, author, patients.image(FILMS[2]), "p-a")

    assert extents(patients) == {"a": [0, 1, 2], "b": [0, 1, 2], "c": []}
