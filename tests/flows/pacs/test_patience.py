"""A PACS whose answers trickle in: each part in time, the whole never."""

import pytest

from flows.dicom_node import Node
from flows.errors import PacsError
from flows.pacs import dicomweb
from flows.pacs.associations import Calling
from flows.pacs.dicomweb import Credentials, DicomWeb
from flows.pacs.dimse import DimseNode
from flows.pacs.patience import Patience
from tests.builders.dripping_server import dripping

PATIENCE = Patience(1, answer_seconds=0.5)  # a busy machine drips more slowly than it should
HEADER = b"HTTP/1.1 200 OK\r\nServer:"


@pytest.mark.parametrize("start", [HEADER, HEADER + b" slow\r\nContent-Length: 1000000\r\n\r\n"])
def test_an_answer_by_dicomweb_that_drips_is_given_up(start, monkeypatch):
    monkeypatch.setattr(dicomweb, "_CONNECTING", 0.5)
    with dripping(start) as server:
        pacs = DicomWeb(f"http://127.0.0.1:{server.port}", Credentials(), PATIENCE)

        with pytest.raises(PacsError, match="too long"):
            pacs.check()

        assert server.hung_up.wait(5)


def test_an_answer_by_dimse_that_drips_is_given_up():
    with dripping(b"\x02\x00\x00\x0f\xff\xff") as server:  # A-ASSOCIATE-AC, a megabyte
        pacs = DimseNode(Node.parse(f"PACS@127.0.0.1:{server.port}"), Calling(), PATIENCE)

        with pytest.raises(PacsError, match="does not answer"):
            pacs.check()

        assert server.hung_up.wait(5)
