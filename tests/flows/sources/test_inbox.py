import asyncio
import errno
import json
import os
import shutil
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.errors import InboxError
from flows.sources.inbox import Inbox, open_inbox
from flows.sources.listing import Portion
from flows.sources.store import Entry, Listed, Obstacle
from severity.domain import Reason
from severity.errors import InaccessibleImage, IncompleteMetadata, RejectedImage
from severity.images.limits import MOST_BYTES
from tests.builders.surveys import Survey, survey

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

    def survey(self, *, size: int = 100) -> Survey:
        return survey(open_inbox(str(self.folder), settle=SETTLE), now=NOW, size=size)


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    return Drop(tmp_path)


def test_files_come_by_name_and_then_the_folders_below_by_name(drop: Drop) -> None:
    names = ["B.png", "a.png", "b.png", "a/z.png", "a/b/a.png", "a/c/a.png", "aa/a.png"]
    for name in reversed(names):
        drop.put(name)

    assert drop.survey().keys == names


@pytest.mark.parametrize(
    "name",
    [".hidden.png", ".git/image.png", "a/.b/c/image.png", "image.png.part", "image.PNG.TMP",
     "image.crdownload", "night.tmp/image.png"],
)  # fmt: skip
def test_hidden_and_temporary_names_are_left_out(drop: Drop, name: str) -> None:
    drop.put(name)

    surveyed = drop.survey()

    assert (surveyed.keys, surveyed.deferred) == ([], 0)


def test_a_young_file_is_left_for_the_next_pass(drop: Drop) -> None:
    drop.put("old.png", age=SETTLE)
    drop.put("young.png", age=SETTLE - timedelta(seconds=1))

    surveyed = drop.survey()

    assert (surveyed.keys, surveyed.deferred) == (["old.png"], 1)


def test_a_file_is_whole_once_it_is_renamed_into_place(drop: Drop) -> None:
    draft = drop.put("image.png.part")
    draft.rename(drop.folder / "image.png")

    assert drop.survey().keys == ["image.png"]


def test_a_file_with_a_time_in_the_future_is_not_deferred_for_ever(drop: Drop) -> None:
    path = drop.put("image.png")
    os.utime(path, (4e9, 4e9))
    inbox = open_inbox(str(drop.folder), settle=SETTLE)

    at_once = survey(inbox, now=datetime.now(UTC))
    later = survey(inbox, now=datetime.now(UTC) + 2 * SETTLE)

    assert (at_once.keys, later.keys) == ([], ["image.png"])


def test_a_file_whose_time_was_set_back_is_as_young_as_its_last_change(drop: Drop) -> None:
    """Programs that copy set the time of the original, some before they are done."""
    drop.put("image.png", age=timedelta(days=1000))
    inbox = open_inbox(str(drop.folder), settle=SETTLE)

    at_once = survey(inbox, now=datetime.now(UTC))
    later = survey(inbox, now=datetime.now(UTC) + 2 * SETTLE)

    assert (at_once.keys, later.keys) == ([], ["image.png"])


def test_a_file_that_comes_while_the_inbox_is_listed_is_young(drop: Drop) -> None:
    """A listing may take hours, and a program that copies have set the time of the original."""
    listing = open_inbox(str(drop.folder), settle=SETTLE).listing(now=datetime.now(UTC))
    time.sleep(0.05)  # the kernel's clock ticks more slowly
    drop.put("image.png", age=timedelta(days=1000))

    async def drawn() -> list[Portion]:
        return [portion async for portion in listing.portions(100)]

    assert asyncio.run(drawn()) == [Portion((), (), ("image.png",))]


class Ahead:
    """A store whose clock is ahead of ours."""

    async def entries(self) -> AsyncGenerator[Sequence[Entry], None]:
        yield [Listed("image.png", 4, NOW + timedelta(minutes=1), "f")]

    async def read(self, key: str, *, most_bytes: int, fingerprint: str | None = None) -> bytes:
        raise NotImplementedError


def test_where_nothing_is_waited_for_the_clock_of_the_store_does_not_matter() -> None:
    surveyed = survey(Inbox("ahead", Ahead(), timedelta(0)), now=NOW)

    assert surveyed.keys == ["image.png"]


def test_a_sidecar_describes_by_name_and_by_relative_path(drop: Drop) -> None:
    drop.sidecar(a_png="by name", sub__b_png="by path")
    for name in ("deep/below/a.png", "sub/b.png", "other/b.png"):
        drop.put(name)
    surveyed = drop.survey()

    assert surveyed.patient("deep/below/a.png") == "by name"
    assert surveyed.patient("sub/b.png") == "by path"
    assert surveyed.patient("other/b.png") is None
    assert sorted(surveyed.keys) == ["deep/below/a.png", "other/b.png", "sub/b.png"]


@pytest.mark.parametrize(
    ("named", "files"),
    [
        ("a.png", ["one/a.png", "two/a.png"]),
        ("a.png", ["one/a.png", "one/deep/a.png"]),
        ("a.png", ["one/a.png", "two/A.PNG"]),
        ("A.png", ["a.png", "a.PNG"]),
        ("one/a.png", ["One/a.png", "ONE/a.png"]),
        ("\u00f6.png", ["1/o\u0308.png", "2/\u00f6.png"]),
    ],
)
def test_a_record_that_could_mean_several_files_means_none_and_is_named(
    drop: Drop, named: str, files: list[str]
) -> None:
    drop.put("metadata.csv", f"filename,patient_id\nother.png,P0\n{named},P1\n")
    for file in files:
        drop.put(file)
    surveyed = drop.survey()

    assert sorted(surveyed.keys) == sorted(files), "they are judged all the same"
    for file in files:
        record = surveyed.listing.record(file)
        assert record is not None
        assert record.patient_id == ""
        assert "record 2 of metadata.csv" in record.problem


@pytest.mark.parametrize(
    ("named", "meant", "others"),
    [
        ("a.png", "a.png", ["sub/a.png", "A.png"]),
        ("one/a.png", "one/a.png", ["two/a.png", "One/a.png"]),
        ("a.png", "sub/a.png", ["sub/b.png"]),
        ("A.PNG", "a.png", []),
        ("./sub\\a.png", "sub/a.png", ["other/a.png"]),
        ("r\u00f6ntgen.png", "ro\u0308ntgen.png", []),
        ("ro\u0308ntgen.png", "sub/R\u00f6ntgen.png", []),
    ],
)
def test_a_record_means_the_file_at_its_path_or_the_one_of_its_name(
    drop: Drop, named: str, meant: str, others: list[str]
) -> None:
    drop.put("metadata.csv", f"filename,patient_id\n{named},P1\n")
    for file in (meant, *others):
        drop.put(file)
    surveyed = drop.survey(size=1)

    assert sorted(surveyed.keys) == sorted([meant, *others])
    assert surveyed.patient(meant) == "P1"
    assert all(surveyed.patient(other) is None for other in others)


def test_a_file_with_a_nearer_record_is_none_that_a_farther_one_could_mean(drop: Drop) -> None:
    drop.sidecar(a_png="far")
    drop.sidecar("near", a_png="near")
    drop.put("near/a.png")
    drop.put("other/a.png")
    surveyed = drop.survey()

    assert surveyed.patient("near/a.png") == "near"
    assert surveyed.patient("other/a.png") == "far"


def test_records_of_two_spellings_mean_no_third(drop: Drop) -> None:
    drop.put("metadata.csv", "filename,patient_id\na.png,P1\nA.png,P2\n")
    drop.put("sub/a.PNG")

    assert drop.survey().patient("sub/a.PNG") == ""


def test_a_record_of_another_spelling_may_mean_what_no_other_does(drop: Drop) -> None:
    drop.put("metadata.csv", "filename,patient_id\na.png,P1\nA.png,P2\n")
    drop.put("A.png")
    drop.put("sub/a.PNG")
    surveyed = drop.survey()

    assert (surveyed.patient("A.png"), surveyed.patient("sub/a.PNG")) == ("P2", "P1")


def test_an_unreadable_sidecar_is_seen_with_its_line_and_cause(drop: Drop) -> None:
    drop.put("sub/metadata.csv", "filename,patient_id\na.png,7\nb.png,8,9\n")
    drop.put("sub/a.png")
    surveyed = drop.survey()

    (unseen,) = surveyed.unseen
    assert (unseen.key, unseen.reason) == ("sub/metadata.csv", Obstacle.UNREADABLE_SIDECAR)
    assert "metadata.csv" in unseen.detail
    assert "line 3" in unseen.detail
    assert surveyed.deferred == 1


def test_a_path_is_more_than_a_name(drop: Drop) -> None:
    drop.sidecar(a_png="by name", sub__a_png="by path")

    assert drop.survey().patient("sub/a.png") == "by path"


def test_the_nearest_sidecar_wins(drop: Drop) -> None:
    drop.sidecar(a_png="far", b_png="far", sub__a_png="far")
    drop.sidecar("sub", a_png="near")
    surveyed = drop.survey()

    assert surveyed.patient("sub/a.png") == "near"
    assert surveyed.patient("sub/below/a.png") == "near"
    assert surveyed.patient("sub/b.png") == "far"
    assert surveyed.patient("a.png") == "far"


def test_a_sidecar_is_not_an_image(drop: Drop) -> None:
    drop.sidecar(a_png="P1")
    drop.put("sub/metadata.json", "[]")

    surveyed = drop.survey()

    assert (surveyed.keys, surveyed.deferred) == ([], 0)


def test_both_sidecars_of_a_folder_are_read(drop: Drop) -> None:
    drop.sidecar(a_png="csv", both_png="P1")
    records = [("b.png", "json"), ("both.png", "P1")]
    drop.put("metadata.json", json.dumps([{"filename": n, "patient_id": p} for n, p in records]))
    surveyed = drop.survey()

    patients = [surveyed.patient(f"{name}.png") for name in ("a", "b", "both")]
    assert patients == ["csv", "json", "P1"]
    assert surveyed.listing.unreadable_sidecars == ()


def test_two_sidecars_of_a_folder_that_contradict_each_other_are_not_believed(drop: Drop) -> None:
    drop.put("a.png")
    drop.sidecar(a_png="P1")
    drop.put("metadata.json", '[{"filename": "a.png", "patient_id": "P2"}]')

    surveyed = drop.survey()

    assert (surveyed.keys, surveyed.deferred) == ([], 1)
    assert surveyed.listing.unreadable_sidecars == ("metadata.json",)


def test_two_sidecars_that_contradict_each_other_by_now_describe_nothing(drop: Drop) -> None:
    """An object that is read later waits for sidecars that agree; all else goes on."""
    drop.put("a.png")
    drop.sidecar(a_png="P1")
    drop.put("metadata.json", '[{"filename": "a.png", "patient_id": "P2"}]')

    with pytest.raises(IncompleteMetadata) as refused:
        asyncio.run(open_inbox(str(drop.folder), settle=SETTLE).record("a.png"))

    assert refused.value.reason is Reason.VANISHED


@pytest.mark.parametrize(
    "error", [errno.EBUSY, errno.ETXTBSY, errno.EUCLEAN, errno.EACCES, errno.EMFILE, errno.ENOTCONN]
)
def test_only_what_other_files_would_meet_too_is_an_error_of_the_folder(
    drop: Drop, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    """A file that another program holds, or whose disk is damaged, stops no other."""
    drop.put("a.png")
    opening = os.open

    def refuse(path: object, flags: int, *more: object, **named: object) -> int:
        if not flags & os.O_PATH and str(path).startswith(("/proc/self/fd", "b'/proc/self/fd")):
            raise OSError(error, os.strerror(error))
        return opening(path, flags, *more, **named)

    monkeypatch.setattr("flows.sources.folder.os.open", refuse)
    expected = InboxError if error in {errno.EMFILE, errno.ENOTCONN} else InaccessibleImage
    with pytest.raises(expected):
        asyncio.run(open_inbox(str(drop.folder), settle=SETTLE).read("a.png"))


@pytest.mark.parametrize(
    "name", ["two words.png", "50%.png", "%41.png", "ü\u200d😀.png", "a,b.png"]
)
def test_a_sidecar_spells_an_odd_name_plainly(drop: Drop, name: str) -> None:
    drop.put(f"é/{name}")
    records = [{"filename": name, "patient_id": "P1"}]
    drop.put("é/metadata.json", json.dumps(records))

    surveyed = drop.survey()

    assert surveyed.patient(surveyed.keys[0]) == "P1"


def test_a_name_is_not_taken_for_the_encoding_of_another(drop: Drop) -> None:
    drop.put("a%20b.png")
    drop.put("a b.png")
    drop.put("metadata.csv", "filename,patient_id\na b.png,P1\na%2520b.png,P2\n")

    surveyed = drop.survey()

    assert {key: surveyed.patient(key) for key in surveyed.keys} == {
        "a b.png": "P1",
        "a%2520b.png": None,
    }


def test_a_name_that_is_not_utf_8_has_no_record(drop: Drop) -> None:
    drop.put(os.fsdecode(b"\xff.png"))
    drop.put("metadata.csv", "filename,patient_id\n\ufffd.png,P1\n%FF.png,P2\n")

    surveyed = drop.survey()

    assert surveyed.patient(surveyed.keys[0]) is None


@pytest.mark.parametrize("content", [BROKEN, b"\xff\xfe\x00", b'filename,patient_id\n"a.png,P1'])
def test_images_wait_for_a_readable_sidecar(drop: Drop, content: str | bytes) -> None:
    drop.put("sub/metadata.csv", content)
    for name in ("sub/a.png", "sub/below/b.dcm", "c.png"):
        drop.put(name)

    surveyed = drop.survey()

    assert (surveyed.keys, surveyed.deferred) == (["c.png"], 2)
    assert surveyed.listing.unreadable_sidecars == ("sub/metadata.csv",)


def test_images_wait_for_a_young_sidecar(drop: Drop) -> None:
    drop.put("sub/a.png")
    drop.put("b.png")
    drop.sidecar("sub", a_png="P1", age=timedelta(0))

    surveyed = drop.survey()

    assert (surveyed.keys, surveyed.deferred) == (["b.png"], 1)
    assert surveyed.listing.unreadable_sidecars == ()


def test_a_sidecar_that_is_too_large_is_reported_and_not_read(drop: Drop) -> None:
    huge = drop.put("metadata.csv")
    os.truncate(huge, 2**40)
    os.utime(huge, (0, 0))
    drop.put("a.png")

    surveyed = drop.survey()

    assert (surveyed.keys, surveyed.listing.unreadable_sidecars) == ([], ("metadata.csv",))


def test_a_farther_sidecar_does_not_replace_an_unreadable_one(drop: Drop) -> None:
    drop.sidecar(a_png="another patient")
    drop.put("sub/metadata.csv", BROKEN)
    drop.put("a.png")
    drop.put("sub/a.png")

    surveyed = drop.survey()

    assert (surveyed.keys, surveyed.deferred) == (["a.png"], 1)


def test_an_image_with_a_nearer_record_does_not_wait_for_a_farther_sidecar(drop: Drop) -> None:
    drop.put("metadata.csv", BROKEN)
    drop.sidecar("sub", a_png="P1")
    drop.put("sub/a.png")
    drop.put("sub/b.png")

    surveyed = drop.survey()

    assert (surveyed.keys, surveyed.deferred) == (["sub/a.png"], 1)


def test_one_sidecar_of_a_folder_does_not_replace_the_other(drop: Drop) -> None:
    drop.sidecar(a_png="P1")
    drop.put("metadata.json", "[{")
    drop.put("a.png")

    surveyed = drop.survey()

    assert (surveyed.keys, surveyed.listing.unreadable_sidecars) == ([], ("metadata.json",))


def test_a_sidecar_outside_the_inbox_is_not_read_and_no_farther_one_replaces_it(
    drop: Drop, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "metadata.csv"
    outside.write_text("filename,patient_id\na.png,P1\n")
    drop.sidecar(a_png="another patient")
    drop.put("sub/a.png")
    (drop.folder / "sub/metadata.csv").symlink_to(outside)

    surveyed = drop.survey()

    assert (surveyed.keys, surveyed.deferred) == ([], 1)
    assert [item.reason for item in surveyed.unseen] == [Obstacle.OUTSIDE_LINK]
    assert surveyed.listing.unreadable_sidecars == ("sub/metadata.csv",)


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_a_survey_in_portions_of_any_size_is_the_same_survey(drop: Drop, size: int) -> None:
    for number in range(5):
        drop.put(f"night {number}/image.png")
        drop.put(f"night {number}/young.png", age=timedelta(0))
        (drop.folder / f"night {number}/out").symlink_to("/")

    surveyed = drop.survey(size=size)

    assert surveyed.keys == [f"night {number}/image.png" for number in range(5)]
    assert [unseen.key for unseen in surveyed.unseen] == [f"night {n}/out" for n in range(5)]
    assert surveyed.deferred == 5
    assert all(len(part.objects) + len(part.unseen) <= size for part in surveyed.portions)


def test_a_portion_is_drawn_before_the_whole_inbox_is_listed(drop: Drop) -> None:
    for night in ("1", "2"):
        for number in range(1500):
            drop.put(f"{night}/{number}.png")

    async def first_portion_then_the_others() -> list[Portion]:
        listing = open_inbox(str(drop.folder), settle=SETTLE).listing(now=NOW)
        portions = listing.portions(1000)
        first = await anext(portions)
        shutil.rmtree(drop.folder / "2")
        return [first, *[portion async for portion in portions]]

    portions = asyncio.run(first_portion_then_the_others())

    assert [len(portion.objects) for portion in portions] == [1000, 500]


def test_a_broken_link_is_nothing(drop: Drop) -> None:
    (drop.folder / "broken").symlink_to("nowhere")

    assert drop.survey().portions == ()


def test_a_listing_of_a_folder_that_is_gone_is_no_empty_listing(drop: Drop) -> None:
    inbox = open_inbox(str(drop.folder), settle=SETTLE)
    drop.folder.rmdir()

    with pytest.raises(InboxError):
        survey(inbox, now=NOW)


def fresh(drop: Drop, key: str) -> str | None:
    record = asyncio.run(open_inbox(str(drop.folder), settle=SETTLE).record(key))
    return record.patient_id if record else None


def test_a_record_is_read_afresh_as_a_listing_reads_it(drop: Drop) -> None:
    drop.sidecar(a_png="far", b_png="far", sub__a_png="far")
    drop.sidecar("sub", a_png="near")
    keys = ["a.png", "b.png", "c.png", "sub/a.png", "sub/b.png", "sub/below/a.png", "gone/a.png"]
    listing = drop.survey()

    assert [fresh(drop, key) for key in keys] == [listing.patient(key) for key in keys]


def test_a_record_that_is_read_afresh_follows_its_sidecar(drop: Drop) -> None:
    inbox = open_inbox(str(drop.folder), settle=SETTLE)

    async def patients() -> list[str]:
        written = []
        for patient in ("P1", "P2", "P2"):
            drop.sidecar(a_png=patient)
            record = await inbox.record("a.png")
            assert record is not None
            written.append(record.patient_id)
        return written

    assert asyncio.run(patients()) == ["P1", "P2", "P2"]


def test_a_farther_record_is_not_read_afresh_in_place_of_an_unreadable_one(drop: Drop) -> None:
    drop.sidecar(a_png="another patient")
    drop.put("sub/metadata.csv", BROKEN)

    with pytest.raises(IncompleteMetadata) as rejected:
        fresh(drop, "sub/a.png")

    assert rejected.value.reason is Reason.VANISHED


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
