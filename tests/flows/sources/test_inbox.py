import asyncio
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.errors import InboxError
from flows.sources.inbox import Inbox, Listing, open_inbox
from flows.sources.store import Listed
from severity.domain import Reason
from severity.errors import RejectedImage
from severity.images.limits import MOST_BYTES

SETTLE = timedelta(seconds=30)
BROKEN = "patient_id\nP1\n"  # no file names
NOW = datetime(2020, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Drop:
    """A drop folder whose files are settled unless a test sets an age."""

    folder: Path

    def put(self, name: str, content: str | bytes = "image", *, age: timedelta = SETTLE) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        written = (NOW - age).timestamp()
        os.utime(path, (written, written))
        return path

    def sidecar(self, folder: str = ".", *, age: timedelta = SETTLE, **patients: str) -> None:
        """Write metadata.csv; a name's dot and slash are spelled _ and __."""
        rows = [
            f"{name.replace('__', '/').replace('_', '.')},{patient}"
            for name, patient in patients.items()
        ]
        content = "\n".join(["filename,patient_id", *rows])
        self.put(f"{folder}/metadata.csv", content, age=age)

    def listing(self) -> Listing:
        return asyncio.run(open_inbox(str(self.folder), settle=SETTLE).listing(now=NOW))


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    return Drop(tmp_path)


def keys(listing: Listing) -> list[str]:
    return [item.key for item in listing.objects]


def patient(listing: Listing, key: str) -> str | None:
    record = listing.record(key)
    return record.patient_id if record else None


def test_objects_are_listed_in_the_order_of_their_keys(drop: Drop) -> None:
    for name in ("b.png", "a/z.png", "B.png", "a.png"):
        drop.put(name)

    assert keys(drop.listing()) == ["B.png", "a.png", "a/z.png", "b.png"]


@pytest.mark.parametrize(
    "name",
    [".hidden.png", ".git/image.png", "a/.b/c/image.png", "image.png.part", "image.PNG.TMP",
     "image.crdownload", "night.tmp/image.png"],
)  # fmt: skip
def test_hidden_and_temporary_names_are_left_out(drop: Drop, name: str) -> None:
    drop.put(name)

    listing = drop.listing()

    assert (keys(listing), listing.deferred) == ([], 0)


def test_a_young_file_is_left_for_the_next_pass(drop: Drop) -> None:
    drop.put("old.png", age=SETTLE)
    drop.put("young.png", age=SETTLE - timedelta(seconds=1))

    listing = drop.listing()

    assert (keys(listing), listing.deferred) == (["old.png"], 1)


def test_a_file_is_whole_once_it_is_renamed_into_place(drop: Drop) -> None:
    draft = drop.put("image.png.part")
    draft.rename(drop.folder / "image.png")

    assert keys(drop.listing()) == ["image.png"]


def test_a_file_with_a_time_in_the_future_is_not_deferred_for_ever(drop: Drop) -> None:
    path = drop.put("image.png")
    os.utime(path, (4e9, 4e9))
    inbox = open_inbox(str(drop.folder), settle=SETTLE)

    at_once = asyncio.run(inbox.listing(now=datetime.now(UTC)))
    later = asyncio.run(inbox.listing(now=datetime.now(UTC) + 2 * SETTLE))

    assert (keys(at_once), keys(later)) == ([], ["image.png"])


class Ahead:
    """A store whose clock is ahead of ours."""

    async def objects(self) -> list[Listed]:
        return [Listed("image.png", 4, NOW + timedelta(minutes=1), "f")]

    async def read(self, key: str, *, most_bytes: int, fingerprint: str | None = None) -> bytes:
        raise NotImplementedError


def test_where_nothing_is_waited_for_the_clock_of_the_store_does_not_matter() -> None:
    listing = asyncio.run(Inbox("ahead", Ahead(), timedelta(0)).listing(now=NOW))

    assert keys(listing) == ["image.png"]


def test_a_sidecar_describes_by_name_and_by_relative_path(drop: Drop) -> None:
    drop.sidecar(a_png="by name", sub__b_png="by path")
    listing = drop.listing()

    assert patient(listing, "a.png") == "by name"
    assert patient(listing, "deep/below/a.png") == "by name"
    assert patient(listing, "sub/b.png") == "by path"
    assert patient(listing, "other/b.png") is None


def test_a_path_is_more_than_a_name(drop: Drop) -> None:
    drop.sidecar(a_png="by name", sub__a_png="by path")

    assert patient(drop.listing(), "sub/a.png") == "by path"


def test_the_nearest_sidecar_wins(drop: Drop) -> None:
    drop.sidecar(a_png="far", b_png="far", sub__a_png="far")
    drop.sidecar("sub", a_png="near")
    listing = drop.listing()

    assert patient(listing, "sub/a.png") == "near"
    assert patient(listing, "sub/below/a.png") == "near"
    assert patient(listing, "sub/b.png") == "far"
    assert patient(listing, "a.png") == "far"


def test_a_sidecar_is_not_an_image(drop: Drop) -> None:
    drop.sidecar(a_png="P1")
    drop.put("sub/metadata.json", "[]")

    listing = drop.listing()

    assert (keys(listing), listing.deferred) == ([], 0)


def test_both_sidecars_of_a_folder_are_read(drop: Drop) -> None:
    drop.sidecar(a_png="csv", both_png="P1")
    records = [("b.png", "json"), ("both.png", "P1")]
    drop.put("metadata.json", json.dumps([{"filename": n, "patient_id": p} for n, p in records]))
    listing = drop.listing()

    patients = [patient(listing, f"{name}.png") for name in ("a", "b", "both")]
    assert patients == ["csv", "json", "P1"]
    assert listing.unreadable_sidecars == ()


def test_two_sidecars_of_a_folder_that_contradict_each_other_are_not_believed(drop: Drop) -> None:
    drop.put("a.png")
    drop.sidecar(a_png="P1")
    drop.put("metadata.json", '[{"filename": "a.png", "patient_id": "P2"}]')

    listing = drop.listing()

    assert (keys(listing), listing.deferred) == ([], 1)
    assert listing.unreadable_sidecars == ("metadata.json",)


@pytest.mark.parametrize(
    "name", ["two words.png", "50%.png", "%41.png", "ü\u200d😀.png", "a,b.png"]
)
def test_a_sidecar_spells_an_odd_name_plainly(drop: Drop, name: str) -> None:
    drop.put(f"é/{name}")
    records = [{"filename": name, "patient_id": "P1"}]
    drop.put("é/metadata.json", json.dumps(records))

    listing = drop.listing()

    assert patient(listing, keys(listing)[0]) == "P1"


def test_a_name_is_not_taken_for_the_encoding_of_another(drop: Drop) -> None:
    drop.put("a%20b.png")
    drop.put("a b.png")
    drop.put("metadata.csv", "filename,patient_id\na b.png,P1\na%2520b.png,P2\n")

    listing = drop.listing()

    assert {key: patient(listing, key) for key in keys(listing)} == {
        "a b.png": "P1",
        "a%2520b.png": None,
    }


def test_a_name_that_is_not_utf_8_has_no_record(drop: Drop) -> None:
    drop.put(os.fsdecode(b"\xff.png"))
    drop.put("metadata.csv", "filename,patient_id\n\ufffd.png,P1\n%FF.png,P2\n")

    listing = drop.listing()

    assert patient(listing, keys(listing)[0]) is None


@pytest.mark.parametrize("content", [BROKEN, b"\xff\xfe\x00", b'filename,patient_id\n"a.png,P1'])
def test_images_wait_for_a_readable_sidecar(drop: Drop, content: str | bytes) -> None:
    drop.put("sub/metadata.csv", content)
    for name in ("sub/a.png", "sub/below/b.dcm", "c.png"):
        drop.put(name)

    listing = drop.listing()

    assert (keys(listing), listing.deferred) == (["c.png"], 2)
    assert listing.unreadable_sidecars == ("sub/metadata.csv",)


def test_images_wait_for_a_young_sidecar(drop: Drop) -> None:
    drop.put("sub/a.png")
    drop.put("b.png")
    drop.sidecar("sub", a_png="P1", age=timedelta(0))

    listing = drop.listing()

    assert (keys(listing), listing.deferred) == (["b.png"], 1)
    assert listing.unreadable_sidecars == ()


def test_a_sidecar_that_is_too_large_is_reported_and_not_read(drop: Drop) -> None:
    huge = drop.put("metadata.csv")
    os.truncate(huge, 2**40)
    os.utime(huge, (0, 0))
    drop.put("a.png")

    listing = drop.listing()

    assert (keys(listing), listing.unreadable_sidecars) == ([], ("metadata.csv",))


def test_a_farther_sidecar_does_not_replace_an_unreadable_one(drop: Drop) -> None:
    drop.sidecar(a_png="another patient")
    drop.put("sub/metadata.csv", BROKEN)
    drop.put("a.png")
    drop.put("sub/a.png")

    listing = drop.listing()

    assert (keys(listing), listing.deferred) == (["a.png"], 1)


def test_an_image_with_a_nearer_record_does_not_wait_for_a_farther_sidecar(drop: Drop) -> None:
    drop.put("metadata.csv", BROKEN)
    drop.sidecar("sub", a_png="P1")
    drop.put("sub/a.png")
    drop.put("sub/b.png")

    listing = drop.listing()

    assert (keys(listing), listing.deferred) == (["sub/a.png"], 1)


def test_one_sidecar_of_a_folder_does_not_replace_the_other(drop: Drop) -> None:
    drop.sidecar(a_png="P1")
    drop.put("metadata.json", "[{")
    drop.put("a.png")

    listing = drop.listing()

    assert (keys(listing), listing.unreadable_sidecars) == ([], ("metadata.json",))


def test_reading_refuses_more_than_the_limit(drop: Drop) -> None:
    os.truncate(drop.put("huge.dcm"), MOST_BYTES + 1)
    inbox = open_inbox(str(drop.folder), settle=SETTLE)

    with pytest.raises(RejectedImage) as rejected:
        asyncio.run(inbox.read("huge.dcm"))

    assert rejected.value.reason is Reason.TOO_LARGE


def test_a_folder_has_one_name_in_the_ledger(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(drop.folder)
    monkeypatch.setenv("HOME", str(drop.folder.parent))
    (drop.folder.parent / "link").symlink_to(drop.folder)
    spellings = [
        ".",
        f"{drop.folder}/",
        f"file://{drop.folder}",
        f"~/{drop.folder.name}",
        "../link",
    ]

    names = {open_inbox(spelling, settle=SETTLE).location for spelling in spellings}

    assert names == {str(drop.folder.resolve())}


@pytest.mark.parametrize(
    "location",
    ["gone", "image.png", "loop/x", "~nobody-has-this-name/x", "ftp://host/x", "x" * 300],
)
def test_an_inbox_that_cannot_be_opened_is_refused(
    drop: Drop, monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    monkeypatch.chdir(drop.folder)
    drop.put("image.png")
    Path("loop").symlink_to("loop")

    with pytest.raises(InboxError, match="folder"):
        open_inbox(location, settle=SETTLE)
