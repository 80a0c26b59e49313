import asyncio
import hashlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from string import ascii_letters
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from db import ledger, runs, scores
from db.engine import Database
from db.outcomes import Rejected
from flows.errors import InboxError
from flows.resources import Resources
from flows.scoring.enlisting import enlist
from flows.scoring.run import ScoringRun
from flows.sources import Inbox, Listed
from flows.sources.keys import is_sidecar
from flows.sources.store import Entry
from severity.domain import ModelVersion, Reason, Scale
from severity.errors import IncompleteMetadata, UnreadableImage
from severity.images.limits import MOST_BYTES

NOW = datetime(2020, 3, 1, tzinfo=UTC)
VERSION = ModelVersion("v1", "w" * 64, "h" * 64, "p", "fp32", Scale(0, 8), Scale(0, 6))


def _sidecars_first(item: tuple[str, bytes]) -> tuple[bool, str]:
    return not is_sidecar(item[0]), item[0]


@dataclass
class Shelf:
    """A store in memory that counts what is read from it."""

    contents: dict[str, bytes] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)  # where it is not that of the content
    changes_after_listing: dict[str, bytes] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    read_keys: list[str] = field(default_factory=list)
    answers: bool = True

    async def entries(self) -> AsyncGenerator[Sequence[Entry], None]:
        yield [
            Listed(key, self.sizes.get(key, len(content)), NOW, self._fingerprint(key))
            for key, content in sorted(self.contents.items(), key=_sidecars_first)
        ]
        self.contents |= self.changes_after_listing

    async def read(self, key: str, *, most_bytes: int, fingerprint: str | None = None) -> bytes:
        self.read_keys.append(key)
        await asyncio.sleep(0)
        if not self.answers:
            raise InboxError("the shelf is gone")
        if key in self.unreadable or key not in self.contents:
            raise UnreadableImage(Reason.VANISHED, "it is gone")
        if fingerprint not in {None, self._fingerprint(key)}:
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


@dataclass(frozen=True)
class Site:
    """An inbox and the ledger that its objects are entered into."""

    database: Database
    resources: Resources
    shelf: Shelf
    model: int

    @property
    def inbox(self) -> Inbox:
        return Inbox("shelf", self.shelf, timedelta(0))

    def enlist(self) -> tuple[int, int]:
        """Return how many objects wait now that did not before, and how many are left."""
        discovery = asyncio.run(enlist(self.run()))
        return discovery.enlisted, discovery.deferred

    def run(self) -> ScoringRun:
        return ScoringRun(
            self.resources.settings,
            self.resources.progress,
            database=self.database,
            inbox=self.inbox,
            listing=self.inbox.listing(now=NOW),
            version=VERSION,
            model_version_id=self.model,
        )

    def claim(self) -> tuple[UUID, list[ledger.Claim]]:
        """Claim all that waits, as a new run."""
        run_id = uuid4()
        with self.database.transaction() as session:
            runs.start_run(session, run_id, model_version_id=self.model, software="test")
        with self.database.transaction() as session:
            return run_id, ledger.claim(
                session, "shelf", run_id, model_version_id=self.model, limit=99
            )

    def close(self, **reasons: Reason) -> None:
        """Claim what waits, and reject the PNG files named."""
        run_id, claims = self.claim()
        with self.database.transaction() as session:
            outcomes = [
                Rejected(claim.ledger_id, reasons[name], "test")
                for claim in claims
                if (name := claim.object_key.removesuffix(".png")) in reasons
            ]
            scores.close(session, run_id, outcomes, model_version_id=self.model)

    def entries(self) -> list[tuple[int, str, str]]:
        """Return the entries of the ledger: number, keys of the content, state."""
        query = text(
            """
            SELECT ledger.id, string_agg(DISTINCT object_key, ' ' ORDER BY object_key), state
            FROM ledger JOIN sighting USING (content_sha256, record_sha256)
            GROUP BY ledger.id ORDER BY ledger.id
            """
        )
        with self.database.transaction() as session:
            return [tuple(row) for row in session.execute(query)]

    def states(self) -> list[tuple[str, str]]:
        return [(keys, state) for _, keys, state in self.entries()]


@pytest.fixture
def site(database: Database, resources: Resources) -> Iterator[Site]:
    with database.transaction() as session:
        model = runs.register_model(session, VERSION)
    return Site(database, resources, Shelf(), model)


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


def test_content_that_returns_is_known(site: Site) -> None:
    for content in (b"1", b"2"):
        site.shelf.contents = {"a.dcm": content}
        site.enlist()
    site.shelf.contents = {"a.dcm": b"1"}

    assert site.enlist() == (0, 0)


def test_a_record_that_comes_later_puts_its_image_back_as_the_same_entry(site: Site) -> None:
    site.shelf.contents = {"a.png": b"1", "b.png": b"2", "c.png": b"3"}
    site.enlist()
    site.close(a=Reason.NO_SIDECAR_RECORD, b=Reason.NO_SIDECAR_RECORD, c=Reason.CORRUPT)
    before = site.entries()
    site.shelf.images_read()

    site.shelf.describe(a="P1")

    assert site.enlist() == (1, 0)
    assert site.shelf.images_read() == []
    assert [number for number, _, _ in site.entries()] == [number for number, _, _ in before]
    assert site.states() == [
        ("a.png", "waiting"),
        ("b.png", "quarantined"),
        ("c.png", "quarantined"),
    ]
    assert site.enlist() == (0, 0)


def test_the_claim_of_an_image_that_came_back_carries_its_record(site: Site) -> None:
    site.shelf.contents = {"a.png": b"1"}
    site.enlist()
    site.close(a=Reason.NO_SIDECAR_RECORD)
    site.shelf.describe(a="P1")
    site.enlist()

    _, (claim,) = site.claim()
    record = asyncio.run(site.run().record(claim))

    assert record is not None
    assert record.patient_id == "P1"


def test_a_run_finds_the_record_of_what_another_run_enlisted_since_it_looked(site: Site) -> None:
    outdated_run = site.run()
    site.shelf.contents = {"a.png": b"1"}
    site.shelf.describe(a="P1")
    site.enlist()
    _, (claim,) = site.claim()

    record = asyncio.run(outdated_run.record(claim))

    assert record is not None
    assert record.patient_id == "P1"


def test_a_record_that_changed_after_the_claim_is_not_scored_as_the_old_one(site: Site) -> None:
    site.shelf.contents = {"a.png": b"1"}
    site.shelf.describe(a="P1")
    site.enlist()
    _, (claim,) = site.claim()
    site.shelf.describe(a="P2")

    with pytest.raises(IncompleteMetadata) as caught:
        asyncio.run(site.run().record(claim))
    assert caught.value.reason == Reason.VANISHED


def test_the_database_never_holds_a_sidecars_patient_identifier(site: Site) -> None:
    site.shelf.contents = {"a.png": b"1"}
    site.shelf.describe(a="MRN-4711")
    site.enlist()

    with site.database.transaction() as session:
        rows = session.execute(text("SELECT sighting.*, ledger.* FROM sighting, ledger")).all()

    assert rows
    assert "4711" not in str(rows)


def test_a_changed_record_makes_the_same_bytes_a_new_entry(site: Site) -> None:
    site.shelf.contents = {"a.png": b"1"}
    site.shelf.describe(a="P1")
    site.enlist()
    site.shelf.images_read()
    site.shelf.describe(a="P2")

    assert site.enlist() == (1, 0)
    assert site.shelf.images_read() == []
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
    site.shelf.changes_after_listing = {"a.dcm": b"half of the next"}

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

    async def enlist_and_wait() -> None:
        with pytest.raises(InboxError, match="the shelf is gone"):
            await enlist(site.run())
        for _ in range(100):
            await asyncio.sleep(0)

    asyncio.run(enlist_and_wait())

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


def test_a_path_too_long_for_the_ledger_is_left_and_stops_nothing(site: Site) -> None:
    random = Random(1)  # noqa: S311 - what repeats itself would be compressed
    folders = ["".join(random.choices(ascii_letters, k=250)) for _ in range(15)]
    site.shelf.contents = {"/".join(folders): b"1", "/".join(folders[:9]): b"2", "b.png": b"3"}

    assert site.enlist() == (2, 1)


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
