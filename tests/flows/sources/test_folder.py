import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.errors import InboxError
from flows.sources.folder import Folder
from flows.sources.store import Listed
from severity.domain import Reason
from severity.errors import RejectedImage

DEEPER_THAN_A_PATH = 2100  # folders of one letter: 4200 characters, where 4096 are allowed
HOSTILE_NAMES = [
    b"plain.png",
    b"two words.png",
    b" leading and trailing ",
    b"line\nbreak.png",
    b"tab\tand\x01control.png",
    b"latin-1-\xe9\xff.png",
    b"100%.png",
    b"%41.png",
    b"%0A.png",
    "größe-肺-😀.png".encode(),
    "right\u202eto-left.png".encode(),
    b"back\\slash.png",
    b"quote'\";$(x)`.png",
    b"-rf",
    b"~",
    b"x" * 255,
    ("é" * 127).encode(),
    b"\xff" * 255,
]


def listed(folder: Path) -> list[Listed]:
    return asyncio.run(Folder(folder).objects())


def keys(folder: Path) -> list[str]:
    return sorted(item.key for item in listed(folder))


def read(folder: Path, key: str, *, most: int = 1000, fingerprint: str | None = None) -> bytes:
    return asyncio.run(Folder(folder).read(key, most_bytes=most, fingerprint=fingerprint))


def reason(folder: Path, key: str, *, most: int = 1000, fingerprint: str | None = None) -> Reason:
    with pytest.raises(RejectedImage) as rejected:
        read(folder, key, most=most, fingerprint=fingerprint)
    return rejected.value.reason


@pytest.fixture
def bottomless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder so deep that its innermost ones have no path."""
    monkeypatch.chdir(tmp_path)
    for _ in range(DEEPER_THAN_A_PATH):
        Path("d").mkdir()
        os.chdir("d")
    yield tmp_path
    for _ in range(DEEPER_THAN_A_PATH):
        os.chdir("..")
        Path("d").rmdir()


def test_files_in_all_folders_are_listed(tmp_path: Path) -> None:
    for name in ("a.png", "night/b.png", "night/2/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "empty").mkdir()

    assert keys(tmp_path) == ["a.png", "night/2/c.png", "night/b.png"]
    assert {item.size for item in listed(tmp_path)} == {5, 11, 13}


def test_any_name_is_listed_and_its_key_leads_back_to_the_file(tmp_path: Path) -> None:
    for folder in (b"plain", b"\xe9 50%\n"):
        (tmp_path / os.fsdecode(folder)).mkdir()
        for name in HOSTILE_NAMES:
            (tmp_path / os.fsdecode(folder + b"/" + name)).write_bytes(folder + name)

    listed_keys = keys(tmp_path)

    contents = {read(tmp_path, key) for key in listed_keys}
    assert contents == {
        folder + name for folder in (b"plain", b"\xe9 50%\n") for name in HOSTILE_NAMES
    }
    assert len(listed_keys) == len(contents)


def test_a_key_is_printable_text(tmp_path: Path) -> None:
    for name in HOSTILE_NAMES:
        (tmp_path / os.fsdecode(name)).touch()

    assert all(key.isprintable() for key in keys(tmp_path))


def test_an_ordinary_name_is_its_own_key(tmp_path: Path) -> None:
    (tmp_path / "größe 肺 😀.png").touch()

    assert keys(tmp_path) == ["größe 肺 😀.png"]


def test_an_odd_file_does_not_change_how_its_folder_is_spelled(tmp_path: Path) -> None:
    (tmp_path / "thorax é").mkdir()
    (tmp_path / "thorax é/50%.png").touch()

    assert keys(tmp_path) == ["thorax é/50%25.png"]


def test_what_is_not_a_file_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "image.png").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "itself").symlink_to("itself")
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "device").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)  # an address of a socket must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")

    assert keys(tmp_path) == ["image.png"]


def test_a_link_to_a_file_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "image.png").write_bytes(b"image")
    (tmp_path / "inbox/link.png").symlink_to("../image.png")

    assert keys(tmp_path / "inbox") == ["link.png"]
    assert read(tmp_path / "inbox", "link.png") == b"image"


def test_folders_without_a_bottom_do_not_stop_the_listing(bottomless: Path) -> None:
    (bottomless / "image.png").touch()
    (bottomless / "d/d/image.png").touch()

    listed_keys = keys(bottomless)
    (bottomless / "d/d/image.png").unlink()

    assert listed_keys == ["d/d/image.png", "image.png"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_must_not_be_read_does_not_stop_the_listing(tmp_path: Path) -> None:
    (tmp_path / "image.png").touch()
    (tmp_path / "closed.png").touch(mode=0)
    (tmp_path / "closed").mkdir(mode=0)

    assert keys(tmp_path) == ["closed.png", "image.png"]
    assert reason(tmp_path, "closed.png") is Reason.VANISHED


def test_an_inbox_that_is_gone_is_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(InboxError, match="cannot be listed: No such file"):
        listed(tmp_path / "gone")


@pytest.mark.parametrize("time", [2**40, -(2**40)])
def test_a_date_beyond_all_calendars_is_no_obstacle(tmp_path: Path, time: int) -> None:
    (tmp_path / "image.png").touch()
    os.utime(tmp_path / "image.png", (time, time))

    (image,) = listed(tmp_path)

    assert image.modified <= datetime.now(UTC)


def test_a_file_from_the_future_was_written_no_later_than_now(tmp_path: Path) -> None:
    (tmp_path / "image.png").touch()
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).timestamp()
    os.utime(tmp_path / "image.png", (tomorrow, tomorrow))

    (image,) = listed(tmp_path)

    assert image.modified <= datetime.now(UTC)


def test_a_fingerprint_stays_until_the_file_changes(tmp_path: Path) -> None:
    image = tmp_path / "image.png"
    image.write_bytes(b"one")
    first, again = listed(tmp_path), listed(tmp_path)
    image.write_bytes(b"longer")
    longer = listed(tmp_path)

    assert first == again
    assert longer[0].fingerprint != first[0].fingerprint


def test_a_fingerprint_sees_through_a_time_that_was_set_back(tmp_path: Path) -> None:
    image = tmp_path / "image.png"
    image.write_bytes(b"one")
    os.utime(image, (0, 0))
    before = listed(tmp_path)
    threading.Event().wait(0.02)  # the clock of the file system ticks slowly
    image.write_bytes(b"two")
    os.utime(image, (0, 0))

    assert listed(tmp_path)[0].fingerprint != before[0].fingerprint


def test_a_file_that_is_gone_has_vanished(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert reason(tmp_path, "gone.png") is Reason.VANISHED
    assert reason(tmp_path, "file/below.png") is Reason.VANISHED


def test_a_file_that_became_something_else_has_vanished_without_a_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "device").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")

    for name in ("folder", "loop", "device", "pipe", "socket"):
        assert reason(tmp_path, name) is Reason.VANISHED


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.dcm").open("wb") as file:
        file.truncate(2**40)

    assert reason(tmp_path, "huge.dcm", most=2**28) is Reason.TOO_LARGE


def test_the_limit_itself_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "image.png").write_bytes(b"12345")

    assert read(tmp_path, "image.png", most=5) == b"12345"
    assert reason(tmp_path, "image.png", most=4) is Reason.TOO_LARGE


def test_a_file_that_grows_while_it_is_read_is_not_taken_for_whole(tmp_path: Path) -> None:
    image = tmp_path / "image.dcm"
    image.touch()
    os.truncate(image, 2**27)
    growing, stop = threading.Event(), threading.Event()

    def grow() -> None:
        with image.open("ab", buffering=0) as file:
            while not stop.is_set():
                file.write(b"x")
                growing.set()

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        growing.wait()
        assert reason(tmp_path, "image.dcm", most=2**28) is Reason.VANISHED
    finally:
        stop.set()
        writer.join()


def test_a_file_that_changed_since_it_was_listed_is_not_taken_for_whole(tmp_path: Path) -> None:
    (tmp_path / "image.png").write_bytes(b"whole")
    (image,) = listed(tmp_path)
    assert read(tmp_path, "image.png", fingerprint=image.fingerprint) == b"whole"

    (tmp_path / "image.png").write_bytes(b"half of the next")

    assert reason(tmp_path, "image.png", fingerprint=image.fingerprint) is Reason.VANISHED
    assert read(tmp_path, "image.png") == b"half of the next"
