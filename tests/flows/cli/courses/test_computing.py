"""The commands on courses, on the test's database."""

import json

import pytest

from db.courses import due
from tests.builders.commands import undo
from tests.builders.courses import adopt, film
from tests.builders.pseudonyms import pseudonym

PATIENT = pseudonym("one")


@pytest.fixture
def scored(archive):
    """Two patients by a version with parameters."""
    adopt(archive)
    archive.add(film("f", 0, patient=PATIENT), film("g", 3, patient=PATIENT), film("h", 0))
    return archive


def test_an_update_computes_all_who_are_due_and_says_how_many(ask, scored):
    assert "2 courses computed" in ask("courses", "update").output
    assert "0 courses computed" in ask("courses", "update").output
    assert scored.do(due.entries) == 0


def test_status_says_how_many_are_due_and_outdated(ask, scored):
    assert json.loads(ask("status", "--json").output)["courses"] == {"due": 2, "outdated": 0}
    assert "Courses: 2 due" in ask("status").output


def test_a_refit_computes_what_rests_on_an_older_set_or_everything(ask, scored):
    ask("courses", "update")
    assert "0 courses computed" in ask("courses", "refit").output
    assert "2 courses computed" in ask("courses", "refit", "--all").output


def test_the_parameter_sets_are_shown_with_the_courses_that_rest_on_them(ask, scored):
    ask("courses", "update")
    (shown,) = json.loads(ask("courses", "parameters", "--json").output)
    assert (shown["origin"], shown["courses"], shown["is_current"]) == ("site", 2, True)
    assert "site" in ask("courses", "parameters").output


WHY = ("--why", "steroids began", "--who", "dr.roe")


def test_a_baseline_is_chosen_and_chosen_no_longer(correct, scored):
    image = scored.image(film("g", 3))
    chosen = "SELECT baseline_image_id, episode_days FROM course_choice"
    done = correct("patient", "baseline", PATIENT, str(image), *WHY)
    assert done.code == 0
    assert f"Undo: cxr-severity patient baseline {PATIENT} --clear" in done.out
    assert scored.rows(chosen) == [(image, None)]
    assert "Nothing changed" in correct("patient", "baseline", PATIENT, str(image), *WHY).out

    assert correct("patient", "episode", PATIENT, "30", *WHY).code == 0
    assert correct("patient", "baseline", PATIENT, "--clear", *WHY).code == 0
    assert scored.rows(chosen) == [(None, 30)]

    history = json.loads(correct("patient", "history", PATIENT, "--json").out)
    assert [change["what"] for change in history] == [
        "baseline chosen",
        "episode chosen",
        "baseline chosen",
    ]


def treated(archive, day):
    """Let a treatment of the first start on a day; return the id of its event."""
    ((event,),) = archive.rows(
        """
        INSERT INTO event (patient_id, starts_at, kind, starts_is_date, zone, label, source)
        SELECT id, CAST(:day AS timestamptz), 'drug', false, 'UTC', 'steroid', 'test'
        FROM patient WHERE patient_key = :patient RETURNING id
        """,
        patient=PATIENT,
        day=f"{day} 00:00Z",
    )
    return event


# The films of the first lie on March 1 and 4; an episode ends after 90 days without one.
@pytest.mark.parametrize(
    ("day", "code"), [("2020-02-29", 2), ("2020-03-01", 0), ("2020-05-01", 0), ("2021-03-01", 2)]
)
def test_a_treatment_chooses_a_baseline_where_an_image_of_its_episode_precedes_it(
    correct, scored, day, code
):
    event = str(treated(scored, day))

    assert correct("patient", "baseline", PATIENT, "--event", event, *WHY).code == code
    assert scored.rows("SELECT count(*) FROM course_choice") == [(1 - code // 2,)]


def test_an_image_out_of_distribution_is_no_baseline_before_a_treatment(correct, archive):
    adopt(archive)
    archive.add(film("f", 0, patient=PATIENT, flagged=True), film("g", 9, patient=PATIENT))
    event = str(treated(archive, "2020-03-05"))

    assert correct("patient", "baseline", PATIENT, "--event", event, *WHY).code == 2


CHOSEN = "SELECT baseline_image_id, baseline_event_id, episode_days FROM course_choice"


@pytest.mark.parametrize(
    ("what", "former", "another"),
    [
        ("baseline", "{image}", "--clear"),
        ("baseline", "{image}", "--event {event}"),
        ("baseline", "--event {event}", "--clear"),
        ("baseline", "--event {event}", "{image}"),
        ("episode", "30.25", "--clear"),
        ("episode", "30.25", "7"),
    ],
)
def test_the_undo_of_a_choice_is_the_former_choice(correct, scored, what, former, another):
    event = treated(scored, "2020-03-06")
    values = {"image": scored.image(film("g", 3)), "event": event}
    correct("patient", what, PATIENT, *former.format(**values).split(), *WHY)
    before = scored.rows(CHOSEN)

    done = correct("patient", what, PATIENT, *another.format(**values).split(), *WHY)
    assert scored.rows(CHOSEN) != before
    undo(correct, done.out, WHY)

    assert scored.rows(CHOSEN) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("baseline", PATIENT),
        ("baseline", PATIENT, "1", "--clear"),
        ("baseline", PATIENT, "99"),
        ("baseline", "p-absent", "--clear"),
        ("episode", PATIENT),
        ("episode", PATIENT, "0"),
        ("episode", PATIENT, "nan"),
        ("episode", PATIENT, "inf"),
        ("episode", PATIENT, "30", "--clear"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(correct, scored, arguments):
    assert correct("patient", *arguments, *WHY).code == 2
    assert scored.rows("SELECT FROM course_choice") == []
