"""Scored files are moved to the archive of their source, and stay in the ledger."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from db.reading.site import balances
from flows.errors import InboxError
from flows.resources import Resources, using
from flows.scoring.every_source import SourcePass, score_sources
from flows.settings import SourceSettings
from flows.sources import Inbox, open_archive
from flows.sources.folder import Folder
from flows.sources.folder_archive import FolderArchive
from flows.sources.store import Addition
from tests.builders.small_images import write_image, write_inbox, write_sidecar


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "done").mkdir()
    return tmp_path / "inbox"


@pytest.fixture
def archiving(resources: Resources, inbox: Path) -> Resources:
    ward = SourceSettings(name="ward", location=str(inbox), archive=str(inbox.parent / "done"))
    settings = resources.settings.model_copy(update={"sources": {"ward": ward}})
    return replace(resources, settings=settings)


@pytest.fixture
def score_archiving(
    score_source: Callable[[Resources], SourcePass], archiving: Resources
) -> Callable[..., SourcePass]:
    def score(**update: object) -> SourcePass:
        # Without the model that an earlier pass has loaded.
        settings = archiving.settings.model_copy(update=update)
        return score_source(Resources(settings, archiving.progress))

    return score


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def places(resources: Resources) -> list[tuple[str, str, bool]]:
    """Each place with its source's name, and whether it is gone."""
    query = text(
        """
        SELECT name, object_key, gone_at IS NOT NULL
        FROM sighting JOIN source ON source.id = source_id ORDER BY 1, 2, 3
        """
    )
    with resources.open_database().transaction() as session:
        assert balances.verify(session) == []
        assert all(entry.holds for entry in balances.balances(session))
        return [(name, key, gone) for name, key, gone in session.execute(query)]


def test_scored_files_move_with_their_places_and_all_else_stays(
    score_archiving: Callable[..., SourcePass], archiving: Resources, inbox: Path
) -> None:
    write_inbox(inbox, images=2)
    write_image(inbox / "sub" / "unknown.png", seed=9)
    done = inbox.parent / "done"
    (done / "image-0000.png").write_bytes(b"of another night")

    first = score_archiving()

    assert first.summary is not None
    assert (first.summary.scored, first.summary.rejected) == (2, 1)
    archived = [name for name in files(done) if name != "image-0000.png"]
    assert len(archived) == first.summary.archived
    assert "image-0001.png" in archived
    assert {"metadata.csv", "sub/unknown.png"} <= set(files(inbox))
    assert "image-0001.png" not in files(inbox)
    assert (done / "image-0000.png").read_bytes() == b"of another night"
    assert ("ward", "sub/unknown.png", False) in places(archiving)
    assert ("ward-archive", "image-0001.png", False) in places(archiving)

    with pytest.raises(InboxError, match="archive of a source"):
        score_archiving(inbox=str(done), sources={})

    (inbox / "image-0001.png").write_bytes((done / "image-0001.png").read_bytes())  # sent again
    second = score_archiving()

    assert second.summary is not None
    assert (second.summary.enlisted, second.summary.archived, second.fault) == (0, 1, "")
    assert "image-0001.png" not in files(inbox)
    assert len(files(done)) == len(archived) + 1
    with archiving.open_database().transaction() as session:
        (balance,) = balances.balances(session)
    assert (balance.name, balance.seen, balance.accepted) == ("ward", 3, 2)


def test_another_model_version_reads_archived_files_where_they_are(
    score_archiving: Callable[..., SourcePass], inbox: Path
) -> None:
    write_inbox(inbox, images=2)
    (inbox.parent / "done" / "image-0000.png").write_bytes(b"of another night")
    score_archiving(model="compact-1")
    assert files(inbox) == ["metadata.csv"]
    sidecar = inbox / "metadata.csv"
    sidecar.write_text(sidecar.read_text().splitlines()[0] + "\n")  # the next night's

    later = score_archiving(model="compact-2")

    assert later.summary is not None
    assert (later.summary.scored, later.summary.vanished, later.summary.archived) == (2, 0, 0)


def scores(resources: Resources) -> dict[str, int]:
    query = text(
        """
        SELECT name, count(*) FROM score
        JOIN model_version ON model_version.id = model_version_id GROUP BY name
        """
    )
    with resources.open_database().transaction() as session:
        return dict(map(tuple, session.execute(query)))


def test_films_in_an_archive_that_is_away_wait_and_all_others_are_scored(
    score_archiving: Callable[..., SourcePass], archiving: Resources, inbox: Path
) -> None:
    """Last year's archive went to tape, and then the model changed."""
    write_inbox(inbox, images=2)
    score_archiving(model="compact-1")
    done, tape = inbox.parent / "done", inbox.parent / "tape"
    done.rename(tape)
    this_year = inbox.parent / "this-year"
    this_year.mkdir()
    ward = SourceSettings(name="ward", location=str(inbox), archive=str(this_year))
    write_image(inbox / "new.png", seed=77)
    write_sidecar(inbox, [{"filename": "new.png", "patient_id": "P9"}])

    with pytest.raises(InboxError, match="done is not a folder"):
        score_archiving(model="compact-2", sources={"ward": ward})

    assert scores(archiving) == {"compact-1": 2, "compact-2": 1}

    tape.rename(done)
    back = score_archiving(model="compact-2", sources={"ward": ward})
    assert back.summary is not None
    assert (back.summary.scored, back.fault) == (2, "")
    assert scores(archiving) == {"compact-1": 2, "compact-2": 3}


def test_a_run_that_was_killed_before_it_removed_the_files_is_made_good(
    score_archiving: Callable[..., SourcePass],
    archiving: Resources,
    inbox: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_inbox(inbox, images=3)

    async def killed(self: FolderArchive, addition: Addition, archived_key: str) -> None:
        raise InboxError("killed here")

    with monkeypatch.context() as patch:
        patch.setattr(FolderArchive, "remove", killed)
        with pytest.raises(InboxError, match="killed here"):
            score_archiving()
    assert len(files(inbox)) == 4
    assert len(files(inbox.parent / "done")) == 3

    again = score_archiving()

    assert again.summary is not None
    assert (again.summary.scored, again.fault) == (0, "")
    assert files(inbox) == ["metadata.csv"]
    assert [name for name, _, gone in places(archiving) if not gone] == ["ward-archive"] * 3


def test_a_file_that_cannot_be_archived_is_told_and_hides_no_score_and_stops_no_other(
    prefect: None, archiving: Resources, inbox: Path
) -> None:
    write_inbox(inbox, images=2)
    write_image(inbox / "sub" / "a.png", seed=7)
    record = {"filename": "a.png", "patient_id": "P9", "acquired_at": "2020-03-01", "view": "PA"}
    write_sidecar(inbox / "sub", [record])
    (inbox.parent / "done" / "sub").write_bytes(b"no folder")

    def score_once() -> SourcePass:
        with using(archiving):
            sources = archiving.settings.sources_named()
            (source_pass,) = asyncio.run(score_sources(sources, archiving))
            return source_pass

    first = score_once()

    assert first.summary is not None
    assert (first.summary.scored, first.summary.archived) == (3, 2)
    assert first.summary.needs_attention
    assert "1 file" in first.fault
    assert first.fault in first.summary.notes
    assert files(inbox) == ["metadata.csv", "sub/a.png", "sub/metadata.csv"]

    (inbox.parent / "done" / "sub").unlink()
    second = score_once()

    assert second.summary is not None
    assert (second.summary.archived, second.fault) == (1, "")


def test_a_file_that_was_replaced_since_it_was_scored_stays(tmp_path: Path) -> None:
    source, target = tmp_path / "inbox", tmp_path / "done"
    source.mkdir()
    target.mkdir()
    (source / "a.dcm").write_bytes(b"scored")
    archive = FolderArchive(source, target)

    def addition(*, is_same: bool) -> Addition:
        return Addition("a.dcm", 7, lambda _: is_same)

    assert asyncio.run(archive.add(addition(is_same=False))) is None
    assert files(target) == []
    assert asyncio.run(archive.add(addition(is_same=True))) == "a.dcm"
    (source / "new").write_bytes(b"corrected")
    (source / "new").replace(source / "a.dcm")
    asyncio.run(archive.remove(addition(is_same=True), "a.dcm"))
    assert (source / "a.dcm").read_bytes() == b"corrected"
    assert asyncio.run(archive.add(addition(is_same=True))) == "a.7.dcm"
    asyncio.run(archive.remove(addition(is_same=True), "a.7.dcm"))
    assert files(source) == []
    assert (target / "a.dcm").read_bytes() == b"scored"


def test_a_film_that_arrives_again_and_again_is_archived_once(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    archive = FolderArchive(tmp_path / "inbox", tmp_path / "done")
    film = Addition("a.dcm", 7, lambda _: True)

    for _ in range(3):
        (tmp_path / "inbox" / "a.dcm").write_bytes(b"scored")
        assert asyncio.run(archive.add(film)) == "a.dcm"
        asyncio.run(archive.remove(film, "a.dcm"))

    assert files(tmp_path) == ["done/a.dcm"]


def test_the_only_copy_of_a_file_stays_where_source_and_archive_are_one_folder(
    tmp_path: Path,
) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "a.dcm").write_bytes(b"scored")
    archive = FolderArchive(tmp_path / "inbox", tmp_path / "inbox")
    film = Addition("a.dcm", 7, lambda _: True)

    assert asyncio.run(archive.add(film)) == "a.dcm"
    with pytest.raises(InboxError, match="same folder"):
        asyncio.run(archive.remove(film, "a.dcm"))
    assert files(tmp_path / "inbox") == ["a.dcm"]


@pytest.mark.parametrize(("source", "archive"), [("inbox", "inbox"), ("inbox", "inbox/done")])
def test_an_archive_in_its_source_by_another_path_is_refused(
    source: str, archive: str, tmp_path: Path
) -> None:
    (tmp_path / "inbox" / "done").mkdir(parents=True)
    # A folder that is mounted twice has two paths, as one with a link has.
    (tmp_path / "mounted").symlink_to(tmp_path)
    mounted = tmp_path / "mounted"
    for twice, once in ((source, archive), (archive, source)):
        inbox = Inbox(str(mounted / twice), Folder(mounted / twice), timedelta(0))
        with pytest.raises(InboxError, match="one is in the other"):
            open_archive(inbox, str(tmp_path / once))


def test_an_archive_inside_its_source_or_that_is_not_there_is_refused(
    score_archiving: Callable[..., SourcePass], inbox: Path
) -> None:
    write_inbox(inbox, images=1)
    (inbox / "done").mkdir()
    for archive, problem in (
        (inbox / "done", "one is in the other"),
        (inbox / "no", "not a folder"),
    ):
        ward = SourceSettings(name="ward", location=str(inbox), archive=str(archive))
        with pytest.raises(InboxError, match=problem):
            score_archiving(sources={"ward": ward})
