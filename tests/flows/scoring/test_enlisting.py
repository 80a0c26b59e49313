import asyncio
import hashlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from string import ascii_letters
from threading import Barrier

import pytest
from sqlalchemy import text

from db import registration
from db.closing import scores
from db.closing.outcomes import Rejected, Unreachable
from db.engine import Database
from db.ledger import claiming, runs, sources
from db.ledger.claiming import Queue
from db.ledger.presence import start_run
from db.ledger.sources import Source
from db.reading.site import balances
from db.reading.site.balances import SourceBalance
from flows.errors import InboxError
from flows.resources import Progress, Resources
from flows.scoring.enlisting import enlist
from flows.scoring.run import Discovery, ScoringRun
from flows.settings import SourceSettings
from flows.sources import Inbox, Listed, Listing
from flows.sources.keys import is_sidecar
from flows.sources.store import Entry
from severity.domain import ModelVersion, Reason, Scale
from severity.errors import InaccessibleImage, IncompleteMetadata, UnreadableImage
from severity.files.sidecar import SidecarRecord
from severity.images.limits import MOST_BYTES

NOW = datetime(2020, 3, 1, tzinfo=UTC)
VERSION = ModelVersion("v1", "w" * 64, "h" * 64, "p", "fp32", Scale(0, 8), Scale(0, 6))


def _sidecars_first(item: tuple[str, bytes]) -> bool:
    return not is_sidecar(item[0])


@dataclass
class Shelf:
    """A store in memory that counts what is read from it."""

    contents: dict[str, bytes] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)  # where it is not that of the content
    becoming: dict[str, bytes] = field(default_factory=dict)  # before it is read
    unreadable: set[str] = field(default_factory=set)
    inaccessible: set[str] = field(default_factory=set)
    read_keys: list[str] = field(default_factory=list)
    answers: bool = True
    changed: datetime | None = None  # of all files, as a folder knows it

    async def entries(self) -> AsyncGenerator[Sequence[Entry], None]:
        yield [
            Listed(
                key, self.sizes.get(key, len(content)), NOW, self._fingerprint(key), self.changed
            )
            for key, content in sorted(
                self.contents.items(), key=lambda item: (not is_sidecar(item[0]), item[0])
            )
        ]

    async def read(self, key: str, *, most_bytes: int, fingerprint: str | None = None) -> bytes:
        self.read_keys.append(key)
        await asyncio.sleep(0)
        if not self.answers:
            raise InboxError("the shelf is gone")
        if key in self.inaccessible:
            raise InaccessibleImage(Reason.VANISHED, "it must not be read")
        self.contents |= {key: self.becoming.pop(key)} if key in self.becoming else {}
        if (
            key not in self.contents
            or key in self.unreadable
            or fingerprint not in {None, self._fingerprint(key)}
        ):
            raise UnreadableImage(Reason.VANISHED, "it changed")
        return self.contents[key][:most_bytes]

    def images_read(self) -> list[str]:
        """Return the images that were read since the last call."""
        read = sorted(key for key in self.read_keys if not key.endswith(".csv"))
        self.read_keys.clear()
        return read

    def describe(self, **patients: str) -> None:
        """Write metadata.csv for PNG files."""
        rows = [f"{name}.png,{patient}" for name, patient in patients.items()]
        self.contents["metadata.csv"] = "\n".join(["filename,patient_id", *rows]).encode()

    def _fingerprint(self, key: str) -> str:
        return hashlib.sha256(self.contents[key]).hexdigest()


@dataclass
class OrderedShelf(Shelf):
    """A shelf that lists by key from any key on, as an object store does."""

    listed_from: list[str | None] = field(default_factory=list)  # of each listing
    fails_at: str | None = None  # the key at which it stops to answer

    async def entries(self) -> AsyncGenerator[Sequence[Entry], None]:
        self.listed_from.append(None)
        async for entries in super().entries():
            for entry in entries:
                yield [self._answered(entry)]

    async def entries_after(self, key: str) -> AsyncGenerator[Sequence[Entry], None]:
        self.listed_from.append(key)
        async for entries in super().entries():
            behind = [entry for entry in entries if entry.key > key]
            yield [self._answered(entry) for entry in sorted(behind, key=lambda each: each.key)]

    async def has(self, key: str) -> bool:
        return key in self.contents

    def _answered(self, entry: Entry) -> Entry:
        if entry.key == self.fails_at:
            raise InboxError("the shelf is gone")
        return entry


@dataclass(frozen=True)
class Site:
    """An inbox and the ledger that its objects are entered into."""

    database: Database
    resources: Resources
    shelf: Shelf
    queue: Queue
    source_settings: SourceSettings = SourceSettings(location="shelf")  # noqa: RUF009 - frozen

    @property
    def inbox(self) -> Inbox:
        return Inbox("shelf", self.shelf, timedelta(0))

    def listing(self) -> Listing:
        return self.inbox.listing(now=NOW)

    def enlist(self, listing: Listing | None = None) -> tuple[int, int]:
        """Return how many objects wait now that did not before, and how many are left."""
        discovery = self.discover(listing)
        return discovery.enlisted, discovery.deferred

    def discover(self, listing: Listing | None = None, *, is_emptied: bool = False) -> Discovery:
        with self.running(listing) as run:
            return asyncio.run(enlist(run, is_emptied=is_emptied))

    @contextmanager
    def running(self, listing: Listing | None = None) -> Iterator[ScoringRun]:
        """A run over a listing, which ends well."""
        with start_run(self.database, self.queue, software="test") as presence:
            yield ScoringRun(
                self.resources.settings,
                self.resources.progress,
                database=self.database,
                inbox=self.inbox,
                source=Source(self.queue.source_id, "UTC"),
                version=VERSION,
                queue=self.queue,
                presence=presence,
                listing=listing or self.listing(),
                source_settings=self.source_settings,
            )
            with self.database.transaction() as session:
                runs.end_run(session, presence.run_id, "finished")

    def claim(self, run: ScoringRun) -> list[claiming.Claim]:
        """Claim all that waits."""
        with self.database.transaction() as session:
            return claiming.claim(session, self.queue, run.run_id, limit=99)

    def record(self, run: ScoringRun, claim: claiming.Claim) -> SidecarRecord | None:
        """Return a claimed object's record, after the listing was drawn."""

        async def record() -> SidecarRecord | None:
            async for _ in run.listing.portions(99):
                pass
            return await run.record(claim, claim.object_key)

        return asyncio.run(record())

    def close(self, **reasons: Reason) -> None:
        """Claim what waits, and reject the PNG files named; what vanished cannot be read."""
        with self.running() as run:
            outcomes = [
                _outcome(claim, reasons[name])
                for claim in self.claim(run)
                if (name := claim.object_key.removesuffix(".png")) in reasons
            ]
            with self.database.transaction() as session:
                scores.close(session, self.queue, run.run_id, outcomes)

    def objects(self) -> list[tuple[int, str, str]]:
        """Return the objects: number, where they lie, how far they are."""
        query = text(
            """
            SELECT object.id, coalesce(string_agg(object_key, ' ' ORDER BY object_key), ''),
                CASE WHEN object.state = 'received' THEN CAST(min(work.state) AS text)
                    ELSE CAST(object.state AS text) END
            FROM object LEFT JOIN work ON work.object_id = object.id
            LEFT JOIN sighting ON sighting.object_id = object.id AND gone_at IS NULL
            GROUP BY object.id ORDER BY object.id
            """
        )
        with self.database.transaction() as session:
            return [tuple(row) for row in session.execute(query)]

    def states(self) -> list[tuple[str, str]]:
        return [(keys, state) for _, keys, state in self.objects()]

    def balance(self) -> SourceBalance:
        with self.database.transaction() as session:
            assert balances.verify(session) == []
            return balances.balance(session, "shelf")


def _outcome(claim: claiming.Claim, reason: Reason) -> Rejected | Unreachable:
    if reason is Reason.VANISHED:
        return Unreachable(claim.work_id, claim.object_key, "test")
    return Rejected(claim.work_id, reason, "test")


@pytest.fixture
def site(database: Database, resources: Resources) -> Site:
    with database.transaction() as session:
        model = registration.register_model(session, VERSION)
        source = sources.register(session, "shelf", zone="UTC")
        sources.want(session, source.id, model_version_id=model)
    return Site(database, resources, Shelf(), Queue(source.id, model))


def test_each_object_is_entered_once_by_its_content(site: Site) -> None:
    site.shelf.contents = {"b.dcm": b"1", "a.dcm": b"2", "c/d.dcm": b"3"}

    assert site.enlist() == (3, 0)
    assert site.enlist() == (0, 0)
    assert site.states() == [("a.dcm", "waiting"), ("b.dcm", "waiting"), ("c/d.dcm", "waiting")]


def test_an_unchanged_object_is_not_read_again(site: Site) -> None:
    site.shelf.contents = {"a.dcm": b"1", "b.dcm": b"2"}
    site.enlist()
    assert site.shelf.images_read() == ["a.dcm", "b.dcm"]

    site.shelf.contents |= {"b.dcm": b"changed", "c.dcm": b"new"}

    assert site.enlist() == (2, 0)
    assert site.shelf.images_read() == ["b.dcm", "c.dcm"]


@pytest.mark.parametrize("films", [3, 12])
@pytest.mark.parametrize("sidecar", [b'filename;patient\n"a', b"filename,patient_id\nz.png,P9"])
def test_a_film_whose_sidecar_is_not_ready_is_not_gone(
    site: Site, films: int, sidecar: bytes
) -> None:
    """Its row may be missing for a moment, or all of it unreadable: the film lies there."""
    names = [f"{number}.png" for number in range(films)]
    rows = "\n".join(f"{name},P{name}" for name in names)
    site.shelf.contents = {name: name.encode() for name in names}
    site.shelf.contents["metadata.csv"] = f"filename,patient_id\n{rows}".encode()
    site.enlist()

    site.shelf.contents["metadata.csv"] = sidecar
    discovery = site.discover()

    assert discovery.missed == 0
    with site.database.transaction() as session:
        gone = session.scalar(text("SELECT count(*) FROM sighting WHERE gone_at IS NOT NULL"))
    assert gone == 0


def test_a_listing_shows_that_it_goes_on(site: Site) -> None:
    """Else a long one counts as a hang, and another pass starts beside it."""

    class Signs(Progress):
        portions = 0

        def listed(self) -> None:
            self.portions += 1

    signs = Signs()
    site.shelf.contents = {"a.dcm": b"1"}
    replace(site, resources=replace(site.resources, progress=signs)).enlist()

    assert signs.portions > 0


def test_the_same_content_under_two_names_is_one_entry(site: Site) -> None:
    site.shelf.contents = {"a.dcm": b"1", "copy.dcm": b"1"}
    assert site.enlist() == (1, 0)

    site.shelf.contents["later.dcm"] = b"1"

    assert site.enlist() == (0, 0)
    assert site.states() == [("a.dcm copy.dcm later.dcm", "waiting")]


def test_changed_content_is_a_new_entry(site: Site) -> None:
    site.shelf.contents = {"a.dcm": b"1"}
    site.enlist()
    site.shelf.contents = {"a.dcm": b"2"}

    assert site.enlist() == (1, 0)
    assert len(site.states()) == 2


def test_content_that_returns_is_known_and_waits_again(site: Site) -> None:
    for content in (b"1", b"2"):
        site.shelf.contents = {"a.dcm": content}
        site.enlist()
    site.shelf.contents = {"a.dcm": b"1"}

    assert site.enlist() == (1, 0)
    assert site.states() == [("a.dcm", "waiting"), ("", "rejected")]


def test_a_record_that_comes_later_puts_its_image_back_as_the_same_entry(site: Site) -> None:
    site.shelf.contents = {"a.png": b"1", "b.png": b"2", "c.png": b"3"}
    site.enlist()
    site.close(a=Reason.NO_SIDECAR_RECORD, b=Reason.NO_SIDECAR_RECORD, c=Reason.CORRUPT)
    before = site.objects()

    site.shelf.describe(a="P1")

    assert site.enlist() == (1, 0)
    assert [number for number, _, _ in site.objects()] == [number for number, _, _ in before]
    assert site.states() == [
        ("a.png", "waiting"),
        ("b.png", "rejected"),
        ("c.png", "rejected"),
    ]
    assert site.enlist() == (0, 0)


def test_the_claim_of_an_image_that_came_back_carries_its_record(site: Site) -> None:
    site.shelf.contents = {"a.png": b"1"}
    site.enlist()
    site.close(a=Reason.NO_SIDECAR_RECORD)
    site.shelf.describe(a="P1")
    site.enlist()

    with site.running() as run:
        (claim,) = site.claim(run)
        record = site.record(run, claim)

    assert record is not None
    assert record.patient_id == "P1"


def test_a_run_finds_the_record_of_what_another_run_enlisted_since_it_looked(site: Site) -> None:
    with site.running() as outdated_run:
        site.record(outdated_run, claiming.Claim(0, "nothing.png", "", "", is_judged=False))
        site.shelf.contents = {"a.png": b"1"}
        site.shelf.describe(a="P1")
        site.enlist()
        (claim,) = site.claim(outdated_run)
        record = asyncio.run(outdated_run.record(claim, claim.object_key))

    assert record is not None
    assert record.patient_id == "P1"


def test_a_record_that_changed_after_the_claim_is_not_scored_as_the_old_one(site: Site) -> None:
    site.shelf.contents = {"a.png": b"1"}
    site.shelf.describe(a="P1")
    site.enlist()
    with site.running() as run:
        (claim,) = site.claim(run)
        site.shelf.describe(a="P2")
        with pytest.raises(IncompleteMetadata) as caught:
            site.record(run, claim)
    assert caught.value.reason == Reason.VANISHED


def test_the_database_never_holds_a_sidecars_patient_identifier(site: Site) -> None:
    site.shelf.contents = {"a.png": b"1"}
    site.shelf.describe(a="MRN-4711")
    site.enlist()

    with site.database.transaction() as session:
        rows = session.execute(text("SELECT sighting.*, object.* FROM sighting, object")).all()

    assert rows
    assert "4711" not in str(rows)


def test_a_changed_record_makes_the_same_bytes_a_new_entry(site: Site) -> None:
    site.shelf.contents = {"a.png": b"1"}
    site.shelf.describe(a="P1")
    site.enlist()
    site.shelf.describe(a="P2")

    assert site.enlist() == (1, 0)
    assert len(site.states()) == 2


def test_a_copy_with_another_record_is_an_entry_of_its_own(site: Site) -> None:
    site.shelf.contents = {"a.png": b"1", "b.png": b"1"}
    site.shelf.describe(a="P1", b="P2")

    assert site.enlist() == (2, 0)
    assert site.states() == [("a.png", "waiting"), ("b.png", "waiting")]


def test_an_image_that_vanished_waits_again_when_it_is_seen_again(site: Site) -> None:
    site.shelf.contents = {"a.png": b"1"}
    site.enlist()
    site.close(a=Reason.VANISHED)

    assert site.enlist() == (1, 0)
    assert site.states() == [("a.png", "waiting")]


def test_what_cannot_be_read_is_left_for_the_next_pass(site: Site) -> None:
    site.shelf.contents = {"a.dcm": b"1", "b.dcm": b"2"}
    site.shelf.unreadable = {"a.dcm"}
    assert site.enlist() == (1, 1)

    site.shelf.unreadable = set()

    assert site.enlist() == (1, 0)
    assert site.states() == [("b.dcm", "waiting"), ("a.dcm", "waiting")]


def test_what_changes_between_listing_and_reading_is_left_for_the_next_pass(site: Site) -> None:
    site.shelf.contents = {"a.dcm": b"whole"}
    site.shelf.becoming = {"a.dcm": b"half of the next"}

    assert site.enlist() == (0, 1)
    assert site.enlist() == (1, 0)
    assert len(site.states()) == 1


def test_what_is_too_large_is_entered_without_being_read(site: Site) -> None:
    site.shelf.contents = {"huge.dcm": b"1", "limit.dcm": b"2"}
    site.shelf.sizes = {"huge.dcm": MOST_BYTES + 1, "limit.dcm": MOST_BYTES}

    assert site.enlist() == (2, 0)
    assert site.shelf.images_read() == ["limit.dcm"]
    assert site.enlist() == (0, 0)


def test_two_objects_that_are_too_large_are_two_entries(site: Site) -> None:
    site.shelf.contents = {"a.dcm": b"1", "b.dcm": b"1"}
    site.shelf.sizes = {"a.dcm": MOST_BYTES + 1, "b.dcm": MOST_BYTES + 1}

    assert site.enlist() == (2, 0)


def test_an_inbox_that_stops_answering_stops_the_pass_and_is_asked_no_more(site: Site) -> None:
    site.shelf.contents = {f"{number}.dcm": b"%d" % number for number in range(100)}
    site.shelf.answers = False

    async def enlist_and_wait(run: ScoringRun) -> None:
        with pytest.raises(InboxError, match="the shelf is gone"):
            await enlist(run)
        for _ in range(100):
            await asyncio.sleep(0)

    with site.running() as run:
        asyncio.run(enlist_and_wait(run))

    assert len(site.shelf.read_keys) < 10
    assert site.states() == []


def test_odd_keys_survive_the_database(site: Site) -> None:
    odd = ["a b.png", "%0A%FF.png", "größe-😀.png", "a'b\"c;--.png", "\\x41{,}.png", "NULL"]
    site.shelf.contents = {key: key.encode() for key in odd}

    assert site.enlist() == (len(odd), 0)
    site.shelf.images_read()
    assert site.enlist() == (0, 0)
    assert site.shelf.images_read() == []
    assert {keys for keys, _ in site.states()} == set(odd)


def test_a_path_of_any_length_is_entered(site: Site) -> None:
    random = Random(1)  # noqa: S311 - what repeats itself would be compressed
    folders = ["".join(random.choices(ascii_letters, k=250)) for _ in range(15)]
    site.shelf.contents = {"/".join(folders): b"1", "/".join(folders[:9]): b"2", "b.png": b"3"}

    assert site.enlist() == (3, 0)
    assert site.enlist() == (0, 0)


def test_what_is_there_and_cannot_be_read_is_counted_until_it_can_be(site: Site) -> None:
    site.shelf.contents = {"a.dcm": b"1", "b.dcm": b"2"}
    site.shelf.inaccessible = {"a.dcm"}

    assert site.enlist() == (1, 0)
    assert site.enlist() == (0, 0)
    balance = site.balance()
    assert (balance.seen, balance.unread, balance.obstacles) == (2, 2, 1)
    assert balance.holds

    site.shelf.inaccessible = set()

    assert site.enlist() == (1, 0)
    balance = site.balance()
    assert (balance.seen, balance.unread, balance.obstacles) == (2, 2, 0)


def test_an_obstacle_that_is_gone_is_counted_no_more(site: Site) -> None:
    site.shelf.contents = {"a.dcm": b"1", "b.dcm": b"2"}
    site.shelf.inaccessible = {"a.dcm"}
    site.enlist()

    del site.shelf.contents["a.dcm"]
    site.enlist()

    assert (site.balance().seen, site.balance().obstacles) == (1, 0)


def test_an_inbox_that_is_empty_all_at_once_may_not_be_mounted(site: Site) -> None:
    site.shelf.contents = {"a.dcm": b"1"}
    assert not site.discover().seems_unmounted
    content = dict(site.shelf.contents)
    site.shelf.contents.clear()

    assert site.discover().seems_unmounted
    assert site.discover().seems_unmounted

    site.shelf.contents = content
    assert site.discover() == Discovery()


def test_an_inbox_that_was_emptied_on_purpose_is_believed_once(site: Site) -> None:
    site.shelf.contents = {"a.dcm": b"1"}
    site.enlist()
    site.shelf.contents.clear()

    assert not site.discover(is_emptied=True).seems_unmounted
    assert not site.discover().seems_unmounted


def test_an_inbox_without_nine_of_ten_of_its_files_may_not_be_the_one(site: Site) -> None:
    files = {f"{number:02}.dcm": b"%d" % number for number in range(20)}
    site.shelf.contents = dict(files)
    site.enlist()

    site.shelf.contents = dict(list(files.items())[:2])

    assert site.discover() == Discovery(missed=18)
    site.shelf.contents["new.dcm"] = b"new"
    assert site.discover() == Discovery(enlisted=1, missed=18)
    assert site.discover(is_emptied=True).missed == 0
    assert site.discover().missed == 0
    site.shelf.contents |= files
    assert site.discover() == Discovery()


def test_files_that_were_moved_or_changed_or_are_few_are_not_missed(site: Site) -> None:
    site.shelf.contents = {f"{number:02}.dcm": b"%d" % number for number in range(20)}
    site.enlist()

    site.shelf.contents = {f"new/{key}": value for key, value in site.shelf.contents.items()}
    assert site.discover().missed == 0
    site.shelf.contents = {key: value + b"!" for key, value in site.shelf.contents.items()}
    site.shelf.contents.pop("new/00.dcm")
    assert site.discover().missed == 0
    site.shelf.contents = {"new/01.dcm": site.shelf.contents["new/01.dcm"]}
    assert site.discover(is_emptied=True).missed == 0
    site.shelf.contents = {"other.dcm": b"other"}
    assert site.discover().missed == 0


def test_a_source_that_something_else_empties_is_believed(site: Site) -> None:
    emptied = replace(site, source_settings=SourceSettings(location="shelf", files_may_vanish=True))
    site.shelf.contents = {f"{number:02}.dcm": b"%d" % number for number in range(20)}
    emptied.enlist()

    site.shelf.contents = {"19.dcm": b"19"}
    assert emptied.discover() == Discovery()
    site.shelf.contents.clear()
    assert emptied.discover() == Discovery()


@pytest.fixture
def ordered(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site whose store lists by key; what is seen is entered three objects at a time."""
    monkeypatch.setattr("flows.scoring.enlisting._PORTION", 3)
    return replace(site, shelf=OrderedShelf())


def shelf_of(site: Site) -> OrderedShelf:
    assert isinstance(site.shelf, OrderedShelf)
    return site.shelf


def in_order(site: Site) -> Site:
    settings = SourceSettings(location="s3://shelf", arrives_in_order=True)
    return replace(site, source_settings=settings)


def test_a_whole_listing_that_was_killed_goes_on_and_reads_nothing_twice(ordered: Site) -> None:
    shelf = shelf_of(ordered)
    shelf.contents = {f"{number:02}.dcm": b"%d" % number for number in range(10)}
    shelf.fails_at = "07.dcm"
    with pytest.raises(InboxError):
        ordered.enlist()
    assert shelf.images_read() == [f"0{number}.dcm" for number in range(6)]
    with ordered.database.transaction() as session:
        session.execute(text("UPDATE run SET state = 'abandoned', ended_at = now()"))

    shelf.fails_at = None

    assert ordered.enlist() == (4, 0)
    assert shelf.images_read() == [f"0{number}.dcm" for number in range(6, 10)]
    assert shelf.listed_from == [None, "05.dcm"]
    assert ordered.enlist() == (0, 0)
    assert shelf.images_read() == []
    assert shelf.listed_from == [None, "05.dcm", None]
    assert ordered.balance().seen == 10


def test_where_keys_arrive_in_order_a_pass_lists_from_the_last_one(ordered: Site) -> None:
    site, shelf = in_order(ordered), shelf_of(ordered)
    shelf.contents = {"1/a.dcm": b"a", "1/b.dcm": b"b"}
    assert site.enlist() == (2, 0)

    assert site.enlist() == (0, 0)
    shelf.contents["2/c.dcm"] = b"c"
    shelf.contents["0/late.dcm"] = b"late"
    assert site.enlist() == (1, 0)

    assert shelf.images_read() == ["1/a.dcm", "1/b.dcm", "2/c.dcm"]
    assert shelf.listed_from == [None, "1/b.dcm", "1/b.dcm"]

    with site.database.transaction() as session:
        session.execute(text("UPDATE listing SET whole_at = whole_at - interval '7 days'"))

    assert site.enlist() == (1, 0)
    assert shelf.images_read() == ["0/late.dcm"]


def test_what_is_left_for_the_next_pass_is_listed_by_it(ordered: Site) -> None:
    site, shelf = in_order(ordered), shelf_of(ordered)
    shelf.contents = {"1.dcm": b"1", "2.dcm": b"2", "3.dcm": b"3"}
    shelf.unreadable = {"2.dcm"}
    assert site.enlist() == (2, 1)

    shelf.unreadable = set()
    shelf.contents["4.dcm"] = b"4"

    assert site.enlist() == (2, 0)
    assert site.enlist() == (0, 0)
    assert shelf.listed_from[-1] == "4.dcm"


def test_a_listing_from_the_last_key_finds_the_sidecars_above_what_is_new(ordered: Site) -> None:
    site, shelf = in_order(ordered), shelf_of(ordered)
    shelf.contents = {"a/1.png": b"1", "a/metadata.csv": b"filename,patient_id\n1.png,P1\n"}
    site.enlist()
    shelf.contents["b/2.png"] = b"2"
    shelf.contents["b/metadata.csv"] = b"filename,patient_id\n2.png,P2\n"

    assert site.enlist() == (1, 0)

    patients = []
    with site.running() as run:
        listing = site.listing()

        async def claimed() -> None:
            async for _ in listing.portions(9):
                pass
            run.listing = listing
            for claim in site.claim(run):
                assert claim.object_key is not None
                record = await run.record(claim, claim.object_key)
                patients.append(record.patient_id if record else None)

        asyncio.run(claimed())
    assert patients == ["P1", "P2"]


def test_what_an_older_sidecar_describes_leaves_a_name_to_what_is_new(ordered: Site) -> None:
    """Else its image would be rejected until the next whole listing, a week later."""
    shelf = shelf_of(ordered)
    shelf.contents = {"a/1.png": b"1", "a/metadata.csv": b"filename,patient_id\n1.png,P1\n"}
    shelf.contents["b/1.png"] = b"2"
    shelf.contents["metadata.csv"] = b"filename,patient_id\n1.png,P2\n"

    def described(after: str | None) -> str:
        listing = ordered.listing()

        async def drawn() -> None:
            async for _ in listing.portions(9, after=after):
                pass

        asyncio.run(drawn())
        record = listing.record("b/1.png")
        return record.patient_id if record else ""

    assert described("a/1.png") == described(None) == "P2"


@pytest.mark.parametrize("is_gone_whole", [True, False])
def test_a_store_whose_last_key_is_gone_is_listed_whole_and_fails_if_most_is(
    ordered: Site, *, is_gone_whole: bool
) -> None:
    site, shelf = in_order(ordered), shelf_of(ordered)
    shelf.contents = {f"{number:02}.dcm": b"%d" % number for number in range(20)}
    site.enlist()

    shelf.contents = {} if is_gone_whole else {"00.dcm": b"0"}

    for _ in range(2):
        discovery = site.discover()
        assert discovery.seems_unmounted == is_gone_whole
        assert discovery.missed == (20 if is_gone_whole else 19)


def test_an_empty_inbox_is_harmless(site: Site) -> None:
    assert site.enlist() == (0, 0)


def test_passes_at_the_same_time_enter_each_object_once(site: Site) -> None:
    site.shelf.contents = {f"{number:03}.png": b"%d" % (number // 2) for number in range(600)}
    site.shelf.describe(**{f"{number:03}": "P1" for number in range(300)})
    together = Barrier(4)

    def enlist(_: int) -> int:
        together.wait()
        return site.enlist()[0]

    with ThreadPoolExecutor(4) as pool:
        enlisted = list(pool.map(enlist, range(4)))

    assert sum(enlisted) == len(site.states()) == 300


def test_passes_at_the_same_time_put_each_image_back_once(site: Site) -> None:
    names = [f"{number:02}" for number in range(60)]
    site.shelf.contents = {f"{name}.png": name.encode() for name in names}
    site.enlist()
    site.close(**dict.fromkeys(names, Reason.NO_SIDECAR_RECORD))
    site.shelf.describe(**dict.fromkeys(names, "P1"))
    together = Barrier(4)

    def enlist(_: int) -> int:
        together.wait()
        return site.enlist()[0]

    with ThreadPoolExecutor(4) as pool:
        enlisted = list(pool.map(enlist, range(4)))

    assert sum(enlisted) == len(site.states()) == 60


HALF = b"the first half" + bytes(5000)
"""A file whose whole size was reserved before it was copied, and a film that is black below."""


def test_a_fresh_file_that_ends_in_zeros_is_looked_at_twice(site: Site) -> None:
    """Nothing tells a pause of whatever copies it from its end."""
    site.shelf.changed = NOW
    site.shelf.contents = {"a.dcm": HALF, "b.dcm": b"whole"}

    assert site.enlist() == (1, 1)
    assert site.states() == [("b.dcm", "waiting")]
    assert site.enlist() == (1, 0)
    assert site.states() == [("b.dcm", "waiting"), ("a.dcm", "waiting")]


def test_a_file_that_goes_on_growing_is_never_taken_for_whole(site: Site) -> None:
    site.shelf.changed = NOW
    for copied in (b"a", b"ab", b"abc"):
        site.shelf.contents = {"a.dcm": copied + bytes(5000 - len(copied))}
        assert site.enlist() == (0, 1)

    site.shelf.contents = {"a.dcm": b"whole".ljust(5000, b"x")}

    assert site.enlist() == (1, 0)
    assert site.states() == [("a.dcm", "waiting")]


def test_a_file_that_has_long_been_unchanged_is_whole_whatever_it_ends_in(site: Site) -> None:
    site.shelf.changed = NOW - timedelta(hours=1)
    site.shelf.contents = {"a.dcm": HALF}

    assert site.enlist() == (1, 0)


def test_where_objects_appear_whole_nothing_is_looked_at_twice(site: Site) -> None:
    site.shelf.contents = {"a.dcm": HALF}

    assert site.enlist() == (1, 0)


def test_a_file_that_needs_a_second_look_needs_nobodys_attention(site: Site) -> None:
    site.shelf.changed = NOW
    site.shelf.contents = {"a.dcm": HALF}
    site.enlist()

    balance = site.balance()

    assert (balance.seen, balance.unread, balance.obstacles) == (1, 1, 0)
    site.shelf.contents = {}
    site.discover(is_emptied=True)
    assert (site.balance().seen, site.balance().unread) == (0, 0)


def test_what_takes_the_place_of_an_object_is_read_at_once(site: Site) -> None:
    """Its place shows the earlier object until then; a whole file supersedes one that is not."""
    site.shelf.changed = NOW
    site.shelf.contents = {"a.dcm": b"before"}
    site.enlist()
    site.shelf.contents = {"a.dcm": HALF}

    assert site.enlist() == (1, 0)
