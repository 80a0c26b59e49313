"""Films come from a real PACS into the drop folder: once, also when they are late or were lost."""

import ssl
import threading
import time
from collections import defaultdict
from io import BytesIO

import pytest
from pydicom import dcmread

from db.corrections import Author, dismiss, withdraw
from flows.arrivals import DropFolder
from flows.arrivals.receiving import receiver
from flows.errors import PacsError, UsageError
from flows.pacs.fetching import fetch_new, reconcile_all
from severity.domain import Reason
from tests.builders.archive import Archive, Film
from tests.builders.archived_films import Site, archived_film, by_dicomweb, by_dimse
from tests.builders.dicom_films import film_uid
from tests.builders.dicom_nodes import DICOMWEB_PLUGIN, ORTHANC_SENDS_TO, RECEIVER
from tests.builders.network_namespaces import relay_to
from tests.builders.ports import reserved_port

AUTHOR = Author("test", "deleted in the PACS")
DIGITAL = "1.2.840.10008.5.1.4.1.1.1.1"


@pytest.fixture(params=[by_dicomweb, by_dimse])
def site(request, pacs, resources, tmp_path):
    if request.param is by_dicomweb:
        _need_dicomweb()
    return Site.of(resources, tmp_path / "inbox", **request.param(pacs))


def _need_dicomweb():
    if not DICOMWEB_PLUGIN.exists():
        pytest.skip("Debian's orthanc-dicomweb is not installed")


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


def test_no_two_threads_connect_by_one_tls_context(pacs, resources, tmp_path, monkeypatch):
    """httpcore changes it before each connection: now and then that ended the process."""
    _need_dicomweb()
    pacs.store(*(archived_film(f"{number}") for number in range(8)))
    site = Site.of(resources, tmp_path / "inbox", pacs_parallel=4, **by_dicomweb(pacs))
    threads = defaultdict(set)
    change = ssl.SSLContext.set_alpn_protocols

    def note_and_change(context, protocols):
        threads[context].add(threading.current_thread())
        change(context, protocols)

    monkeypatch.setattr(ssl.SSLContext, "set_alpn_protocols", note_and_change)

    (report,) = fetch_new(site.resources)

    assert len(report.fetched) == 8
    assert len(threads) > 1
    assert {len(users) for users in threads.values()} == {1}


def test_a_film_that_was_lost_after_it_was_fetched_is_found_and_fetched(site, pacs):
    pacs.store(archived_film("a"), archived_film("b"))
    list(fetch_new(site.resources))
    lost, _ = sorted(site.folder.glob("??/*.dcm"))
    lost.unlink()

    (report,) = reconcile_all(site.resources)

    assert (report.in_pacs, report.waiting, report.missing) == (2, 1, ())
    assert [lost.name.startswith(instance) for instance in report.fetched] == [True]
    assert lost.exists()


def test_a_pacs_that_is_cut_off_in_mid_fetch_fails_the_pass_and_the_next_fetches_the_rest(
    site, pacs, monkeypatch
):
    """The network of Orthanc goes down while a film is on its way, and comes back."""
    pacs.store(*(archived_film(f"{number}") for number in range(4)))
    hasty = site.having(pacs_parallel=1, pacs_attempts=1, pacs_answer_seconds=3.0)
    keep = DropFolder.keep

    def keep_and_cut(*film):
        kept = keep(*film)
        pacs.network(is_up=len(site.files) < 2)
        return kept

    with monkeypatch.context() as patch:
        patch.setattr(DropFolder, "keep", keep_and_cut)
        try:
            with pytest.raises(PacsError, match="does not answer"):
                list(fetch_new(hasty.resources))
        finally:
            pacs.network(is_up=True)
    assert len(site.files) == 2

    (report,) = fetch_new(site.resources)

    assert (report.waiting, len(report.fetched), report.missing) == (2, 2, ())
    assert len({dcmread(BytesIO(file)).SOPInstanceUID for file in site.files}) == 4


@pytest.mark.parametrize("source", ["inbox", "."])
def test_a_film_that_was_scored_or_rejected_is_here_when_its_file_is_moved_away(
    pacs, resources, tmp_path, source
):
    """Also where the drop folder lies below the source that lists it."""
    site = Site.of(resources, tmp_path / "inbox", **by_dimse(pacs))
    listed = (tmp_path / source).resolve()
    pacs.store(archived_film("a"), archived_film("side"))
    list(fetch_new(site.resources))
    archive = Archive(resources.open_database(), str(listed))
    for file in site.folder.glob("??/*.dcm"):
        uid, key = dcmread(file).SOPInstanceUID, str(file.relative_to(listed))
        rejected = Reason.LATERAL if uid == film_uid("side") else None
        archive.add(Film(uid, uid=uid, key=key, rejected=rejected))
        file.unlink()

    (report,) = reconcile_all(site.resources)

    assert (report.in_pacs, report.accepted, report.rejected, report.fetched) == (2, 1, 1, ())


def test_a_film_that_was_deleted_in_the_pacs_is_told_until_a_person_saw_to_it_here(
    pacs, resources, tmp_path
):
    site = Site.of(resources, tmp_path / "inbox", **by_dimse(pacs))
    pacs.store(*map(archived_film, ("stays", "deleted", "side")))
    list(fetch_new(site.resources))
    archive = Archive(resources.open_database(), str(site.folder.resolve()))
    films = {}
    for file in site.folder.glob("??/*.dcm"):
        uid, key = dcmread(file).SOPInstanceUID, str(file.relative_to(site.folder))
        rejected = Reason.LATERAL if uid == film_uid("side") else None
        films[uid] = Film(uid, uid=uid, key=key, rejected=rejected)
        archive.add(films[uid])
    pacs.remove(film_uid("deleted"), film_uid("side"))

    def told():
        return sum(len(report.unnamed) for report in reconcile_all(site.resources))

    assert told() == 2
    archive.do(withdraw, AUTHOR, archive.image(films[film_uid("deleted")]))
    assert told() == 1
    archive.do(dismiss, AUTHOR, [archive.object(films[film_uid("side")])])
    assert told() == 0


@pytest.fixture
def moving(pacs, resources, tmp_path):
    """A site whose receiver Orthanc knows, and sends films to (C-MOVE)."""
    folder = tmp_path / "inbox"
    site = Site.of(resources, folder, pacs_move_to=RECEIVER, **by_dimse(pacs)).having(
        pacs_folder=None, receiver_folder=folder, receiver_port=0, receiver_free_megabytes=1
    )
    with (
        receiver(site.resources).serving() as port,
        relay_to(pacs.process.pid, port, at=ORTHANC_SENDS_TO),
    ):
        yield site


def test_a_film_that_a_pacs_sends_to_the_receiver_is_fetched(moving, pacs):
    pacs.store(archived_film("a"))

    assert fetched(fetch_new(moving.resources)) == [1]
    assert fetched(fetch_new(moving.resources)) == [0]

    (file,) = moving.files
    assert dcmread(BytesIO(file)).SOPInstanceUID == film_uid("a")


def test_a_film_that_was_sent_elsewhere_is_not_taken_for_fetched(moving, pacs, tmp_path):
    (tmp_path / "other").mkdir()
    pacs.store(archived_film("a"))

    with pytest.raises(PacsError, match="must be that of the receiver"):
        list(fetch_new(moving.having(pacs_folder=tmp_path / "other").resources))


def test_a_pacs_that_is_down_is_no_quiet_night(resources, tmp_path):
    for address in ("PACS@127.0.0.1:{}", "http://127.0.0.1:{}/dicom-web"):
        with reserved_port() as port:
            site = Site.of(
                resources, tmp_path / "inbox", pacs=address.format(port), pacs_attempts=1
            )
            with pytest.raises(PacsError, match="does not answer"):
                list(fetch_new(site.resources))


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b"])
def test_a_node_whose_name_has_no_address_is_asked_again_and_told(
    resources, tmp_path, monkeypatch, host
):
    """As while the hospital's name service is away."""
    pauses = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    site = Site.of(resources, tmp_path / "inbox", pacs=f"PACS@{host}:104", pacs_attempts=3)

    with pytest.raises(PacsError, match="does not answer"):
        list(fetch_new(site.resources))
    assert len(pauses) == 2


@pytest.mark.parametrize("settings", [{"pacs": None}, {"pacs": "PACS"}, {"pacs_folder": None}])
def test_what_names_no_pacs_or_no_folder_is_wrong_use(resources, tmp_path, settings):
    chosen = {"pacs": "PACS@192.0.2.7:104"} | settings

    with pytest.raises(UsageError):
        list(fetch_new(Site.of(resources, tmp_path / "inbox", **chosen).resources))
