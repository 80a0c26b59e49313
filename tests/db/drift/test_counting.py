"""Nightly sums and repeats are what the films say, however they came and were corrected."""

from datetime import UTC, date, datetime, timedelta
from math import log, sqrt

import pytest
from sqlalchemy import text

from db.corrections import Author, correct_time, forget, merge, move, restore, split, withdraw
from db.drift import count_due, nightly_sums
from severity.domain import (
    Device,
    DistributionCheck,
    Measure,
    NightlySum,
    OutOfDistribution,
    TimeSource,
    View,
)
from tests.builders.ledger import Steps
from tests.builders.scores import DAY_ZERO, INVERTED, version

ROOM_1, ROOM_2 = Device("ACME", "X-1000", "ROOM1"), Device("ACME", "X-1000", "ROOM2")
HOUR = 1 / 24
AUTHOR = Author("test", "because")


def at(distance: float, reference: str = "frontal-1") -> DistributionCheck:
    return DistributionCheck(reference, distance)


def counted(steps: Steps, *, portion: int = 5_000) -> list[NightlySum]:
    """What is counted once nothing is due."""
    for _ in range(100):
        with steps.database.transaction() as session:
            if count_due(session, portion=portion) < portion:
                break
    with steps.database.transaction() as session:
        return sorted(nightly_sums(session, version().key), key=repr)


def afresh(steps: Steps) -> None:
    """Forget what was counted, and let all films be due: one that is written anew comes again."""
    for change in (
        "DELETE FROM drift_night",
        "DELETE FROM repeat_pair",
        "UPDATE image SET view = view",
        "DELETE FROM drift_due WHERE sign < 0",
    ):
        with steps.database.transaction() as session:
            session.execute(text(change))


def of(sums: list[NightlySum], measure: Measure) -> dict[tuple[date, View, int], tuple[int, float]]:
    return {
        (entry.day, entry.view, entry.device): (entry.films, pytest.approx(entry.total, abs=1e-5))
        for entry in sums
        if entry.measure is measure
    }


DAY = DAY_ZERO.date()


def test_films_are_added_up_by_day_view_and_device(steps, course):
    course(
        {"extent": 2.0, "device": ROOM_1},
        {"extent": 3.0, "device": ROOM_1, "patient": "p-2"},
        {"extent": 4.0, "view": View.AP, "patient": "p-3"},
        {"extent": 5.0, "day": 1, "device": ROOM_1, "patient": "p-4"},
    )

    sums = counted(steps)

    assert of(sums, Measure.EXTENT) == {
        (DAY, View.PA, 1): (2, 5.0),
        (DAY, View.AP, 0): (1, 4.0),
        (DAY + timedelta(days=1), View.PA, 1): (1, 5.0),
    }
    squares = [entry.squares for entry in sums if entry.measure is Measure.EXTENT]
    assert sum(squares) == pytest.approx(4 + 9 + 16 + 25)


def test_a_night_to_come_is_not_the_last_one(steps, course):
    """The clock of the device was wrong: all other devices would be silent since then."""
    ahead = (date.today() + timedelta(days=900) - DAY).days  # noqa: DTZ011 - any zone will do
    course({"extent": 2.0}, {"extent": 3.0, "day": ahead, "patient": "p-2"})

    assert set(of(counted(steps), Measure.EXTENT)) == {(DAY, View.PA, 0)}


def test_what_is_out_of_distribution_counts_in_the_distances_alone(steps, course):
    course(
        {"extent": 2.0, "distribution_check": at(0.5)},
        {"extent": 7.0, "distribution_check": INVERTED, "patient": "p-2"},
    )

    sums = counted(steps)

    assert of(sums, Measure.EXTENT) == {(DAY, View.PA, 0): (1, 2.0)}
    assert of(sums, Measure.DISTANCE) == {(DAY, View.PA, 0): (2, log(0.5) + log(2.5))}


def test_distances_to_an_earlier_reference_distribution_are_left_out(steps, course):
    course(
        {"distribution_check": at(0.5, "frontal-0")},
        {"distribution_check": at(0.8), "day": 1, "patient": "p-2"},
    )

    assert of(counted(steps), Measure.DISTANCE) == {
        (DAY + timedelta(days=1), View.PA, 0): (1, log(0.8))
    }


def test_on_the_night_of_a_change_the_distances_to_the_newer_reference_count(steps, course):
    course(
        {"distribution_check": at(0.5, "frontal-9")},
        {"distribution_check": at(0.6, "frontal-9"), "day": 1, "patient": "p-2"},
        {"distribution_check": at(0.8, "frontal-10"), "day": 1, "patient": "p-3"},
    )

    assert of(counted(steps), Measure.DISTANCE) == {
        (DAY + timedelta(days=1), View.PA, 0): (1, log(0.8))
    }


def test_one_film_of_a_wrong_clock_does_not_hold_an_earlier_reference(steps, course):
    in_ten_years = (datetime.now(UTC) - DAY_ZERO).days + 3650
    course(
        {"distribution_check": at(0.5, "frontal-0"), "day": in_ten_years},
        {"distribution_check": at(0.8), "day": 1, "patient": "p-2"},
    )

    assert of(counted(steps), Measure.DISTANCE) == {
        (DAY + timedelta(days=1), View.PA, 0): (1, log(0.8))
    }


def test_films_without_a_calendar_date_are_of_no_night(steps, course):
    course({"day": None}, {"day": 3, "source": TimeSource.SIDECAR_OFFSET, "patient": "p-2"})

    assert counted(steps) == []


def test_a_repeat_is_the_next_film_of_the_person_view_and_device_within_a_day(steps, course):
    course(
        {"extent": 2.0, "day": 0},
        {"extent": 3.0, "day": 6 * HOUR},
        {"extent": 7.0, "day": 7 * HOUR, "view": View.AP},
        {"extent": 6.0, "day": 8 * HOUR, "device": ROOM_1},
        {"extent": 3.5, "day": 6 * HOUR + 1},
        {"extent": 8.0, "day": 3},
        {"extent": 8.0, "day": 0, "patient": "p-2"},
    )

    assert of(counted(steps), Measure.ERROR) == {
        (DAY, View.PA, 0): (1, 1.0),
        (DAY + timedelta(days=1), View.PA, 0): (1, sqrt(0.5)),
    }


def test_films_of_two_dates_are_no_repeats_if_a_date_alone_is_known(steps, course):
    date = {"source": TimeSource.SIDECAR_DATE}
    course(
        {"extent": 2.0, "day": 0, **date},
        {"extent": 3.0, "day": 1, **date},
        {"extent": 4.0, "day": 3, **date},
        {"extent": 5.0, "day": 3.2},
    )

    assert of(counted(steps), Measure.ERROR) == {(DAY + timedelta(days=3), View.PA, 0): (1, 1.0)}


def test_portions_of_any_size_count_the_same(steps, course):
    course(
        *(
            {"extent": number, "day": number / 3, "patient": f"p-{number % 2}", "device": ROOM_1}
            for number in range(8)
        )
    )
    in_ones = counted(steps, portion=1)
    afresh(steps)

    assert of(in_ones, Measure.ERROR)
    assert counted(steps) == in_ones
    assert steps.value("SELECT count(*) FROM drift_due") == 0


CORRECTIONS = {
    "withdrawn": lambda session: withdraw(session, AUTHOR, 2),
    "moved": lambda session: move(session, AUTHOR, 2, "p-2"),
    "of another time": lambda session: correct_time(
        session, AUTHOR, 2, datetime(2021, 1, 1, tzinfo=UTC)
    ),
    "merged": lambda session: merge(session, AUTHOR, "p-2", "p-1"),
    "forgotten": lambda session: forget(session, AUTHOR, "p-1"),
}


@pytest.mark.parametrize("correct", CORRECTIONS.values(), ids=CORRECTIONS)
@pytest.mark.parametrize("when", ["before they are counted", "afterwards"])
def test_corrections_count_as_if_the_films_had_come_so(steps, course, correct, when):
    course(*({"extent": n * n / 9, "day": n / 4, "distribution_check": at(0.5)} for n in range(5)),
           {"extent": 8.0, "day": 0.3, "patient": "p-2"})  # fmt: skip
    if when == "afterwards":
        counted(steps)
    with steps.database.transaction() as session:
        correct(session)
    corrected = counted(steps)
    afresh(steps)

    assert corrected == counted(steps)


@pytest.mark.parametrize(
    ("there", "back"),
    [
        (
            lambda session: withdraw(session, AUTHOR, 2),
            lambda session: restore(session, AUTHOR, 2),
        ),
        (
            lambda session: merge(session, AUTHOR, "p-2", "p-1"),
            lambda session: split(session, AUTHOR, "p-2"),
        ),
    ],
    ids=["withdrawn and restored", "merged and split"],
)
def test_a_correction_that_is_undone_leaves_the_very_same_sums(steps, course, there, back):
    course(*({"extent": n / 7, "day": n / 5, "patient": f"p-{1 + n % 2}"} for n in range(6)))
    before = counted(steps)
    with steps.database.transaction() as session:
        there(session)
    assert counted(steps) != before
    with steps.database.transaction() as session:
        back(session)

    assert counted(steps) == before


def test_nothing_of_a_forgotten_person_stays_once_the_next_pass_has_counted(steps, course):
    course({"extent": 2.0}, {"extent": 3.0, "day": HOUR})
    assert counted(steps)
    with steps.database.transaction() as session:
        forget(session, AUTHOR, "p-1")

    assert counted(steps) == []
    assert steps.value("SELECT count(*) FROM repeat_pair") == 0


def test_an_image_that_is_out_of_distribution_repeats_nothing(steps, course):
    flag = DistributionCheck("frontal-1", 2.0, OutOfDistribution.LAYOUT)
    course({"extent": 2.0}, {"extent": 5.0, "day": HOUR, "distribution_check": flag})

    assert of(counted(steps), Measure.ERROR) == {}
