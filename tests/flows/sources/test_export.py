"""Copying files out of their sources: only what was judged, and nothing at any price."""

from datetime import UTC, datetime

import pytest

from db.reading.site.rejections import ObjectPlace, StoredObject
from flows.errors import UsageError
from flows.sources.export import export

NOW = datetime(2020, 3, 1, tzinfo=UTC)
SHA256 = "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"  # of "content"


def stored(*places, sha256=SHA256):
    return StoredObject(7, "/inbox", sha256, "rejected", "corrupt", "", NOW, None, None, places, ())


def place(folder, key, *, gone=False):
    return ObjectPlace(str(folder), key, NOW, NOW if gone else None)


def test_a_file_is_copied_from_the_first_place_where_it_still_lies(tmp_path):
    (tmp_path / "replaced.dcm").write_bytes(b"another content")
    (tmp_path / "copy.dcm").write_bytes(b"content")
    places = [
        place(tmp_path, "copy.dcm", gone=True),
        place(tmp_path / "unmounted", "copy.dcm"),
        place(tmp_path, "removed.dcm"),
        place(tmp_path, "replaced.dcm"),
        place(tmp_path, "copy.dcm"),
    ]

    (exported,) = export([stored(*places)], tmp_path / "export")

    assert (exported.name, exported.problem) == ("7.bin", "")
    assert (tmp_path / "export/7.bin").read_bytes() == b"content"


@pytest.mark.parametrize("key", ["removed.dcm", "replaced.dcm", "gone.dcm"])
def test_what_is_gone_is_listed_and_not_copied(tmp_path, key):
    (tmp_path / "replaced.dcm").write_bytes(b"another content")
    (tmp_path / "gone.dcm").write_bytes(b"content")

    (exported,) = export(
        [stored(place(tmp_path, key, gone=key == "gone.dcm"))], tmp_path / "export"
    )

    assert exported.problem
    assert list((tmp_path / "export").iterdir()) == []


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\0" * 128 + b"DICM", "7.dcm"),
        (b"\x89PNG\r\n\x1a\n", "7.png"),
        (b"\xff\xd8\xff\xe0", "7.jpg"),
    ],
)
def test_the_ending_is_that_of_the_content(tmp_path, content, name):
    import hashlib

    (tmp_path / "doe-jane.txt").write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()

    (exported,) = export(
        [stored(place(tmp_path, "doe-jane.txt"), sha256=sha256)], tmp_path / "export"
    )

    assert exported.name == name


def test_nothing_is_copied_into_a_folder_that_is_in_use(tmp_path):
    (tmp_path / "content").write_bytes(b"content")

    with pytest.raises(UsageError, match="not empty"):
        export([stored(place(tmp_path, "content"))], tmp_path)
