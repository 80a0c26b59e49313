"""What identifies an image comes from its own film, of its own patient, or not at all."""

import pytest

from db.corrections import Author, merge, move
from flows.exports.dicom.identifiers import (
    UNDESCRIBED,
    Identifiers,
    Unidentified,
    identify,
    unidentified_text,
)
from flows.sources.keys import numbered
from severity.domain import PatientId
from tests.builders.archive import Film
from tests.builders.dicom_films import film_file, film_uid
from tests.builders.small_images import write_image, write_sidecar

AUTHOR = Author("dr.roe", "it was wrong")


def test_a_film_is_read_again_where_it_lies(resources, films):
    image = films.add("a", IssuerOfPatientID="clinic")

    (read,) = identify(resources, [image])

    assert read.patient == PatientId("4711", "clinic")
    assert read.attributes["AccessionNumber"] == "A-17"
    assert read.attributes["SeriesInstanceUID"] == f"{film_uid('a')}.1"
    assert "4711" not in repr(read)
    assert "Roe" not in repr(read)


@pytest.mark.parametrize("change", ["removed", "replaced"])
def test_a_film_that_is_gone_is_named_by_its_id_alone(resources, films, change):
    gone, there = films.add("roe-jane"), films.add("b", "0815")
    if change == "removed":
        films.remove("roe-jane")
    else:
        (films.folder / "roe-jane.dcm").write_bytes(film_file("roe-jane", PatientName="Another"))

    results = identify(resources, [gone, there])

    assert [type(each) for each in results] == [Unidentified, Identifiers]
    text = unidentified_text(results)
    assert text.startswith(f"1 image ({gone}): ")
    assert "roe" not in text.lower()


def test_a_film_in_hand_needs_the_uid_or_the_content_of_the_image(resources, films, tmp_path):
    image = films.add("a")
    films.remove("a")
    again, other = tmp_path / "again.dcm", tmp_path / "other.dcm"
    # As an archive hands it out: with another name of the patient, so other bytes.
    again.write_bytes(film_file("a", PatientID="4711", PatientName="Roe-Doe^Jane"))
    other.write_bytes(film_file("b", PatientID="4711"))

    assert isinstance(identify(resources, [image], [other])[0], Unidentified)
    (read,) = identify(resources, [image], [again])
    assert read.attributes["PatientName"] == "Roe-Doe^Jane"


def test_a_film_of_another_patient_is_not_believed(resources, films, tmp_path):
    image = films.add("a")
    films.remove("a")
    (tmp_path / "a.dcm").write_bytes(film_file("a", PatientID="0815"))

    (result,) = identify(resources, [image], [tmp_path / "a.dcm"])

    assert isinstance(result, Unidentified)
    assert "0815" not in result.problem


@pytest.fixture
def png(films, resources) -> Film:
    """An image that carries no identifiers, described by a sidecar."""
    write_image(films.folder / "a.png", seed=1)
    write_sidecar(films.folder, [{"filename": "a.png", "patient_id": "4711"}])
    content = (films.folder / "a.png").read_bytes()
    film = Film("a", resources.pseudonym(PatientId("4711")), key="a.png", content=content)
    films.archive.add(film)
    return film


@pytest.mark.parametrize("name", [lambda key, _: key, numbered])
def test_the_sidecar_of_an_archived_image_is_in_its_source(resources, archive, films, png, name):
    """Also where another file has the image's name in the archive."""
    done = films.folder.parent / "done"
    archive.move_scored(str(done), name)
    done.mkdir()
    key = name("a.png", archive.object(png))
    (films.folder / "a.png").rename(done / key)

    (read,) = identify(resources, [archive.image(png)])

    assert isinstance(read, Identifiers)
    assert read.patient == PatientId("4711")


def test_an_image_whose_record_is_gone_is_not_said_to_be_of_another(resources, films, png):
    (films.folder / "metadata.csv").unlink()

    (result,) = identify(resources, [films.archive.image(png)])

    assert isinstance(result, Unidentified)
    assert result.problem == UNDESCRIBED


def test_an_image_that_a_person_moved_is_not_of_whom_its_film_names(resources, archive, films):
    image, key = films.add("a"), resources.pseudonym(PatientId("0815"))
    archive.do(move, AUTHOR, image, key)

    assert isinstance(identify(resources, [image])[0], Unidentified)


def test_a_merged_patient_may_be_named_by_either_identifier(resources, archive, films, tmp_path):
    image = films.add("a", "4711")
    films.add("b", "0815")
    old, new = (resources.pseudonym(PatientId(each)) for each in ("4711", "0815"))
    archive.do(merge, AUTHOR, old, new)
    (tmp_path / "a.dcm").write_bytes(film_file("a", PatientID="0815"))

    assert identify(resources, [image])[0].patient == PatientId("4711")
    assert identify(resources, [image], [tmp_path / "a.dcm"])[0].patient == PatientId("0815")


def test_what_is_no_image_is_said_so(resources, database):
    assert unidentified_text(identify(resources, [77])).startswith("1 image (77)")
    assert unidentified_text([]) == ""
