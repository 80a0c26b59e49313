"""A PACS that is a DICOM node: TLS, and what it refuses."""

import ssl
from datetime import date
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.uid import UID
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    ComputedRadiographyImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    Verification,
)

from flows.arrivals import DropFolder
from flows.dicom_node import Node
from flows.errors import PacsError
from flows.pacs.associations import Caller, Calling
from flows.pacs.dimse import DimseNode
from flows.pacs.fetching import fetch_new
from flows.pacs.pacs import Instance, Modality
from flows.pacs.patience import NoAnswer, Patience
from tests.builders.archived_films import Site
from tests.builders.certificates import certificate
from tests.builders.dicom_films import film_file, film_uid

OUT_OF_RESOURCES, PENDING = 0xA700, 0xFF00


@pytest.fixture
def node():
    """A node that knows no film, or refuses each question."""
    servers = []

    def node(*sop_classes, tls=None, status=0, names=(), gives=()):
        entity = AE("NODE")
        for sop_class in sop_classes:
            entity.add_supported_context(sop_class)
        for sop_class in [ComputedRadiographyImageStorage] if gives else []:
            entity.add_supported_context(sop_class, scu_role=True, scp_role=True)
        answers = [(status, None)] if status else [(PENDING, film) for film in names]
        server = entity.start_server(
            ("127.0.0.1", 0),
            block=False,
            ssl_context=tls,
            evt_handlers=[
                (evt.EVT_C_FIND, lambda _: iter(answers)),
                (evt.EVT_C_GET, lambda _: iter([len(gives), *((PENDING, film) for film in gives)])),
            ],
        )
        servers.append(server)
        return f"NODE@127.0.0.1:{server.server_address[1]}"

    yield node
    for server in servers:
        server.shutdown()


FINDS = (Verification, StudyRootQueryRetrieveInformationModelFind)


def test_a_node_is_asked_by_tls_and_must_prove_itself(node, resources, tmp_path):
    proof = certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(proof)
    site = Site.of(resources, tmp_path / "inbox", pacs=node(*FINDS, tls=tls), pacs_attempts=1)

    assert list(fetch_new(site.having(pacs_ca=proof).resources)) == []
    with pytest.raises(PacsError, match="does not answer"):
        list(fetch_new(site.resources))
    (tmp_path / "other").mkdir()
    other = certificate(tmp_path / "other")
    with pytest.raises(PacsError, match="does not answer"):
        list(fetch_new(site.having(pacs_ca=other).resources))


@pytest.mark.parametrize("modality", ["CR", "cr", ""])
def test_a_series_is_of_a_modality_in_small_letters_or_of_none(node, modality):
    film = dcmread(BytesIO(film_file("a", Modality=modality)))
    address = node(StudyRootQueryRetrieveInformationModelFind, names=[film])
    pacs = DimseNode(Node.parse(address), Calling(), Patience(attempts=1))

    (named,) = pacs.instances(date(2020, 4, 1), Modality.CR)

    assert named.image_uid == film_uid("a")


@pytest.mark.parametrize("given", ["ab", "ba", "a"])
def test_a_film_is_here_whatever_else_a_node_sends_with_it(node, resources, tmp_path, given):
    """Some send the whole series for one of its films."""
    films = [dcmread(BytesIO(film_file(name))) for name in given]
    address = node(StudyRootQueryRetrieveInformationModelGet, gives=films)
    folder = DropFolder.open(tmp_path, resources.arrival_digest, least_free_bytes=1)
    pacs = DimseNode(Node.parse(address), Calling(), Patience(attempts=1))
    wanted = Instance(date(2020, 4, 1), Modality.CR, "1.2.3", "1.2.4", film_uid("a"))

    pacs.fetch(wanted, folder)

    assert folder.has(film_uid("a"))
    assert not folder.has(film_uid("b"))


def test_a_node_that_closes_the_association_between_two_questions_does_not_answer(node):
    """As one does that is restarted; a question is asked again then."""
    caller = Caller(Node.parse(node(Verification)), Calling(), answer_seconds=10)

    def ask_too_late():
        with caller.associated(UID(Verification)) as association:
            association.abort()
            association.send_c_echo()

    with pytest.raises(NoAnswer, match="closed the association"):
        ask_too_late()


@pytest.mark.parametrize(
    ("sop_classes", "status", "problem"),
    [
        (FINDS, OUT_OF_RESOURCES, "refuses a question: status 0xA700"),
        ((Verification,), 0, "does not offer Study Root"),
    ],
)
def test_a_question_that_is_refused_is_no_quiet_night(
    node, resources, tmp_path, sop_classes, status, problem
):
    address = node(*sop_classes, status=status)
    site = Site.of(resources, tmp_path / "inbox", pacs=address, pacs_attempts=1)

    with pytest.raises(PacsError, match=problem):
        list(fetch_new(site.resources))
