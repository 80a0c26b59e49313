"""Several batches in flight: bounds, suspects, conflicts and failures."""

import asyncio
import io
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from rich.console import Console
from sqlalchemy import text

from db.ledger import claiming
from db.ledger.claiming import Queue
from db.ledger.presence import start_run
from flows.errors import InboxError
from flows.progress import progress_bar
from flows.resources import Progress, Resources, using
from flows.scoring import run as scoring_run
from flows.scoring.enlisting import enlist as enlist_listed
from flows.scoring.run import under_way
from flows.sources import Inbox
from flows.sources.folder import Folder
from flows.sources.store import Entry
from tests.builders.small_images import write_inbox, write_sidecar

IMAGES = 14


def count(resources: Resources, table: str) -> int:
    with resources.open_database().transaction() as session:
        return session.scalar(text(f"SELECT count(*) FROM {table}"))  # noqa: S608


def change(resources: Resources, statement: str) -> None:
    with resources.open_database().transaction() as session:
        session.execute(text(statement))


@dataclass
class WatchedFolder:
    """A folder that counts how it is read for scoring, and may stop answering."""

    folder: Folder
    resources: Resources
    answers: int = 1000
    slow: str = ""
    reading: int = 0
    most_at_once: int = 0
    claimed: dict[str, int] = field(default_factory=dict)  # claims in all as each key was read

    def entries(self) -> AsyncGenerator[Sequence[Entry], None]:
        return self.folder.entries()

    async def read(self, key: str, *, most_bytes: int, fingerprint: str | None = None) -> bytes:
        if fingerprint is None and not key.endswith(".csv"):
            await self._note(key)
        return await self.folder.read(key, most_bytes=most_bytes, fingerprint=fingerprint)

    async def _note(self, key: str) -> None:
        self.claimed[key] = count(self.resources, "work WHERE state = 'claimed'")
        if len(self.claimed) > self.answers:
            raise InboxError("the folder is gone")
        self.reading += 1
        self.most_at_once = max(self.most_at_once, self.reading)
        try:
            await asyncio.sleep(1 if key == self.slow else 0.02)
        finally:
            self.reading -= 1


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    write_inbox(tmp_path / "inbox", images=IMAGES)
    return tmp_path / "inbox"


@pytest.fixture
def watched(inbox: Path, resources: Resources) -> WatchedFolder:
    return WatchedFolder(Folder(inbox), resources)


@pytest.fixture
def score(prefect: None, resources: Resources, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Run the flow in batches of two, over a store if one is given."""
    from flows.scoring.flow import score_inbox

    def score(inbox: Path, store: WatchedFolder | None = None, progress: Progress | None = None):
        if store is not None:
            monkeypatch.setattr(
                scoring_run, "open_inbox", lambda at, settle: Inbox(str(at), store, settle)
            )
        update = {"batch_size": 2, "inbox": str(inbox)}
        settings = resources.settings.model_copy(update=update)
        with using(Resources(settings, progress or Progress())):
            (source_pass,) = asyncio.run(score_inbox())
            return source_pass.summary

    return score


def enlist(inbox: Path, resources: Resources) -> Queue:
    """Enter an inbox into the ledger, and return where its objects wait."""

    async def enlist() -> Queue:
        async with under_way(str(inbox), resources) as run:
            await enlist_listed(run)
            return run.queue

    return asyncio.run(enlist())


def test_batches_overlap_but_no_more_images_are_in_memory_than_may_be(
    score, inbox, watched, resources
):
    summary = score(inbox, watched)

    assert summary.scored == IMAGES
    assert watched.most_at_once == resources.settings.decoders
    assert max(watched.claimed.values()) > 2, "batches of two, one after the other"


def test_suspects_come_last_and_alone_in_the_whole_run(score, inbox, watched, resources):
    """A suspect that kills the worker again must not end other batches with it."""
    enlist(inbox, resources)
    suspects = [f"image-{number:04}.png" for number in (0, 5, 6)]
    for name in suspects:
        change(
            resources,
            f"""
            UPDATE work SET crashes = {claiming.SUSPECT_CRASHES} FROM sighting
            WHERE sighting.object_id = work.object_id AND object_key = '{name}'
            """,  # noqa: S608
        )

    summary = score(inbox, watched)

    assert summary.scored == IMAGES
    assert list(watched.claimed)[-3:] == suspects
    assert [watched.claimed[name] for name in suspects] == [1, 1, 1]


def test_a_batch_that_fails_stops_the_others_and_the_run_releases_all_claims(
    score, inbox, watched, resources
):
    watched.answers = 5

    with pytest.raises(InboxError):
        score(inbox, watched)

    assert watched.reading == 0
    assert len(watched.claimed) < IMAGES
    assert count(resources, "work WHERE state = 'claimed'") == 0
    assert count(resources, "work WHERE crashes > 0") == 0
    assert count(resources, "run WHERE state = 'failed'") == 1
    before = count(resources, "score")
    assert before < IMAGES

    watched.answers = 1000
    assert score(inbox, watched).scored == IMAGES - before
    assert count(resources, "score") == IMAGES


def test_of_many_files_of_the_same_images_in_flight_at_once_one_each_is_scored(
    score, resources, tmp_path
):
    """Each file has a comment of its own, and so another content and UID, but the same pixels."""
    inbox = tmp_path / "copies"
    write_inbox(inbox, images=6)
    rows = []
    for image in sorted(inbox.glob("*.png")):
        for number in range(8):
            copy = inbox / f"{number}-{image.name}"
            comment = PngInfo()
            comment.add_text("Comment", f"export {number}")
            Image.open(image).save(copy, pnginfo=comment)
            rows.append({"filename": copy.name, "patient_id": "P0", "offset_days": "0"})
        image.unlink()
    write_sidecar(inbox, rows)

    summary = score(inbox)

    assert (summary.enlisted, summary.scored) == (48, 6)
    assert count(resources, "object WHERE reason = 'duplicate_image'") == summary.rejected == 42
    assert summary.balance.holds


def test_the_file_that_was_enlisted_first_is_scored_however_long_it_takes(
    score, inbox, watched, resources
):
    watched.slow = "image-0000.png"
    comment = PngInfo()
    comment.add_text("Comment", "exported again")
    Image.open(inbox / watched.slow).save(inbox / "image-9999.png", pnginfo=comment)
    with (inbox / "metadata.csv").open("a") as sidecar:
        sidecar.write("image-9999.png,P0,2020-03-01,,PA\n")

    assert score(inbox, watched).rejected == 1

    assert count(resources, "object WHERE id = 1 AND state = 'accepted'") == 1
    assert count(resources, f"object WHERE id = {IMAGES + 1} AND reason = 'duplicate_image'") == 1


def test_the_bar_ends_full_after_a_run_that_was_killed(score, inbox, resources):
    """What the dead run held is released before it is counted, not after."""
    queue, database = enlist(inbox, resources), resources.open_database()
    with (
        start_run(database, queue, software="test") as dead,
        database.transaction() as session,
    ):
        claiming.claim(session, queue, dead.run_id, limit=5)

    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with progress_bar(console) as bar:
        score(inbox, progress=bar)
        (task,) = bar.tasks

    assert (task.completed, task.total) == (IMAGES, IMAGES)


def test_the_bar_ends_full_though_another_run_took_some(score, inbox, resources):
    queue, database = enlist(inbox, resources), resources.open_database()
    with start_run(database, queue, software="test") as other:
        with database.transaction() as session:
            claiming.claim(session, queue, other.run_id, limit=5)
        console = Console(file=io.StringIO(), force_terminal=True, width=120)
        with progress_bar(console) as bar:
            score(inbox, progress=bar)
            (task,) = bar.tasks

    assert (task.completed, task.total) == (IMAGES - 5, IMAGES - 5)
