"""Drop folders on a mount whose server is lost: each gives up alone, and nothing waits for them."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from flows import lost_mounts
from flows.errors import InboxError
from flows.sources.folder import Folder
from flows.sources.inbox import open_inbox
from tests.builders.lost_mounts import lost_mount

SECONDS = 0.3


@pytest.fixture
def lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose mount does not answer."""
    monkeypatch.setattr(lost_mounts, "OPENING_SECONDS", SECONDS)
    folder = tmp_path / "lost"
    folder.mkdir()
    with lost_mount(folder):
        yield folder


def test_a_folder_that_does_not_answer_is_said_to_do_so(lost: Path) -> None:
    with pytest.raises(InboxError, match="does not answer"):
        open_inbox(str(lost), settle=timedelta(0))


async def test_a_listing_that_meets_a_mount_that_does_not_answer_ends(lost: Path) -> None:
    (lost.parent / "film.dcm").write_bytes(b"")
    listing = Folder(lost.parent, patience=SECONDS).entries()

    with pytest.raises(InboxError, match="does not answer"):
        [portion async for portion in listing]


async def test_a_file_that_does_not_answer_is_given_up(lost: Path) -> None:
    with pytest.raises(InboxError, match="does not answer"):
        await Folder(lost.parent, patience=SECONDS).read("lost/film.dcm", most_bytes=9)


def test_a_place_that_answers_again_is_looked_at_again(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(lost_mounts, "OPENING_SECONDS", SECONDS)
    folder = tmp_path / "lost"
    folder.mkdir()
    with lost_mount(folder), pytest.raises(InboxError, match="does not answer"):
        open_inbox(str(folder), settle=timedelta(0))

    # What answers may take longer on a busy machine than what does not is waited for.
    monkeypatch.undo()
    assert open_inbox(str(folder), settle=timedelta(0)).location == str(folder)


def test_the_program_ends_though_a_look_has_not(lost: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from flows import lost_mounts as mounts\n"
        f"mounts.OPENING_SECONDS = {SECONDS}; place = Path(sys.argv[1])\n"
        "try: mounts.within(place, place.is_dir)\n"
        "except TimeoutError: print('given up')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(lost)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (0, "given up\n")
