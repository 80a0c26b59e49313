"""The receiver, asked by pynetdicom and by dcmtk."""

import logging
import os
import shutil
import socket
import ssl
import struct
import subprocess
import threading
from contextlib import ExitStack, suppress
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.encaps import get_frame
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless

from flows.arrivals import connections, receiver
from flows.arrivals.receiver import TRANSFER_SYNTAXES
from flows.errors import UsageError
from severity.codecs import DECODERS
from severity.dicom import read_identity
from tests.builders.dicom_films import film_file
from tests.builders.dicom_senders import SECRET_WORDS, TITLE, data_set, dcmtk, send, sender, written
from tests.builders.encoded_images import dicom_file
from tests.builders.services import until

SUCCESS, OUT_OF_RESOURCES = 0x0000, 0xA700


def test_what_is_answered_with_success_is_on_disk_and_has_a_receipt(running):
    with sender(running.port) as association:
        assert send(association, film_file("a")) == SUCCESS
        # Before the association ends.
        ((key, content),) = written(running.folder).items()
        assert running.receipted == [key]

    assert data_set(content) == data_set(film_file("a"))
    assert read_identity(content) == read_identity(film_file("a"))


def encoded(file: bytes) -> tuple[str, bytes]:
    """The transfer syntax of a film, and its pixels as they are encoded."""
    film = dcmread(BytesIO(file))
    syntax = film.file_meta.TransferSyntaxUID
    pixels = get_frame(film.PixelData, 0) if syntax.is_encapsulated else film.PixelData
    return syntax, pixels


def test_dcmtk_sends_what_a_receiver_keeps_as_it_was_sent(running, tmp_path):
    """Compressed films too: nothing is encoded anew."""
    files = {
        "-xe": dicom_file(SOPInstanceUID="1.2.3.1"),
        "-xv": dicom_file(syntax=JPEG2000Lossless, SOPInstanceUID="1.2.3.2"),
    }
    echoed = dcmtk("echoscu", "-aec", TITLE, "127.0.0.1", str(running.port))
    for option, content in files.items():
        (tmp_path / "film.dcm").write_bytes(content)
        sent = dcmtk(
            "storescu", option, "-aec", TITLE, "127.0.0.1", str(running.port), tmp_path / "film.dcm"
        )
        assert sent.returncode == 0, sent.stderr

    assert echoed.returncode == 0, echoed.stderr
    kept = {encoded(content) for content in written(running.folder).values()}
    assert kept == {encoded(content) for content in files.values()}


def test_each_encoding_that_can_be_read_is_taken_and_no_other():
    assert set(TRANSFER_SYNTAXES) == set(DECODERS)
    assert len(TRANSFER_SYNTAXES) == len(set(TRANSFER_SYNTAXES))


def test_a_sender_that_leaves_the_choice_is_not_asked_to_compress(running):
    with sender(running.port, JPEG2000Lossless, ExplicitVRLittleEndian) as association:
        accepted = {context.transfer_syntax[0] for context in association.accepted_contexts}

    assert JPEG2000Lossless not in accepted


def test_a_film_sent_twice_is_one_file_and_a_corrected_one_is_another(running):
    with sender(running.port) as association:
        for _ in range(2):
            assert send(association, film_file("a")) == SUCCESS
        assert send(association, film_file("a", PatientName="Roe^Janet")) == SUCCESS

    first, second, corrected = running.receipted
    assert first == second
    assert set(written(running.folder)) == {first, corrected}


def test_a_short_disk_is_answered_so_that_the_sender_sends_again(start):
    disk = os.statvfs("/")
    short = start(receiver_free_megabytes=disk.f_blocks * disk.f_frsize)
    with sender(short.port) as association:
        assert send(association, film_file("a")) == OUT_OF_RESOURCES
        assert association.send_c_echo().Status == SUCCESS
    assert (written(short.folder), short.receipted) == ({}, [])

    with sender(start().port) as association:
        assert send(association, film_file("a")) == SUCCESS


def test_a_film_without_a_receipt_is_not_answered_with_success(running, tmp_path):
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "home/receipts").write_text("no folder")
    with sender(running.port) as association:
        assert send(association, film_file("a")) == OUT_OF_RESOURCES

        (tmp_path / "home/receipts").unlink()
        assert send(association, film_file("a")) == SUCCESS

    assert running.receipted == list(written(running.folder))


@pytest.mark.parametrize(
    ("settings", "caller", "is_taken"),
    [
        ({"receiver_callers": "MODALITY,CR 2"}, {"title": "CR 2"}, True),
        ({"receiver_callers": "MODALITY,CR 2"}, {"title": "STRANGER"}, False),
        ({}, {"called": "ANOTHER"}, False),
        ({"receiver_addresses": "127.0.0.0/8"}, {}, True),
        ({"receiver_addresses": "192.0.2.0/24,::1"}, {}, False),
    ],
)
def test_only_those_are_answered_who_are_let_in(start, settings, caller, is_taken):
    with sender(start(**settings).port, **caller) as association:
        assert association.is_established == is_taken


def test_more_senders_than_the_limit_are_told_to_come_later(start):
    port = start(receiver_associations=1).port
    with sender(port) as first:
        with sender(port) as second:
            assert not second.is_established
        assert send(first, film_file("a")) == SUCCESS


@pytest.mark.parametrize("limit", [{}, {"receiver_associations_each": 2}])
def test_one_address_takes_not_all_places(start, caplog, limit):
    caplog.set_level(logging.WARNING, receiver.NAME)
    port = start(receiver_associations=3, **limit).port
    with sender(port), socket.create_connection(("127.0.0.1", port)):  # which never says anything
        with sender(port) as third:
            assert not third.is_established
        with sender(port, bind_address=("127.0.0.2", 0)) as other:
            assert send(other, film_file("a")) == SUCCESS

    assert "SEVERITY_RECEIVER_ASSOCIATIONS_EACH" in caplog.text


def talk(port: int, *sent: bytes) -> None:
    """Send bytes to the receiver until it hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        try:
            for part in sent:
                connection.sendall(part)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
        except (BrokenPipeError, ConnectionResetError):
            pass


def test_a_monitor_that_knocks_takes_no_sender_s_place(start, monkeypatch):
    monkeypatch.setattr(receiver, "_NEGOTIATING", 600)  # longer than anyone waits here
    running = start(receiver_associations=1)
    for _ in range(3):
        talk(running.port)

    def is_idle() -> bool:
        return not any("AcceptorThread" in thread.name for thread in threading.enumerate())

    until(is_idle)
    with sender(running.port) as association:
        assert send(association, film_file("a")) == SUCCESS


def test_senders_that_trickle_keep_no_other_out_for_long(start, monkeypatch, caplog):
    monkeypatch.setattr(connections, "_NEGOTIATING_SECONDS", 2.0)
    caplog.set_level(logging.WARNING, receiver.NAME)
    port = start(receiver_associations=1).port
    with ExitStack() as stack:
        for _ in range(4):  # two are taken, and two refused
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            with suppress(OSError):
                slow.sendall(struct.pack(">BBL", 1, 0, 2**14))

        def is_told() -> bool:
            return "as many as are taken" in caplog.text

        def is_served() -> bool:
            with sender(port) as association:
                return association.is_established

        until(is_told)
        until(is_served)
    assert caplog.text.count("as many as are taken") == 1


# pynetdicom's thread of an association ends by an exception; the association with it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nothing_that_arrives_ends_the_receiver(running):
    association_request = struct.pack(">BBL", 1, 0, 200) + os.urandom(200)
    endless = struct.pack(">BBL", 4, 0, 2**32 - 1)  # a message of 4 GB
    talk(running.port, b"")
    talk(running.port, b"GET / HTTP/1.1\r\n\r\n")
    talk(running.port, association_request)
    # Hung up on once it is more than any request for an association.
    talk(running.port, endless, *[bytes(2**16)] * 64)
    for value in (b"", os.urandom(20), struct.pack("<HHIH", 0, 0x0100, 2, 0x9999)):
        # A command that is none, in an association that is.
        with sender(running.port) as association:
            fragment = struct.pack(">LBB", len(value) + 2, 1, 3) + value
            association.dul.socket.send(struct.pack(">BBL", 4, 0, len(fragment)) + fragment)
            association.abort()

    with sender(running.port) as association:
        assert send(association, film_file("a")) == SUCCESS


def test_a_message_beyond_the_limit_ends_its_association_alone(start):
    running = start(receiver_most_megabytes=1)
    with sender(running.port) as other:
        with sender(running.port) as association:
            large = film_file("large", PixelData=bytes(3 * 2**20))
            assert send(association, large) is None
        # Each message has the whole limit, however much was sent before.
        for number in range(4):
            film = film_file(f"{number}", PixelData=bytes(2**19))
            assert send(other, film) == SUCCESS

    assert len(written(running.folder)) == 4


def send_for_ever(connection: socket.socket, message: bytes) -> None:
    while True:
        connection.sendall(message)


def test_a_sender_that_waits_for_no_answer_is_hung_up_on(running):
    """What it sends ahead would fill the memory: only one message at a time was agreed on."""
    with sender(running.port) as association:
        transport, message = association.dul.socket, []
        send_on = transport.send
        transport.send = lambda part: (message.append(bytes(part)), send_on(part))
        assert send(association, film_file("a")) == SUCCESS

        with pytest.raises(OSError):  # noqa: PT011 - whichever the system says
            send_for_ever(transport.socket, b"".join(message))
        association.abort()

    with sender(running.port) as association:
        assert send(association, film_file("b")) == SUCCESS


def test_no_identifier_is_logged(running, caplog):
    caplog.set_level(logging.DEBUG)
    with sender(running.port) as association:
        send(association, film_file("a"))
    for thread in threading.enumerate():
        if "AcceptorThread" in thread.name:
            thread.join()

    ours = [record for record in caplog.records if record.name.startswith("cxr-severity")]
    assert any("1 kept" in record.getMessage() for record in ours)
    assert not any(word in record.getMessage() for record in ours for word in SECRET_WORDS)


class Certificates:
    """An authority, and certificates for this machine that it signed, made by openssl."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = folder / "authority.pem"
        self._openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *(
                "-keyout",
                folder / "authority.key",
                "-out",
                self.authority,
                "-subj",
                "/CN=authority",
            ),
        )

    def signed(self, name: str) -> tuple[Path, Path]:
        """Make a certificate; return it and its key."""
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        self._openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-CA", self.authority, "-CAkey", self.folder / "authority.key"),
            *("-keyout", key, "-out", certificate, "-subj", f"/CN={name}"),
        )
        return certificate, key

    def _openssl(self, *arguments: str | Path) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Certificates:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    return Certificates(tmp_path_factory.mktemp("certificates"))


def as_client(certificates: Certificates, *own: Path) -> tuple[ssl.SSLContext, str]:
    context = ssl.create_default_context(cafile=certificates.authority)
    context.check_hostname = False
    if own:
        context.load_cert_chain(*own)
    return context, "receiver"


def test_tls_asks_each_sender_for_a_certificate_and_waits_for_no_silent_one(start, certificates):
    certificate, key = certificates.signed("receiver")
    running = start(
        receiver_certificate=certificate,
        receiver_key=key,
        receiver_client_authority=certificates.authority,
    )
    known = as_client(certificates, *certificates.signed("sender"))

    with socket.create_connection(("127.0.0.1", running.port)):  # and says nothing
        with sender(running.port, tls_args=known) as association:
            assert send(association, film_file("a")) == SUCCESS
        for stranger in (None, as_client(certificates)):
            with sender(running.port, tls_args=stranger) as association:
                assert not association.is_established

    assert len(written(running.folder)) == 1


def test_a_certificate_that_is_none_stops_the_start(start, tmp_path):
    (tmp_path / "none.pem").write_text("no certificate")

    with pytest.raises(UsageError, match="SEVERITY_RECEIVER_CERTIFICATE"):
        start(receiver_certificate=tmp_path / "none.pem", receiver_key=tmp_path / "none.pem")


def test_a_port_that_is_taken_stops_the_start(running, start):
    with pytest.raises(UsageError, match=str(running.port)):
        start(receiver_port=running.port)
