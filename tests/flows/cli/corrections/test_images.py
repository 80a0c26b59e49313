"""The commands on images: what each does, what it says, and the command that undoes it."""

import json

import pytest

from db.reading import history
from severity.domain import PatientId, Reason
from tests.builders.archive import Archive, Film, model
from tests.builders.commands import undo

WHY = ("--why", "the wrong patient lay there", "--who", "dr.roe")


@pytest.fixture
def key(resources):
    return resources.pseudonym(PatientId("4711"))


@pytest.fixture
def image(archive, key):
    archive.add(Film("a", patient=key))
    return archive.image(Film("a"))


def listed(correct, patient="4711"):
    return json.loads(correct("image", "list", patient, "--json").out)


def state(archive):
    return archive.rows(
        "SELECT image.id, patient_key, standing::text, view::text, acquired_at,"
        " acquired_source::text"
        " FROM image JOIN study ON study.id = study_id JOIN patient ON patient.id = patient_id"
        " ORDER BY image.id"
    )


CORRECTIONS = {
    "withdraw": ("withdraw", "{image}"),
    "move": ("move", "{image}", "--to", "0815"),
    "time": ("time", "{image}", "2021-01-01T12:30"),
    "view": ("view", "{image}", "ap supine"),
}


@pytest.mark.parametrize("name", CORRECTIONS)
def test_each_correction_says_in_one_line_what_it_did_and_how_to_undo_it(
    correct, archive, image, name
):
    before = state(archive)
    done = correct("image", *(part.format(image=image) for part in CORRECTIONS[name]), *WHY)
    assert done.code == 0
    assert len(done.out.splitlines()) == 1
    corrected = state(archive)
    assert corrected != before

    undone = undo(correct, done.out, WHY)
    assert undone.code == 0
    assert state(archive) == before

    undo(correct, undone.out, WHY)
    assert state(archive)[0][:5] == corrected[0][:5]
    events = archive.do(history.of_image, image)
    assert {(event.who, event.why) for event in events} == {("dr.roe", WHY[1])}


@pytest.mark.parametrize(
    ("time", "said"),
    [("2021-07-02", "2021-07-02"), ("2021-07-02 12:30", "2021-07-02 12:30:00+02:00")],
)
def test_a_time_is_said_where_the_image_was_taken_and_comes_back_as_it_was(
    correct, database, tmp_path, key, time, said
):
    archive = Archive(database, str(tmp_path), zone="Europe/Berlin")
    archive.add(Film("a", patient=key))
    image = str(archive.image(Film("a")))

    done = correct("image", "time", image, time, *WHY)
    corrected = state(archive)
    assert f" taken at {said}. Undo: " in done.out

    read = correct("image", "time", image, "--as-read", *WHY)
    assert state(archive) != corrected
    undo(correct, read.out, WHY)
    assert state(archive) == corrected


def test_the_undo_of_a_second_time_is_the_first_one(correct, archive, image):
    correct("image", "time", str(image), "2021-01-01T12:30+00:00", *WHY)
    first = state(archive)

    undo(correct, correct("image", "time", str(image), "2021-02-03", *WHY).out, WHY)

    assert state(archive) == first


def test_the_undo_of_a_restored_place_gives_it_back(correct, archive, key):
    half, whole = (Film(name, key, uid="1.1", key="same.dcm") for name in ("half", "whole"))
    archive.add(half)
    superseded = str(archive.image(half))
    archive.add(whole)
    before = state(archive)

    done = correct("image", "restore", superseded, *WHY)
    assert state(archive) != before
    undo(correct, done.out, WHY)

    assert state(archive) == before


def test_who_corrects_is_whoever_is_logged_in_unless_it_is_said(
    correct, archive, image, monkeypatch
):
    monkeypatch.setenv("LOGNAME", "mallory")
    correct("image", "withdraw", str(image), "--why", "a spoon")

    assert [event.who for event in archive.do(history.of_image, image)] == ["mallory"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("withdraw", "77", *WHY), "there is no image 77"),
        (("withdraw", "77"), "--why"),
        (("withdraw", "77", "--why", "  "), "a person and a reason"),
        (("restore", "0", *WHY), "0 is not in the range"),
        (("move", "77", "--to", "0815", *WHY), "there is no image 77"),
        (("move", "77", "--to", " ", *WHY), "identifier is empty: is a variable"),
        (("list", ""), "identifier is empty: is a variable"),
        (("time", "77", "yesterday", *WHY), "TIME is not like"),
        (("time", "77", *WHY), "either TIME or --as-read"),
        (("show", "9.9"), "no image with this ID or UID"),
        (("release", "77", *WHY), "there is no image 77"),
    ],
)
def test_what_cannot_be_corrected_is_wrong_use(correct, database, arguments, message):
    result = correct("image", *arguments)

    assert result.code == 2
    assert message in result.err
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize("time", ["0001-01-01", "9999-12-31 23:59-12:00"])
def test_a_time_beyond_all_years_is_wrong_use(correct, image, time):
    result = correct("image", "time", str(image), time, *WHY)

    assert result.code == 2
    assert len(result.err.splitlines()) == 1


def test_what_is_so_already_is_said(correct, image):
    assert "Nothing changed" in correct("image", "restore", str(image), *WHY).out


def test_a_person_finds_an_image_by_patient_id_and_uid(correct, archive, image, key):
    assert [row["image_id"] for row in listed(correct)] == [image]
    assert listed(correct) == listed(correct, key)
    assert str(image) in correct("image", "list", "4711").out

    by_uid = correct("image", "show", "1.a", "--json").out
    assert by_uid == correct("image", "show", str(image), "--json").out
    shown = correct("image", "show", str(image)).out
    assert "a.dcm" in shown
    assert key in shown


@pytest.mark.parametrize("named", ["p-0001", "p-1a2b3c4d5e6f7a8b9c0", "P-1A2B3C4D5E6F7A8B9C0D"])
def test_an_identifier_that_begins_like_a_key_is_one(correct, archive, resources, image, named):
    done = correct("image", "move", str(image), "--to", named, *WHY)

    assert done.code == 0
    assert state(archive)[0][1] == resources.pseudonym(PatientId(named))
    assert [row["image_id"] for row in listed(correct, named)] == [image]


def test_trend_names_the_ids_that_corrections_take(correct, image):
    document = json.loads(correct("trend", "4711", "--model-version", model().key, "--json").out)

    assert [row["image_id"] for row in document["observations"]] == [image]


def test_an_image_that_failed_is_released(correct, archive, image):
    archive.queue("v2")
    archive.score(by="v2", fail=Reason.CRASHED_WORKER)
    assert "crashed_worker" in correct("image", "show", str(image)).out

    assert "waits again for 1 model version" in correct("image", "release", str(image), *WHY).out
    assert archive.rows("SELECT state::text FROM work") == [("waiting",)]
