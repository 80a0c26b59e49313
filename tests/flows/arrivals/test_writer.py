"""The drop folder that arriving files are kept in."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from flows.arrivals import DropFolder
from flows.errors import NotKept, UsageError
from flows.resources import Progress, Resources
from flows.settings import Settings
from flows.sources.folder import Folder
from flows.sources.store import Listed
from tests.builders.settings import SECRET

UID = "1.2.826.0.1.3680043.9.7133.4711"


def resources(tmp_path: Path) -> Resources:
    return Resources(Settings(home=tmp_path, pseudonym_key=SECRET), Progress())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "arrived"
    path.mkdir()
    return path


@pytest.fixture
def folder(path: Path, tmp_path: Path) -> DropFolder:
    return DropFolder.open(path, resources(tmp_path).arrival_digest, least_free_bytes=0)


def offered(path: Path) -> dict[str, int]:
    """The files that a pass would list, with their sizes."""

    async def listed() -> dict[str, int]:
        return {
            entry.key: entry.size
            async for entries in Folder(path).entries()
            for entry in entries
            if isinstance(entry, Listed)
        }

    return asyncio.run(listed())


def test_a_kept_file_is_offered_whole_to_the_next_pass(folder: DropFolder, path: Path) -> None:
    kept = folder.keep(UID, b"a film")

    assert kept.is_new
    assert offered(path) == {kept.key: 6}
    assert (path / kept.key).read_bytes() == b"a film"


def test_a_folder_that_is_not_there_is_named_and_not_made(tmp_path: Path) -> None:
    absent, digest = tmp_path / "absent", resources(tmp_path).arrival_digest

    with pytest.raises(UsageError, match=f"{absent} cannot be written: No such file"):
        DropFolder.open(absent, digest, least_free_bytes=0)

    assert not absent.exists()


def test_the_same_instance_sent_twice_is_one_file(folder: DropFolder, path: Path) -> None:
    first = folder.keep(UID, b"a film")
    status = (path / first.key).stat()
    second = folder.keep(UID, b"a film")

    assert second.key == first.key
    assert not second.is_new
    # Unchanged: the next pass knows it without reading it.
    assert (path / first.key).stat() == status


def test_another_content_under_the_same_uid_is_a_second_file(
    folder: DropFolder, path: Path
) -> None:
    keys = {folder.keep(UID, content).key for content in (b"a film", b"another film")}

    assert set(offered(path)) == keys
    assert len(keys) == 2


def test_a_file_that_was_cut_short_since_is_written_anew(folder: DropFolder, path: Path) -> None:
    key = folder.keep(UID, b"a film").key
    (path / key).write_bytes(b"a f")

    assert folder.keep(UID, b"a film").is_new
    assert (path / key).read_bytes() == b"a film"


def test_a_folder_that_cannot_be_listed_is_told_as_one_that_cannot_be_written(
    folder: DropFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Path, "glob", fail)

    with pytest.raises(NotKept, match="drop folder"):
        folder.has(UID)


def test_a_name_betrays_neither_identifier_nor_content_without_the_secret(
    folder: DropFolder, path: Path, tmp_path: Path
) -> None:
    other = Resources(Settings(home=tmp_path, pseudonym_key=SECRET[::-1]), Progress())
    elsewhere = DropFolder.open(path, other.arrival_digest, least_free_bytes=0)

    key = folder.keep(UID, b"a film").key

    assert "4711" not in key
    assert not set(key.replace("-", "/").split("/")) & set(
        elsewhere.key(UID, b"a film").replace("-", "/").split("/")
    )


def test_a_short_disk_takes_no_file(path: Path, tmp_path: Path) -> None:
    free = os.statvfs(path).f_bavail * os.statvfs(path).f_frsize
    folder = DropFolder.open(path, resources(tmp_path).arrival_digest, least_free_bytes=2 * free)

    with pytest.raises(NotKept, match="short"):
        folder.keep(UID, b"a film")

    assert offered(path) == {}


def test_a_folder_that_is_not_there_is_not_made(path: Path, tmp_path: Path) -> None:
    path.rmdir()

    with pytest.raises(UsageError):
        DropFolder.open(path, resources(tmp_path).arrival_digest, least_free_bytes=0)

    assert not path.exists()


def test_nothing_is_written_into_a_folder_that_took_the_place_of_the_opened_one(
    folder: DropFolder, path: Path
) -> None:
    """As the empty mount point does, once its disk has gone."""
    path.rename(path.with_name("away"))
    path.mkdir()

    with pytest.raises(NotKept):
        folder.keep(UID, b"a film")

    assert list(path.iterdir()) == []


def test_a_folder_whose_disk_was_mounted_anew_is_written_to(folder: DropFolder, path: Path) -> None:
    device, number = folder._place  # noqa: SLF001 - no disk can be mounted here
    before = replace(folder, _place=(device + 1, number))

    assert before.keep("1.2.3", b"a film").is_new

    (path / ".arriving").rename(path / "away")  # as a bare mount point
    with pytest.raises(NotKept):
        before.keep("1.2.4", b"a film")


def test_what_a_killed_program_left_is_never_offered_and_goes_with_time(path: Path) -> None:
    writing = f"""
from pathlib import Path
from flows.arrivals import DropFolder
folder = DropFolder.open(Path({str(path)!r}), lambda *parts: "ab" * 32, least_free_bytes=0)
print(flush=True)
while True:
    folder.keep("1", b"film" * 2**20)
    (folder.path / folder.key("1", b"film" * 2**20)).unlink()
"""
    with subprocess.Popen([sys.executable, "-c", writing], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        while not list(path.glob(".arriving/*.part")):
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)

    assert set(offered(path).values()) <= {4 * 2**20}
    for draft in path.glob(".arriving/*.part"):
        os.utime(draft, (0, 0))
    DropFolder.open(path, lambda *_: "", least_free_bytes=0)
    assert list(path.glob(".arriving/*")) == []
