"""Whatever happens in whatever order, nothing is lost, scored twice, stuck or wrongly suspected.

Hypothesis drives several runs of two model versions over two sources, kills them, and corrects
what they wrote. `SEVERITY_TEST_EXAMPLES=1000 pytest tests/db/test_promises.py` looks deeper.
"""

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from db import corrections, registration
from db.closing.outcomes import Outcome, Rejected, Unreachable
from db.corrections import Author
from db.engine import Database
from db.errors import DatabaseError, RefusedCorrection
from db.ledger import claiming, runs, sightings, sources
from db.ledger.claiming import Claim, Queue
from db.ledger.places import ObstructedPlace, Place, SeenObject
from db.ledger.presence import Presence, start_run
from db.reading.site import balances
from severity.domain import Reason
from tests.builders.ledger import Steps, await_death, break_presence
from tests.builders.scores import digest, scored, version

EXAMPLES = int(os.environ.get("SEVERITY_TEST_EXAMPLES", "8"))
STEPS = 40

AUTHOR = Author("test", "to see what happens")
LOCATIONS = ("/a", "/b")
KEYS = ("1", "folder/2", "folder/3")
VERSIONS = (version("v1"), version("v2"))
FILMS = ("f", "g")
# A DICOM file states its patient, identity and time; a PNG is described by its record.
GROWING = ("half", "more", "whole", "retimed", "junk")
CONTENTS = ("half", "more", "whole", "retimed", "reencoded", "png", "png half", "junk")
RECORDS = ("", "record", "corrected", "of another patient")


@dataclass(frozen=True)
class File:
    """What lies under a key: a content, by film and kind, and its sidecar record."""

    film: str
    kind: str
    record: str = ""

    @property
    def content(self) -> str:
        return "junk" if self.kind == "junk" else f"{self.film} {self.kind}"

    @property
    def content_sha256(self) -> str:
        return digest(self.content)

    @property
    def record_sha256(self) -> str:
        return digest(f"{self.film} {self.record}") if self.record else ""

    @property
    def fingerprint(self) -> UUID:
        return UUID(digest(f"{self.content} {self.record}")[:32])

    def with_record(self, record_sha256: str) -> "File":
        """Return the file with the record that has a hash, or as it is."""
        each = (replace(self, record=record) for record in RECORDS)
        return next((file for file in each if file.record_sha256 == record_sha256), self)

    def outcome(self, work_id: int, model: int) -> Outcome:
        """What reading and scoring the file comes to."""
        patient = f"p-{self.film}"
        if self.kind == "junk":
            return Rejected(work_id, Reason.CORRUPT, "")
        if self.kind.startswith("png"):
            if not self.record:
                return Rejected(work_id, Reason.NO_SIDECAR_RECORD, "")
            patient = "p-h" if self.record == "of another patient" else patient
            day = 2 if self.record == "corrected" else 0
            pixels = self.content
            return scored(work_id, patient=patient, uid=self.content, pixels=pixels, day=day)
        if self.kind == "reencoded" and model == 1:
            return Rejected(work_id, Reason.UNTRUSTWORTHY_PIXELS, "for this backbone")
        pixels = self.kind if self.kind in {"half", "more"} else "whole"
        uid, day = f"1.{self.film}", self.kind == "retimed"
        return scored(work_id, patient=patient, uid=uid, pixels=f"{self.film} {pixels}", day=day)


FILES = st.builds(File, st.sampled_from(FILMS), st.sampled_from(CONTENTS)) | st.builds(
    File, st.sampled_from(FILMS), st.sampled_from(("png", "png half")), st.sampled_from(RECORDS)
)


PLACES = st.tuples(st.integers(0, 1), st.sampled_from(KEYS))


@dataclass(eq=False)
class LivingRun:
    """A run under way, the claims that it knows of, and what it read of some of them."""

    steps: Steps
    source: int
    model: int
    presence: Presence
    exits: ExitStack
    claims: dict[int, Claim] = field(default_factory=dict)
    read: dict[int, Outcome] = field(default_factory=dict)


class Ledger(RuleBasedStateMachine):
    """Two sources, two model versions and the runs on them, beside what truly lies there."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        self.disk: dict[tuple[int, str], File] = {}
        self.runs: list[LivingRun] = []
        self.wanted: set[tuple[int, int]] = set()
        self.known_scores: dict[tuple[int, int], float] = {}
        self.known_corrections: list[str] = []
        # How many runs died while they held it.
        self.deaths: dict[int, int] = {}
        with database.transaction() as session:
            session.execute(text(TRUNCATE))
            self.sources = [sources.register(session, at, zone="UTC").id for at in LOCATIONS]
            self.models = [registration.register_model(session, model) for model in VERSIONS]
        for source in (0, 1):
            self.want(source, 0)

    def queue(self, source: int, model: int) -> Queue:
        return Queue(self.sources[source], self.models[model])

    def steps(self, source: int, model: int) -> Steps:
        return Steps(self.database, self.queue(source, model))

    def query(self, sql: str, **values: object) -> list[tuple[object, ...]]:
        return self.steps(0, 0).query(sql, **values)

    # What lies in the sources

    @initialize(files=st.dictionaries(PLACES, FILES, min_size=2))
    def begin_with(self, files: dict[tuple[int, str], File]) -> None:
        self.disk.update(files)
        for source in (0, 1):
            self.list_all(source=source, hidden=False)

    @rule(place=PLACES, file=FILES, is_listed=st.booleans())
    def put(self, *, place: tuple[int, str], file: File, is_listed: bool) -> None:
        self.disk[place] = file
        if is_listed:
            self.list_all(source=place[0], hidden=False)

    @rule(place=PLACES, film=st.sampled_from(FILMS), kinds=st.permutations(GROWING))
    def grow(self, *, place: tuple[int, str], film: str, kinds: list[str]) -> None:
        """A file is scored, and replaced under its key by a part, a whole or another of it."""
        for kind in kinds[:3]:
            self.put(place=place, file=File(film, kind), is_listed=True)
            self._drain(place[0], 0, 12)

    @rule(place=PLACES, film=st.sampled_from(FILMS), records=st.permutations(RECORDS))
    def describe(self, *, place: tuple[int, str], film: str, records: list[str]) -> None:
        """A file is scored, and its sidecar record is corrected."""
        for record in records[:3]:
            self.put(place=place, file=File(film, "png", record), is_listed=True)
            self._drain(place[0], 0, 12)

    @precondition(lambda self: self.disk)
    @rule(place=st.integers(0, 5))
    def remove(self, place: int) -> None:
        del self.disk[sorted(self.disk)[place % len(self.disk)]]

    @rule(source=st.integers(0, 1), hidden=st.booleans())
    def list_all(self, *, source: int, hidden: bool) -> None:
        """As a run does; a folder that cannot be listed hides what lies in it."""
        shown = {
            Place(key, file.fingerprint): file
            for (where, key), file in sorted(self.disk.items(), key=lambda item: item[0])
            if where == source and not (hidden and key.startswith("folder/"))
        }
        steps = self.steps(source, 0)
        with self._run(source, 0) as run:
            with self.database.transaction() as session:
                present = sightings.unchanged(session, self.sources[source], list(shown))
            new = [
                SeenObject(place, file.content_sha256, file.record_sha256)
                for index, (place, file) in enumerate(shown.items())
                if index not in present
            ]
            steps.show_all(*new)
            with self.database.transaction() as session:
                sightings.mark_gone(
                    session,
                    self.sources[source],
                    run.run_id,
                    sightings.WholeListing(
                        list(present.values()), hidden=["folder"] if hidden else []
                    ),
                )
                runs.end_run(session, run.run_id, "finished")

    def _run(self, source: int, model: int):
        return start_run(self.database, self.queue(source, model), software="test")

    @rule(source=st.integers(0, 1), key=st.sampled_from(KEYS))
    def obstruct(self, source: int, key: str) -> None:
        place = Place(key, UUID(int=0))
        with self.database.transaction() as session:
            sightings.enlist_obstacles(
                session, self.sources[source], [ObstructedPlace(place, "unreadable_file")]
            )

    # Which model versions are wanted where

    @rule(source=st.integers(0, 1), model=st.integers(0, 1))
    def want(self, source: int, model: int) -> None:
        self.wanted.add((source, model))
        values = {"model_version_id": self.models[model]}
        while True:
            with self.database.transaction() as session:
                if not sources.want(session, self.sources[source], **values):
                    return
                sources.enlist_seen(session, self.sources[source], limit=2, **values)

    @rule(source=st.integers(0, 1))
    def retire(self, source: int) -> None:
        self.wanted.discard((source, 1))
        with self.database.transaction() as session:
            sources.retire(session, self.sources[source], model_version_id=self.models[1])

    # Runs

    @rule(which=st.integers(0, 9), limit=st.integers(1, 6))
    def night(self, *, which: int, limit: int) -> None:
        """A short run: it claims, closes and ends in good order."""
        source, model = sorted(self.wanted)[which % len(self.wanted)]
        self._drain(source, model, limit)

    @precondition(lambda self: len(self.runs) < 3)
    @rule(which=st.integers(0, 9))
    def begin(self, which: int) -> None:
        source, model = sorted(self.wanted)[which % len(self.wanted)]
        exits = ExitStack()
        presence = exits.enter_context(self._run(source, model))
        self.runs.append(LivingRun(self.steps(source, model), source, model, presence, exits))

    @precondition(lambda self: self.runs)
    @rule(
        which=st.integers(0, 2), limit=st.integers(1, 4), suspect=st.booleans(), reads=st.booleans()
    )
    def claim(self, *, which: int, limit: int, suspect: bool, reads: bool) -> None:
        """Claim, and read what was claimed at once or only when it is closed."""
        run = self._living(which)
        try:
            claims = (
                run.steps.claim_suspect(run.presence)
                if suspect and not run.claims
                else (run.steps.claim(run.presence, limit))
            )
        except DatabaseError:
            assert self._state(run) == "abandoned"
            return
        for claimed in claims:
            assert not self._holds(claimed.work_id, besides=run)
            run.claims[claimed.work_id] = claimed
            if reads:
                run.read[claimed.work_id] = self._read(run, claimed)

    def _living(self, which: int) -> LivingRun:
        return self.runs[which % len(self.runs)]

    def _state(self, run: LivingRun) -> object:
        return run.steps.value("SELECT state FROM run WHERE id = :id", id=run.presence.run_id)

    def _holds(self, work_id: int, *, besides: LivingRun) -> bool:
        """Whether a run still holds a work's claim, by the ledger."""
        others = [run.presence.run_id for run in self.runs if run is not besides]
        rows = self.query(
            "SELECT FROM work WHERE id = :id AND run_id = ANY (:runs)", id=work_id, runs=others
        )
        return bool(rows)

    def _read(self, run: LivingRun, claimed: Claim) -> Outcome:
        key = claimed.object_key
        file = None if key is None else self.disk.get((run.source, key))
        if file is not None and claimed.is_judged:
            # Whom it shows is stored: its sidecar record may be another one by now, or gone.
            file = file.with_record(claimed.record_sha256)
        if file is None or (file.content_sha256, file.record_sha256) != (
            claimed.content_sha256,
            claimed.record_sha256,
        ):
            return Unreachable(claimed.work_id, key, "it is not there")
        return file.outcome(claimed.work_id, run.model)

    @precondition(lambda self: any(run.claims for run in self.runs))
    @rule(which=st.integers(0, 2), order=st.randoms(use_true_random=False), count=st.integers(1, 4))
    def close(self, *, which: int, order, count: int) -> None:
        holding = [run for run in self.runs if run.claims]
        run = holding[which % len(holding)]
        claims = sorted(run.claims)
        order.shuffle(claims)
        outcomes = [self._outcome(run, work_id) for work_id in claims[:count]]
        run.steps.close(run.presence, *outcomes)

    def _outcome(self, run: LivingRun, work_id: int) -> Outcome:
        claimed = run.claims.pop(work_id)
        return run.read.pop(work_id, None) or self._read(run, claimed)

    @precondition(lambda self: any(run.claims for run in self.runs))
    @rule(which=st.integers(0, 2))
    def kill(self, which: int) -> None:
        run = self._living(which)
        run.exits.close()
        await_death(run.steps, run.presence.run_id)
        self.runs.remove(run)

    @rule(which=st.integers(0, 9), limit=st.integers(1, 3), times=st.integers(1, 5))
    def die_at_work(self, *, which: int, limit: int, times: int) -> None:
        """One run after another claims, suspects alone, and is killed."""
        source, model = sorted(self.wanted)[which % len(self.wanted)]
        steps = self.steps(source, model)
        for _ in range(times):
            with self._run(source, model) as presence:
                if not steps.claim_suspect(presence):
                    steps.claim(presence, limit)
            await_death(steps, presence.run_id)
            self.release()

    @precondition(lambda self: self.runs)
    @rule(which=st.integers(0, 2))
    def end(self, which: int) -> None:
        run = self._living(which)
        with self.database.transaction() as session:
            runs.end_run(session, run.presence.run_id, "finished")
        run.exits.close()
        self.runs.remove(run)

    @precondition(lambda self: self.runs)
    @rule(which=st.integers(0, 2), renews=st.booleans(), releases=st.booleans())
    def lose_presence(self, *, which: int, renews: bool, releases: bool) -> None:
        run = self._living(which)
        run.presence.renew()
        break_presence(run.steps, run.presence)
        if releases:
            self.release()
        if renews:
            assert run.presence.renew()
            assert self._state(run) == "running"

    @precondition(lambda self: self.runs)
    @rule(which=st.integers(0, 2))
    def renew(self, which: int) -> None:
        self._living(which).presence.renew()

    @rule()
    def release(self) -> None:
        held = self.query("SELECT id, run_id FROM work WHERE state = 'claimed'")
        with self.database.transaction() as session:
            runs.release_abandoned(session)
        living = {run.presence.run_id for run in self.runs}
        for work_id, run_id in held:
            still = self.query("SELECT FROM work WHERE id = :id AND state = 'claimed'", id=work_id)
            assert not still or run_id in living, "a dead run holds a claim"
            if not still:
                self.deaths[work_id] = self.deaths.get(work_id, 0) + 1

    # Corrections

    @precondition(lambda self: self.known_scores)
    @rule(
        which=st.integers(0, 9), what=st.sampled_from((corrections.withdraw, corrections.restore))
    )
    def withdraw_or_restore(self, which: int, what: Callable[..., bool]) -> None:
        self._correct("image", which, lambda session, row_id: what(session, AUTHOR, row_id))

    @precondition(lambda self: self.known_scores)
    @rule(which=st.integers(0, 9), patient=st.sampled_from(("p-f", "p-g", "p-h")))
    def move(self, which: int, patient: str) -> None:
        self._correct(
            "image",
            which,
            lambda session, row_id: corrections.move(session, AUTHOR, row_id, patient),
        )

    @precondition(lambda self: self.known_scores)
    @rule(which=st.integers(0, 9), replacing=st.none() | st.integers(0, 9))
    def release_rejection(self, which: int, replacing: int | None) -> None:
        def release(session, row_id):
            corrections.release(session, AUTHOR, [row_id], instead_of=replacing)

        self._correct("object", which, release)

    @precondition(lambda self: self.known_scores)
    @rule(which=st.integers(0, 9))
    def dismiss(self, which: int) -> None:
        self._correct(
            "object", which, lambda session, row_id: corrections.dismiss(session, AUTHOR, [row_id])
        )

    def _correct(self, table: str, which: int, correct: Callable[..., object]) -> None:
        ids = [row_id for (row_id,) in self.query(f"SELECT id FROM {table} ORDER BY id")]  # noqa: S608
        if not ids:
            return
        try:
            with self.database.transaction() as session:
                correct(session, ids[which % len(ids)])
        except RefusedCorrection:
            pass

    @precondition(lambda self: self.known_scores)
    @rule(pair=st.permutations(("p-f", "p-g", "p-h")), merges=st.booleans())
    def merge_or_split(self, *, pair: list[str], merges: bool) -> None:
        try:
            with self.database.transaction() as session:
                if merges:
                    corrections.merge(session, AUTHOR, pair[0], pair[1])
                else:
                    corrections.split(session, AUTHOR, pair[0])
        except RefusedCorrection:
            pass

    @precondition(lambda self: self.known_scores)
    @rule(source=st.integers(0, 1), zones=st.permutations(("UTC", "Asia/Tokyo")))
    def correct_zone(self, source: int, zones: list[str]) -> None:
        try:
            with self.database.transaction() as session:
                corrections.correct_zone(session, AUTHOR, self.sources[source], *zones)
        except RefusedCorrection:
            pass

    # Promises

    @invariant()
    def the_balance_holds_and_its_counters_are_right(self) -> None:
        with self.database.transaction() as session:
            assert balances.verify(session) == []
            for balance in balances.balances(session):
                assert balance.holds, balance
            for source, model in self.wanted:
                waiting = (
                    "SELECT count(*) FROM work WHERE state = 'waiting' AND source_id = :s"
                    " AND model_version_id = :m"
                )
                queue = self.queue(source, model)
                values = {"s": queue.source_id, "m": queue.model_version_id}
                assert claiming.count_waiting(session, queue) == session.scalar(
                    text(waiting), values
                )

    @invariant()
    def scores_are_never_lost_changed_or_written_twice(self) -> None:
        rows = self.query("SELECT image_id, model_version_id, geographic_extent FROM score")
        current = {(image, model): extent for image, model, extent in rows}
        assert len(current) == len(rows)
        assert self.known_scores.items() <= current.items()
        self.known_scores = current

    @invariant()
    def nothing_counts_twice(self) -> None:
        """What the constraints prevent, asked of the rows."""
        assert (
            self.query(
                """
            SELECT image_uid FROM image WHERE standing <> 'superseded'
            GROUP BY image_uid HAVING count(*) > 1
            UNION ALL SELECT encode(pixel_sha256, 'hex') FROM image WHERE standing <> 'superseded'
            GROUP BY pixel_sha256 HAVING count(*) > 1
            """
            )
            == []
        )

    @invariant()
    def each_image_that_counts_has_its_object(self) -> None:
        assert (
            self.query(
                """
            SELECT image.id, standing, object.id FROM image
            LEFT JOIN object ON object.image_id = image.id
            WHERE (standing = 'superseded') <> (object.id IS NULL)
            """
            )
            == []
        )

    @invariant()
    def what_lies_there_and_is_undecided_waits_where_a_run_looks(self) -> None:
        assert self.query(UNREACHABLE) == []

    @invariant()
    def nobody_is_suspected_without_a_death(self) -> None:
        for work_id, crashes in self.query("SELECT id, crashes FROM work WHERE crashes > 0"):
            assert crashes <= self.deaths.get(work_id, 0)

    @invariant()
    def corrections_only_grow(self) -> None:
        events = [
            str(row) for (row,) in self.query("SELECT correction FROM correction ORDER BY id")
        ]
        assert events[: len(self.known_corrections)] == self.known_corrections
        self.known_corrections = events

    def teardown(self) -> None:
        """A fresh run scores or rejects all that lies there."""
        try:
            while self.runs:
                self.kill(0)
            self.release()  # as each pass does first, also of runs that died long ago
            for _ in range(8):
                for source in (0, 1):
                    self.list_all(source=source, hidden=False)
                if not sum(self._drain(source, model) for source, model in sorted(self.wanted)):
                    break
            assert self.query("SELECT * FROM work WHERE state <> 'failed'") == []
            for (source, key), file in self.disk.items():
                self._assert_decided(source, key, file)
            for promise in PROMISES:
                promise(self)
        finally:
            for run in self.runs:
                run.exits.close()

    def _drain(self, source: int, model: int, limit: int = 500) -> int:
        """Close all that waits, up to a limit; return how much that was."""
        count = 0
        steps = self.steps(source, model)
        with self._run(source, model) as presence:
            run = LivingRun(steps, source, model, presence, ExitStack())
            while count < limit:
                claims = steps.claim(presence, 4) or steps.claim_suspect(presence)
                if not claims:
                    break
                steps.close(presence, *(self._read(run, claimed) for claimed in claims))
                count += len(claims)
            with self.database.transaction() as session:
                runs.end_run(session, presence.run_id, "finished")
        assert count < 500, "it never ends"
        return count

    def _assert_decided(self, source: int, key: str, file: File) -> None:
        """By what its place shows: the same content may lie, or have lain, elsewhere undecided."""
        if not any(where == source for where, _ in self.wanted):
            return
        ((state,),) = self.query(
            """
            SELECT state FROM sighting JOIN object ON object.id = object_id
            WHERE sighting.source_id = :source AND object_key = :key AND gone_at IS NULL
                AND content_sha256 = decode(:content, 'hex')
            """,
            source=self.sources[source],
            key=key,
            content=file.content_sha256,
        )
        assert state in {"accepted", "rejected"}, (key, file)


PROMISES = (
    Ledger.the_balance_holds_and_its_counters_are_right,
    Ledger.scores_are_never_lost_changed_or_written_twice,
    Ledger.what_lies_there_and_is_undecided_waits_where_a_run_looks,
)

TRUNCATE = """
TRUNCATE site, model_version, calibration, source, wanted, run, patient, study, image, object,
    sighting, replaced, work, score, output_names, score_output, tally, correction, course_due,
    device, drift_due, drift_night, drift_report, repeat_pair RESTART IDENTITY CASCADE
"""

# What lies in a source that wants a model version, and is neither judged nor scored by it: it must
# wait, or be claimed, in a source that wants it. What failed is known to a person.
UNREACHABLE = """
SELECT object.id, sighting.object_key, wanted.* FROM object
JOIN sighting ON sighting.object_id = object.id AND sighting.gone_at IS NULL
JOIN wanted ON wanted.source_id = sighting.source_id
LEFT JOIN image ON image.id = object.image_id
LEFT JOIN score ON score.image_id = image.id
    AND score.model_version_id = wanted.model_version_id
WHERE (object.state = 'received' OR image.standing = 'valid') AND score.image_id IS NULL
    AND NOT EXISTS (
        SELECT FROM work
        LEFT JOIN wanted AS looked
            ON looked.source_id = work.source_id AND looked.model_version_id = work.model_version_id
        WHERE work.object_id = object.id AND work.model_version_id = wanted.model_version_id
            AND CASE work.state
                WHEN 'failed' THEN work.reason <> 'vanished'
                ELSE looked.source_id IS NOT NULL
            END
    )
"""


def test_the_promises_hold_whatever_happens(database):
    run_state_machine_as_test(
        lambda: Ledger(database),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
