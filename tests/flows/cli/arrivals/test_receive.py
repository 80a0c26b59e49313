"""The receiver as a service: kills, its end, and what a service manager hears of it."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from db.reading.site.arrivals import Fate
from flows.arrivals.accounting import Accounting
from flows.arrivals.receipts import Receipts
from flows.cli.exit_codes import USAGE
from flows.home import locked, private_folder, private_home
from flows.resources import Resources
from tests.builders.commands import Command, environment
from tests.builders.dicom_films import film_file, film_uid
from tests.builders.dicom_senders import send, sender
from tests.builders.settings import SECRET

FILMS = 8
KILLED_AFTER = 3  # successes


class Service:
    """`cxr-severity receive` in a process of its own, on a port that stays."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder, self.home, self.port = folder, home, 0
        folder.mkdir()

    def start(self, **settings: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flows", "receive", "--port", str(self.port)],
            env=environment(
                SEVERITY_HOME=str(self.home),
                SEVERITY_RECEIVER_FOLDER=str(self.folder),
                SEVERITY_RECEIVER_FREE_MEGABYTES="1",
                SEVERITY_PSEUDONYM_KEY=SECRET,
                **settings,
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert "CXRSEVERITY@127.0.0.1:" in line, line + self.process.stdout.read()
        self.port = int(line.partition("127.0.0.1:")[2].split()[0])

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Send a signal; return the exit code and what was printed."""
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=60)
        return self.process.returncode, output


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path / "arrived", tmp_path / "home")
    yield service
    if service.process.poll() is None:
        service.end(signal.SIGKILL)


def film(number: int) -> tuple[str, bytes]:
    """A film that is like no other, and its UID."""
    pixels = np.random.default_rng(number).integers(0, 4096, (600, 700)).astype(np.uint16)
    return film_uid(f"{number}"), film_file(f"{number}", pixels=pixels)


def deliver(port: int, films: dict[str, bytes], answered: set[str]) -> None:
    """Send what was not answered with success, until all is or the receiver is gone."""
    with sender(port) as association:
        for uid, file in films.items():
            if uid not in answered and association.is_established:
                try:
                    status = send(association, file)
                except RuntimeError:  # it is gone
                    return
                if status == 0:
                    answered.add(uid)


def kept(folder: Path) -> set[str]:
    """The UIDs of the films that lie in the folder, whole."""
    files = list(map(dcmread, folder.glob("*/*.dcm")))
    assert all(len(file.pixel_array) == 600 for file in files)
    return {file.SOPInstanceUID for file in files}


@pytest.mark.long
def test_each_film_that_was_answered_with_success_is_scored_though_the_receiver_was_killed(
    service: Service, score: Callable[[Path], object], resources: Resources, tmp_path: Path
) -> None:
    films, answered = dict(map(film, range(FILMS))), set[str]()
    service.start(NOTIFY_SOCKET=str(tmp_path / "no manager listens here"))
    thread = threading.Thread(target=deliver, args=(service.port, films, answered))
    thread.start()
    while len(answered) < KILLED_AFTER:
        thread.join(0.001)
    service.end(signal.SIGKILL)
    thread.join()
    assert answered <= kept(service.folder)
    assert len(answered) < FILMS, "it was killed too late to prove anything"
    with listening_manager(tmp_path / "notify") as heard:
        service.start(NOTIFY_SOCKET=str(tmp_path / "notify"))
        deliver(service.port, films, answered)
        assert [heard(), heard()] == ["READY=1", "WATCHDOG=1"]
        assert service.end(signal.SIGTERM)[0] == 0
        while heard() != "STOPPING=1":
            pass
    assert len(answered) == FILMS

    score(service.folder)

    receipts = Receipts.of(tmp_path / "home")
    account = Accounting(
        receipts, service.folder, service.folder, resources.open_database()
    ).account()
    assert account.films == {Fate.SCORED: FILMS}


@contextmanager
def listening_manager(address: Path) -> Iterator[Callable[[], str]]:
    """A service manager, as systemd is one; the value waits for what it is told next."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(60)
        manager.bind(str(address))
        yield lambda: manager.recv(100).decode()


def test_a_second_receiver_of_the_same_receipts_is_refused(
    command: Command, home: Path, tmp_path: Path
) -> None:
    with locked(private_folder(private_home(home) / "receipts") / "receiver.lock"):
        refused = command("receive", "--folder", str(tmp_path), "--port", "0")

    assert refused.code == USAGE
    assert "another receiver" in refused.err


@pytest.mark.parametrize("inbox", ["", "s3://bucket/prefix"])
def test_a_receiver_without_a_folder_is_refused(
    command: Command, monkeypatch: pytest.MonkeyPatch, inbox: str
) -> None:
    monkeypatch.setenv("SEVERITY_INBOX", inbox)

    refused = command("receive")

    assert refused.code == USAGE
    assert "SEVERITY_RECEIVER_FOLDER" in refused.err
