import asyncio
import os
import socket
import tempfile
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.errors import InboxError
from flows.sources.folder import Folder
from flows.sources.folder_walk import walk
from flows.sources.store import Entry, Listed, Obstacle, Unseen
from severity.domain import Reason
from severity.errors import InaccessibleImage, RejectedImage, UnreadableImage

LONGEST_PATH = 4096
CHUNK = 1000  # entries that are listed at once
NOBODY = 65534
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


def entries(folder: Path) -> list[Entry]:
    async def drawn() -> list[Entry]:
        return [entry async for chunk in Folder(folder).entries() for entry in chunk]

    return asyncio.run(drawn())


def listed(folder: Path) -> list[Listed]:
    return [entry for entry in entries(folder) if isinstance(entry, Listed)]


def unseen(folder: Path) -> list[Unseen]:
    return [entry for entry in entries(folder) if isinstance(entry, Unseen)]


def keys(folder: Path) -> list[str]:
    return [item.key for item in listed(folder)]


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

    assert keys(tmp_path) == ["a.png", "night/b.png", "night/2/c.png"]
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


def test_a_folder_s_sidecars_come_before_all_that_they_may_describe(tmp_path: Path) -> None:
    for name in ("a.png", "metadata.json", "metadata.csv", "b/a.png", "b/metadata.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    assert keys(tmp_path) == [
        "metadata.csv", "metadata.json", "a.png", "b/metadata.csv", "b/a.png",
    ]  # fmt: skip


def test_a_link_to_a_file_of_the_inbox_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "night").mkdir()
    (tmp_path / "night/image.png").write_bytes(b"image")
    (tmp_path / "link.png").symlink_to("night/image.png")

    assert keys(tmp_path) == ["link.png", "night/image.png"]
    assert read(tmp_path, "link.png") == b"image"


def test_an_inbox_may_itself_be_reached_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "link").symlink_to("inbox")
    (tmp_path / "inbox/image.png").write_bytes(b"image")
    (tmp_path / "inbox/other.png").symlink_to("image.png")

    assert keys(tmp_path / "link") == ["image.png", "other.png"]
    assert read(tmp_path / "link", "other.png") == b"image"


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A folder beside the inbox, whose name begins with the inbox's."""
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox-of-others").mkdir()
    (tmp_path / "inbox-of-others/secret.png").write_bytes(b"secret")
    return tmp_path / "inbox-of-others"


@pytest.mark.parametrize("target", ["../inbox-of-others", "relative/../../inbox-of-others"])
def test_links_that_lead_out_of_the_inbox_are_counted_and_not_followed(
    beside: Path, target: str
) -> None:
    inbox = beside.parent / "inbox"
    (inbox / "relative").mkdir()
    (inbox / "file.png").symlink_to(f"{target}/secret.png")
    (inbox / "folder").symlink_to(target)
    (inbox / "twice.png").symlink_to("file.png")

    assert keys(inbox) == []
    assert unseen(inbox) == [
        Unseen("file.png", Obstacle.OUTSIDE_LINK, is_folder=False),
        Unseen("folder", Obstacle.OUTSIDE_LINK, is_folder=True),
        Unseen("twice.png", Obstacle.OUTSIDE_LINK, is_folder=False),
    ]


def test_a_link_out_that_was_put_in_a_file_s_place_is_not_read(beside: Path) -> None:
    inbox = beside.parent / "inbox"
    (inbox / "image.png").write_bytes(b"image")
    assert read(inbox, "image.png") == b"image"

    (inbox / "image.png").unlink()
    (inbox / "image.png").symlink_to("../inbox-of-others/secret.png")

    with pytest.raises(InaccessibleImage):
        read(inbox, "image.png")


def test_a_link_out_that_was_put_in_a_folder_s_place_is_not_read(beside: Path) -> None:
    inbox = beside.parent / "inbox"
    (inbox / "night").symlink_to("../inbox-of-others")

    with pytest.raises(InaccessibleImage):
        read(inbox, "night/secret.png")


def test_a_folder_that_is_replaced_by_a_link_out_during_the_walk_is_not_listed(
    beside: Path,
) -> None:
    inbox = beside.parent / "inbox"
    (inbox / "a").mkdir()
    (inbox / "a/image.png").touch()
    (inbox / "b").mkdir()
    entries = walk(os.fsencode(inbox))
    first = next(entries)

    (inbox / "b").rmdir()
    (inbox / "b").symlink_to("../inbox-of-others")

    assert [first.key, *entries] == ["a/image.png"]


def test_what_has_no_path_is_counted_and_does_not_stop_the_listing(bottomless: Path) -> None:
    (bottomless / "image.png").touch()
    (bottomless / "d/d/image.png").touch()

    listed_keys, (deep,) = keys(bottomless), unseen(bottomless)
    (bottomless / "d/d/image.png").unlink()

    assert listed_keys == ["image.png", "d/d/image.png"]
    assert (deep.reason, deep.is_folder) == (Obstacle.PATH_TOO_LONG, True)
    assert len(os.fsencode(bottomless / deep.key)) >= LONGEST_PATH


def test_a_file_whose_path_is_too_long_is_counted(bottomless: Path) -> None:
    folder = unseen(bottomless)[0].key.removesuffix("/d")
    long_name = "x" * 255
    deep = os.open(bottomless / folder, os.O_RDONLY)
    os.close(os.open(long_name, os.O_CREAT, dir_fd=deep))
    counted = unseen(bottomless)
    os.unlink(long_name, dir_fd=deep)
    os.close(deep)

    assert Unseen(f"{folder}/{long_name}", Obstacle.PATH_TOO_LONG, is_folder=False) in counted
    with pytest.raises(InaccessibleImage):
        read(bottomless, f"{folder}/{long_name}")


def test_hidden_and_half_written_folders_are_not_looked_into(tmp_path: Path) -> None:
    for name in (".git", "night.tmp"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "image.png").touch()
        (tmp_path / name / "link").symlink_to("/")

    assert entries(tmp_path) == []


@pytest.fixture
def unprivileged(tmp_path: Path) -> Iterator[Path]:
    """A folder in which permissions count, as they do not for root."""
    if os.geteuid() != 0:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory() as name:
        os.chown(name, NOBODY, NOBODY)
        os.seteuid(NOBODY)
        try:
            yield Path(name).resolve()
        finally:
            os.seteuid(0)


def test_what_must_not_be_read_is_counted_and_does_not_stop_the_listing(
    unprivileged: Path,
) -> None:
    (unprivileged / "a").mkdir()
    (unprivileged / "a/image.png").touch()
    (unprivileged / "a").chmod(0o600)  # names without anything else
    (unprivileged / "b").mkdir(mode=0)
    (unprivileged / "c").mkdir()
    (unprivileged / "c/image.png").touch()
    (unprivileged / "closed.png").touch(mode=0)

    assert keys(unprivileged) == ["closed.png", "c/image.png"]
    assert unseen(unprivileged) == [
        Unseen("a/image.png", Obstacle.UNREADABLE_FILE, is_folder=False),
        Unseen("b", Obstacle.UNREADABLE_FOLDER, is_folder=True),
    ]
    for name in ("closed.png", "a/image.png"):
        with pytest.raises(InaccessibleImage) as rejected:
            read(unprivileged, name)
        assert rejected.value.reason is Reason.VANISHED


def test_an_inbox_that_must_not_be_listed_is_not_an_empty_one(unprivileged: Path) -> None:
    (unprivileged / "inbox").mkdir(mode=0)

    with pytest.raises(InboxError, match="cannot be listed: Permission denied"):
        listed(unprivileged / "inbox")


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

    for key in ("gone.png", "file/below.png"):
        with pytest.raises(UnreadableImage) as rejected:
            read(tmp_path, key)
        assert rejected.value.reason is Reason.VANISHED
        assert not isinstance(rejected.value, InaccessibleImage)


def test_an_inbox_that_is_gone_is_not_an_inbox_of_files_that_are_gone(tmp_path: Path) -> None:
    with pytest.raises(InboxError):
        read(tmp_path / "gone", "image.png")


@pytest.mark.parametrize("name", ["ROE-JANE"])  # here: a traceback shows the lines below
def test_an_error_of_a_file_keeps_its_name_to_itself(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableImage) as rejected:
        read(tmp_path, name)

    assert name not in "".join(traceback.format_exception(rejected.value))


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


def test_files_are_listed_while_those_before_are_looked_up(tmp_path: Path) -> None:
    later = 5
    for number in range(CHUNK + later):
        (tmp_path / f"{number:04}.png").touch()

    async def listed() -> tuple[int, int]:
        chunks = Folder(tmp_path).entries()
        first = await anext(chunks)
        await no_thread_lists()
        for number in range(CHUNK, CHUNK + later):
            os.unlink(tmp_path / f"{number:04}.png")  # noqa: PTH108 - nothing else runs
        return len(first), len(await anext(chunks))

    assert asyncio.run(listed()) == (CHUNK, later)


async def no_thread_lists() -> None:
    """Wait until what is listed ahead lies in memory."""
    await asyncio.sleep(0.01)  # the next listing begins once this coroutine waits
    threads = [thread for thread in threading.enumerate() if thread.name == "file system"]
    for thread in threads:
        await asyncio.to_thread(thread.join)
