"""Courses follow what is stored, whatever is corrected, interrupted or done twice."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from db.corrections import correct_time, correct_view, forget, merge, move, restore, split, withdraw
from db.courses import due
from db.courses.choices import Baseline, choose_baseline, choose_episode
from db.errors import RefusedCorrection
from db.events import PatientGroup, store_groups
from db.reading.site import balances
from flows.courses import update
from flows.courses.update import Updated, update_courses
from severity.course.course import follow
from severity.course.series import Films
from severity.domain import TimeSource, View
from tests.builders.archive import Archive, Film
from tests.builders.courses import DAY_0, adopt, film
from tests.builders.scores import version
from tests.severity.course.builders import SET

DAY = timedelta(days=1)
EXAMPLES = int(os.environ.get("SEVERITY_TEST_EXAMPLES", "8"))

KEPT = """
    SELECT row_to_json(course)::text FROM course
    UNION ALL SELECT row_to_json(patient_summary)::text FROM patient_summary
    ORDER BY 1
"""


def check_kept(archive: Archive) -> None:
    """Check that what is kept is what is computed when all of it is computed from nothing."""
    kept = archive.rows(KEPT)
    archive.rows("WITH gone AS (DELETE FROM course) DELETE FROM patient_summary RETURNING 1")
    archive.do(due.add_all)
    update_courses(archive.database)
    assert archive.rows(KEPT) == kept
    assert archive.do(balances.verify) == []


def days(archive: Archive, patient: str = "p-1", by: str = "v1") -> list[tuple[object, ...]]:
    """The films of a patient as episode, whole days since its baseline, and whether they are it."""
    version = archive.queue(by).model_version_id
    return archive.rows(
        """
        SELECT episode, days, is_baseline
        FROM course JOIN patient ON patient.id = course.person_id
        WHERE patient_key = :patient AND model_version_id = :version
        ORDER BY calendar_known DESC, acquired_at, image_id
        """,
        patient=patient,
        version=version,
    )


def test_each_film_has_the_level_that_the_core_computes(archive):
    at, extents = [0.0, 2.0, 2.0, 9.0], [1.0, 4.0, 4.5, 5.0]
    archive.add(*(film(f"f{n}", day, extents[n]) for n, day in enumerate(at)))

    assert update_courses(archive.database).persons == 1

    pa, eligible = np.zeros(4, dtype=np.int8), np.ones(4, dtype=bool)
    films = Films(np.zeros(4, dtype=np.int64), np.array(at), np.array(extents), pa, eligible)
    courses = follow(films, np.array([0]), SET.geographic_extent)
    rows = archive.rows(
        """
        SELECT days, extent_level, extent_smoothed_level, extent_worse, extent_verdict, is_baseline
        FROM course ORDER BY acquired_at, image_id
        """
    )
    assert [row[0] for row in rows] == at
    assert np.array([row[1] for row in rows]) == pytest.approx(courses.level, rel=1e-6)
    assert np.array([row[2] for row in rows]) == pytest.approx(courses.smoothed_level, rel=1e-6)
    assert rows[0][3:] == (None, None, True)
    assert np.array([row[3] for row in rows[1:]]) == pytest.approx(courses.worse[1:], rel=1e-6)
    assert [row[4] for row in rows[1:]] == courses.verdicts[1:].tolist()


def test_who_is_computed_is_due_no_longer_until_something_changes(archive, author):
    archive.add(film("f", 0), film("g", 3))
    assert archive.do(due.counts).due == 1
    assert update_courses(archive.database).persons == 1
    assert archive.do(due.counts).due == 0
    assert update_courses(archive.database).persons == 0
    archive.do(withdraw, author, archive.image(film("g", 3)))
    assert archive.do(due.counts).due == 1


def test_a_course_never_joins_two_model_versions(archive):
    adopt(archive, by="v2")
    archive.add(film("f", 0), by="v1")
    archive.score(by="v2")
    archive.add(film("g", 3), by="v1")
    update_courses(archive.database)

    assert days(archive, by="v1") == [(1, 0, True), (1, 3, False)]
    assert days(archive, by="v2") == [(1, 0, True)]


def test_a_course_never_joins_dates_and_days_since_an_unknown_day(archive):
    offset = {"time_source": TimeSource.SIDECAR_OFFSET}
    archive.add(film("f", 0), film("g", 1, **offset), film("h", 2), film("i", 5, **offset))
    update_courses(archive.database)
    assert days(archive) == [(1, 0, True), (1, 2, False), (1, 0, True), (1, 4, False)]
    assert archive.rows("SELECT films, calendar_known FROM patient_summary") == [(2, True)]


def test_an_episode_ends_after_a_gap_and_each_has_its_baseline(archive, author):
    archive.add(film("f", 0), film("g", 90), film("h", 180.5), film("i", 200))
    update_courses(archive.database)
    assert days(archive) == [(1, 0, True), (1, 90, False), (2, 0, True), (2, 19.5, False)]
    assert archive.rows("SELECT films, films_in_episode, episode FROM patient_summary") == [
        (4, 2, 2)
    ]

    assert archive.do(choose_episode, author, "p-1", 10)
    assert not archive.do(choose_episode, author, "p-1", 10)
    update_courses(archive.database)
    assert [row[0] for row in days(archive)] == [1, 2, 3, 4]

    assert archive.do(choose_episode, author, "p-1", None)
    update_courses(archive.database)
    assert [row[0] for row in days(archive)] == [1, 1, 2, 2]


def test_a_person_chooses_the_baseline_of_an_episode(archive, author):
    films = [film("f", 0), film("g", 2), film("h", 5), film("i", 200)]
    archive.add(*films)
    chosen = Baseline(image_id=archive.image(films[1]))
    assert archive.do(choose_baseline, author, "p-1", chosen)
    assert not archive.do(choose_baseline, author, "p-1", chosen)
    update_courses(archive.database)
    assert days(archive) == [(1, -2, False), (1, 0, True), (1, 3, False), (2, 0, True)]

    # An image that counts no longer is no baseline.
    archive.do(withdraw, author, archive.image(films[1]))
    update_courses(archive.database)
    assert days(archive) == [(1, 0, True), (1, 5, False), (2, 0, True)]

    archive.do(restore, author, archive.image(films[1]))
    assert archive.do(choose_baseline, author, "p-1", Baseline())
    update_courses(archive.database)
    assert [row[2] for row in days(archive)] == [True, False, False, True]


def treated(archive: Archive, day: float, patient: str = "p-1") -> int:
    """Let a treatment of a patient start on a day; return the id of its event."""
    ((event,),) = archive.rows(
        """
        INSERT INTO event (patient_id, starts_at, kind, starts_is_date, zone, label, source)
        SELECT id, :at, 'drug', false, 'UTC', 'steroid', 'test' FROM patient
        WHERE patient_key = :patient RETURNING id
        """,
        at=DAY_0 + timedelta(days=day),
        patient=patient,
    )
    return int(event)  # type: ignore[call-overload]


def test_the_baseline_may_be_the_last_film_before_a_treatment(archive, author):
    archive.add(film("f", 0), film("g", 2), film("h", 5), film("i", 200))
    event = treated(archive, 4)
    archive.do(choose_baseline, author, "p-1", Baseline(event_id=event))
    update_courses(archive.database)
    assert days(archive) == [(1, -2, False), (1, 0, True), (1, 3, False), (2, 0, True)]


def test_after_a_split_the_treatment_of_the_other_patient_chooses_no_baseline(archive, author):
    archive.add(film("f", 0), film("g", 2), film("h", 5), film("of-2", 1, patient="p-2"))
    event = treated(archive, 4, "p-2")
    archive.do(merge, author, "p-2", "p-1")
    archive.do(choose_baseline, author, "p-1", Baseline(event_id=event))
    update_courses(archive.database)
    assert [row[2] for row in days(archive)] == [False, False, True, False]

    archive.do(split, author, "p-2")
    update_courses(archive.database)

    assert [row[2] for row in days(archive)] == [True, False, False]
    read = "SELECT treatment_at FROM course_choices WHERE patient_key = 'p-1'"
    assert archive.rows(read) == [(None,)]

    archive.do(merge, author, "p-2", "p-1")
    update_courses(archive.database)
    assert [row[2] for row in days(archive)] == [False, False, True, False]


def test_an_image_that_was_chosen_for_one_patient_is_no_choice_for_another(archive, author):
    """Both are computed at once, as after each move; alone the other has the usual baseline."""
    films = [film("f", 0), film("g", 2), film("of-2", 1, patient="p-2")]
    archive.add(*films)
    archive.do(choose_baseline, author, "p-1", Baseline(image_id=archive.image(films[1])))
    archive.do(move, author, archive.image(films[1]), "p-2")

    update_courses(archive.database)

    assert days(archive) == [(1, 0, True)]
    assert days(archive, "p-2") == [(1, 0, True), (1, 1, False)]


def test_a_choice_that_cannot_serve_is_refused(archive, author):
    archive.add(film("f", 0), film("g", 0, patient="p-2"))
    other = archive.image(film("g", 0))
    for patient, chosen in (
        ("p-1", Baseline(image_id=other)),
        ("p-1", Baseline(event_id=1)),
        ("p-absent", Baseline()),
    ):
        with pytest.raises(RefusedCorrection):
            archive.do(choose_baseline, author, patient, chosen)


def test_who_has_no_baseline_has_no_level_at_it_and_nobody_elses(archive):
    """All films of one are out of distribution; another of the same batch has a course."""
    archive.add(
        *(film(f"u{day}", day, flagged=True, patient="p-unlike") for day in (0, 1)),
        *(film(f"z{day}", day, 1.0 + 4 * day, patient="p-z") for day in (0, 1)),
    )
    update_courses(archive.database)

    (summary,) = archive.rows(
        """
        SELECT baseline_at, extent_baseline_level, opacity_baseline_level
        FROM worklist WHERE patient_key = 'p-unlike'
        """
    )
    assert summary == (None, None, None)


def test_a_film_before_the_first_that_counts_has_no_level_and_is_no_peak(archive):
    archive.add(film("u", 0, 7.0, flagged=True), film("f", 1, 0.5), film("g", 3, 0.4))
    update_courses(archive.database)

    levels = archive.rows("SELECT extent_level, extent_smoothed_level FROM course ORDER BY days")
    ((peak,),) = archive.rows("SELECT extent_peak_level FROM patient_summary")
    assert levels[0] == (None, None)
    assert peak == max(level for level, _ in levels[1:])


def test_of_films_of_one_time_the_worklist_and_the_course_have_the_same_as_the_last(archive):
    for name, flagged in (("b", False), ("a", True)):
        archive.add(film(name, 0, flagged=flagged))
    update_courses(archive.database)

    in_order = "SELECT out_of_distribution IS NOT NULL FROM patient_course ORDER BY image_id"
    last = archive.rows(in_order)[-1]
    assert archive.rows("SELECT latest_out_of_distribution FROM worklist") == [last] == [(True,)]


def test_each_choice_is_recorded_with_who_and_why(archive, author):
    archive.add(film("f", 0))
    image = archive.image(film("f", 0))
    archive.do(choose_baseline, author, "p-1", Baseline(image_id=image))
    archive.do(choose_episode, author, "p-1", 30)
    archive.do(choose_baseline, author, "p-1", Baseline())
    recorded = archive.rows(
        """
        SELECT what, who, why, before, after
        FROM correction JOIN patient ON patient.id = patient_id ORDER BY correction.id
        """
    )
    by = (author.who, author.why)
    assert recorded == [
        ("baseline chosen", *by, {"baseline_image_id": None}, {"baseline_image_id": image}),
        ("episode chosen", *by, {"episode_days": None}, {"episode_days": 30}),
        ("baseline chosen", *by, {"baseline_image_id": image}, {"baseline_image_id": None}),
    ]


def test_merged_patients_have_one_course_and_split_ones_their_own(archive, author):
    archive.add(film("f", 0), film("g", 3, patient="p-2"))
    update_courses(archive.database)
    archive.do(merge, author, "p-2", "p-1")
    update_courses(archive.database)
    assert days(archive) == [(1, 0, True), (1, 3, False)]
    assert days(archive, "p-2") == []
    archive.do(split, author, "p-2")
    update_courses(archive.database)
    assert days(archive) == [(1, 0, True)]
    assert days(archive, "p-2") == [(1, 0, True)]


def test_a_level_that_a_cohorts_curve_counts_and_no_course_has_shows_when_it_is_verified(archive):
    archive.add(film("f", 0), film("g", 3))
    update_courses(archive.database)
    archive.rows("UPDATE cohort_level SET n = 0 WHERE score = 'opacity' AND day = 3 RETURNING 1")
    archive.rows("UPDATE cohort_level SET day = 4 WHERE day = 3 RETURNING 1")

    wrong = archive.do(balances.verify)

    assert {found.what for found in wrong} == {"level"}
    assert sorted((found.counted, found.rows) for found in wrong) == [(0, 1), (0, 1), (1, 0)]
    assert {found.model_version for found in wrong} == {version("v1").key}


def test_of_who_is_forgotten_nothing_is_kept(archive, author):
    archive.add(film("f", 0), film("g", 3, patient="p-2"), film("h", 4, patient="p-3"))
    archive.do(merge, author, "p-2", "p-1")
    archive.do(choose_episode, author, "p-1", 30)
    update_courses(archive.database)
    archive.do(withdraw, author, archive.image(film("f", 0)))
    archive.do(forget, author, "p-2")
    for table in ("course", "patient_summary"):
        assert len(archive.rows(f"SELECT 1 FROM {table}")) == 1  # noqa: S608
    for table in ("course_due", "course_choice"):
        assert archive.rows(f"SELECT 1 FROM {table}") == []  # noqa: S608
    check_kept(archive)


def test_forgetting_waits_for_an_update_that_has_read_the_films(archive, author):
    archive.add(film("f", 0))
    forgetting = threading.Thread(target=archive.do, args=(forget, author, "p-1"))
    with archive.database.transaction() as session:
        taken = due.take(session, limit=9)
        forgetting.start()
        await_waiting(archive)
        for version, person_ids in taken.persons.items():
            update.write_persons(session, version, person_ids)
    forgetting.join()
    assert archive.rows(KEPT) == []


def await_waiting(archive: Archive) -> None:
    """Wait until a session waits for the lock of courses."""
    deadline = time.monotonic() + 20
    waits = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    while not archive.rows(waits):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_without_parameters_patients_are_listed_and_have_no_course(archive):
    archive.add(film("f", 0), film("g", 3), by="v2")
    update_courses(archive.database)
    assert archive.rows("SELECT patient_key, films FROM patient_list") == [("p-1", 2)]
    assert days(archive, by="v2") == []

    adopt(archive, by="v2")
    assert update_courses(archive.database).persons == 1
    assert days(archive, by="v2") == [(1, 0, True), (1, 3, False)]


def test_a_changed_set_is_used_for_whoever_is_due_and_the_others_are_outdated(archive):
    archive.add(film("f", 0), film("g", 0, patient="p-2"))
    update_courses(archive.database)
    adopt(archive, replace(SET, episode_days=30))
    archive.add(film("h", 5))
    update_courses(archive.database)
    assert archive.do(due.counts).outdated == 1

    archive.do(due.add_outdated)
    archive.do(due.add_outdated)
    assert archive.do(due.entries) == 1
    assert update_courses(archive.database).persons == 1
    assert archive.do(due.counts).outdated == 0


def test_an_update_that_is_killed_has_lost_nothing(archive, database_url):
    archive.add(*(film(f"f{n}", 0, patient=f"p-{n}") for n in range(40)))
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPING_IN_ITS_SECOND_BATCH, database_url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "written\n"
    process.kill()
    process.communicate()
    assert len(archive.rows("SELECT FROM course")) == 10

    assert update_courses(archive.database).persons == 30
    assert len(archive.rows("SELECT FROM course")) == 40
    check_kept(archive)


STOPPING_IN_ITS_SECOND_BATCH = """
import sys
from db.engine import Database
from flows.courses import update

update._DUE_AT_ONCE = 10
write, batches = update._write, []

def stopping(*arguments):
    write(*arguments)
    batches.append(1)
    if len(batches) == 2:
        print("written", flush=True)
        sys.stdin.read()

update._write = stopping
update.update_courses(Database(sys.argv[1]))
"""


def test_updates_at_once_by_several_connections_share_the_work(archive, monkeypatch):
    monkeypatch.setattr(update, "_DUE_AT_ONCE", 4)
    archive.add(*(film(f"f{n}", 0, patient=f"p-{n % 20}") for n in range(40)))
    with ThreadPoolExecutor(2) as threads:
        counts = list(
            threads.map(lambda n: update_courses(archive.database, connections=n), (3, 1))
        )
    # A person who is on the list twice may be computed twice.
    assert sum(count.persons for count in counts) >= 20
    assert archive.do(due.entries) == 0
    check_kept(archive)


def test_updates_of_different_parts_never_wait_for_each_other(archive):
    archive.add(*(film(f"f{n}", n % 2, patient=f"p-{n // 2}") for n in range(16)))
    update_courses(archive.database)
    archive.do(due.add_all)
    with archive.database.transaction() as session:
        assert update.update_batch(session, due.PARTS[::2]).persons == 4
        # A wait for what that one has written would end in an error.
        with archive.database.transaction() as other:
            assert update.update_batch(other, due.PARTS[1::2]).persons == 4
    assert archive.do(due.entries) == 0
    check_kept(archive)


def test_an_update_that_is_interrupted_ends_with_its_batches(archive, monkeypatch):
    monkeypatch.setattr(update, "_DUE_AT_ONCE", 4)
    archive.add(*(film(f"f{n}", 0, patient=f"p-{n}") for n in range(40)))
    batches: list[Updated] = []

    def interrupt(batch: Updated) -> None:
        batches.append(batch)
        if len(batches) == 1:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        time.sleep(0.2)

    with pytest.raises(KeyboardInterrupt):
        update_courses(archive.database, interrupt, connections=2)

    left = archive.do(due.entries)
    assert 0 < left == 40 - sum(batch.entries for batch in batches)
    assert update_courses(archive.database).persons == left


PATIENTS = ("p-1", "p-2", "p-3")
FILMS = tuple(
    film(f"f{n}", day, extent, PATIENTS[n % 3])
    for n, (day, extent) in enumerate([(0, 1), (0, 2), (1, 3), (2, 4), (95, 5), (2, 6), (200, 7)])
)
PATIENT, FILM = st.sampled_from(PATIENTS), st.sampled_from(FILMS)
CORRECTIONS = st.one_of(
    st.tuples(st.just(merge), PATIENT, PATIENT),
    st.tuples(st.just(split), PATIENT),
    st.tuples(st.just(move), FILM, PATIENT),
    st.tuples(st.just(withdraw), FILM),
    st.tuples(st.just(restore), FILM),
    st.tuples(st.just(correct_time), FILM, st.integers(0, 99).map(lambda n: DAY_0 + n * DAY)),
    st.tuples(st.just(correct_view), FILM, st.sampled_from(View)),
    st.tuples(st.just(choose_episode), PATIENT, st.sampled_from([None, 1.0, 300.0])),
    st.tuples(st.just(choose_baseline), PATIENT, FILM | st.none()),
    st.tuples(st.just(forget), st.just("p-3")),
    st.tuples(st.just("group"), PATIENT, st.sampled_from(["drug", "placebo"])),
    st.tuples(st.just("update"), st.integers(1, 3)),
)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(CORRECTIONS, max_size=12))
def test_after_any_corrections_what_is_kept_is_what_is_computed_from_nothing(
    database, author, steps
):
    with database.transaction() as session:
        session.execute(text(TRUNCATE))
    archive = Archive(database)
    for name in ("v1", "v2"):
        adopt(archive, by=name)
        archive.add(*FILMS, by=name)
    images = {made.name: archive.image(made) for made in FILMS}
    for change, *arguments in steps:
        if change == "update":
            with archive.database.transaction() as session:
                for version, persons in due.take(session, limit=arguments[0]).persons.items():
                    update.write_persons(session, version, persons)
            continue
        if change == "group":
            patient, arm = arguments
            archive.do(store_groups, "ward", [PatientGroup(patient, "arm", arm)])
            continue
        with suppress(RefusedCorrection):
            archive.do(change, author, *(_argument(images, change, value) for value in arguments))
    update_courses(archive.database)
    check_kept(archive)


def _argument(images: dict[str, int], change: object, value: object) -> object:
    image = images[value.name] if isinstance(value, Film) else None
    if change is choose_baseline and not isinstance(value, str):
        return Baseline(image_id=image)
    return image or value


TRUNCATE = """
    TRUNCATE course, patient_summary, course_due, course_parameters, cohort_level, course_choice,
        source, model_version, patient, study, image, score, tally RESTART IDENTITY CASCADE
"""
