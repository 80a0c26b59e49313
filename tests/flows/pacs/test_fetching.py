"""Films come from a real PACS into the drop folder: once, also when they are late or were lost."""

from io import BytesIO

import pytest
from pydicom import dcmread

from flows.pacs.fetching import fetch_new, reconcile_all
from flows.sources import open_inbox
from tests.builders.archived_films import Site, archived_film, by_dicomweb, by_dimse
from tests.builders.dicom_films import film_uid
from tests.builders.dicom_nodes import DICOMWEB_PLUGIN

DIGITAL = "1.2.840.10008.5.1.4.1.1.1.1"


@pytest.fixture(params=[by_dicomweb, by_dimse])
def site(request, pacs, resources, tmp_path):
    if request.param is by_dicomweb and not DICOMWEB_PLUGIN.exists():
        pytest.skip("Debian's orthanc-dicomweb is not installed")
    return Site.of(resources, tmp_path / "inbox", **request.param(pacs))


def fetched(reports):
    return [len(report.fetched) for report in reports]


def test_the_chest_films_of_the_last_days_are_fetched_as_they_are(site, pacs):
    films = [
        archived_film("plain"),
        archived_film("digital", Modality="DX", SOPClassUID=DIGITAL, days_ago=1),
        archived_film("unstated", BodyPartExamined=None),
    ]
    pacs.store(
        *films,
        archived_film("knee", BodyPartExamined="KNEE"),
        archived_film("breast", Modality="MG"),
        archived_film("old", days_ago=9),
    )

    reports = list(fetch_new(site.resources))

    assert [(report.modality, report.in_pacs) for report in reports] == [("CR", 2), ("DX", 1)]
    assert fetched(reports) == [2, 1]
    sent = {film.SOPInstanceUID: film for film in map(dcmread, map(BytesIO, films))}
    came = {film.SOPInstanceUID: film for film in map(dcmread, map(BytesIO, site.files))}
    assert came == sent
    assert not [file for file in site.folder.rglob("*") if film_uid("plain") in file.name]


def test_what_was_fetched_is_not_fetched_again_and_what_is_late_is(site, pacs):
    pacs.store(archived_film("a"))
    assert fetched(fetch_new(site.resources)) == [1]

    pacs.store(archived_film("late", days_ago=1))

    today, yesterday = fetch_new(site.resources)
    assert (len(today.fetched), today.waiting) == (0, 1)
    assert len(yesterday.fetched) == 1


def test_a_film_that_was_lost_after_it_was_fetched_is_found_and_fetched(site, pacs):
    pacs.store(archived_film("a"), archived_film("b"))
    list(fetch_new(site.resources))
    lost, _ = sorted(site.folder.glob("??/*.dcm"))
    lost.unlink()

    (report,) = reconcile_all(site.resources)

    assert (report.in_pacs, report.waiting, report.missing) == (2, 1, ())
    assert [lost.name.startswith(instance) for instance in report.fetched] == [True]
    assert lost.exists()
