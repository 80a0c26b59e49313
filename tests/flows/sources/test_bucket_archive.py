"""Objects are copied to the archive of their bucket, and only what was scored."""

import asyncio
from pathlib import Path

import pytest
from obstore.store import LocalStore

from flows.sources.bucket_archive import BucketArchive
from flows.sources.object_store import Bucket
from flows.sources.store import Addition


@pytest.fixture
def archive(tmp_path: Path) -> BucketArchive:
    """One whose bucket is a folder."""
    for prefix in ("in", "done"):
        (tmp_path / prefix).mkdir()
    bucket = Bucket(LocalStore(str(tmp_path)), "s3://b/in")
    return BucketArchive(bucket, "in", "done", "s3://b/done")


def test_what_replaces_an_object_while_it_is_copied_is_not_archived(
    archive: BucketArchive, tmp_path: Path
) -> None:
    film = tmp_path / "in" / "a.dcm"
    film.write_bytes(b"scored")
    fingerprints: list[str] = []

    def is_same(fingerprint: str) -> bool:
        fingerprints.append(fingerprint)
        film.write_bytes(b"a correction")
        return fingerprint == fingerprints[0]

    assert asyncio.run(archive.add(Addition("a.dcm", 7, is_same))) is None
    assert film.read_bytes() == b"a correction"


def test_an_object_that_another_worker_archives_meanwhile_is_gone(
    archive: BucketArchive, tmp_path: Path
) -> None:
    film = tmp_path / "in" / "a.dcm"

    def archive_meanwhile(_: str) -> bool:
        film.unlink()
        return True

    film.write_bytes(b"scored")
    assert asyncio.run(archive.add(Addition("a.dcm", 7, archive_meanwhile))) is None

    film.write_bytes(b"scored")
    (tmp_path / "done" / "a.dcm").write_bytes(b"scored")
    asyncio.run(archive.remove(Addition("a.dcm", 7, archive_meanwhile), "a.dcm"))
    assert not film.exists()
