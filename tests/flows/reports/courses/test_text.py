"""A course as a table for a person."""

from dataclasses import replace
from datetime import timedelta

import pytest

from db.reading.courses import Assessment, Course
from flows.reports.courses.text import course_table
from severity.domain import RESEARCH_USE_ONLY, Verdict, View
from severity.vocabulary.times import DAY_ZERO
from tests.builders.patient_courses import (
    assessment,
    course,
    drug,
    flagged,
    image,
    responses,
    without_levels,
)
from tests.builders.terminal import shown


def table(of: Course) -> list[str]:
    return shown(course_table(of), width=100)


def row(lines: list[str], beginning: str) -> str:
    """The line that begins so, its cells one blank apart."""
    (line,) = (line for line in lines if line.startswith(beginning))
    return " ".join(line.split())


def test_each_image_has_its_level_with_its_band_and_its_verdict_with_the_probability() -> None:
    lines = table(course(image(0), image(2, 5.0), image(4, 1.0), image(6, 3.0)))

    assert row(lines, "2026-03-01") == (
        "2026-03-01 09:00 0 PA 3.0 3.0 2.5-3.5 baseline 2.2 2.2 1.8-2.8 baseline"
    )
    assert "5.0 5.0 4.5-5.5 worse 97%" in row(lines, "2026-03-03")
    assert "1.0 1.0 0.5-1.5 better 97%" in row(lines, "2026-03-05")
    assert "3.0 3.0 2.5-3.5 unchanged 93%" in row(lines, "2026-03-07")


def test_the_latest_verdict_stands_first_with_all_three_probabilities() -> None:
    lines = table(course(image(0), image(2, 5.0)))

    assert "worse (worse 97%, better 1%, within the margin 2%)" in row(lines, "  geographic extent")
    assert any("2026-03-03 09:00, since the baseline, 2026-03-01 09:00" in line for line in lines)


def test_a_level_of_an_earlier_episode_is_not_told_as_of_now() -> None:
    later = flagged(300, geographic_extent=Assessment(7.9), opacity=Assessment(5.9), episode=2)
    lines = table(course(image(0), image(2, 5.0), later))

    assert any("at the last image that counts, 2026-03-03 09:00" in line for line in lines)
    assert not any("Level now" in line for line in lines)


def test_a_film_hours_before_the_baseline_is_of_day_0() -> None:
    lines = table(course(flagged(-0.2), image(0)))

    assert row(lines, "2026-03-01 04").startswith("2026-03-01 04:12 0 PA !")


def test_cannot_tell_is_a_verdict_without_a_probability_of_its_own() -> None:
    unclear = image(2, geographic_extent=assessment(4.0, 1.0, Verdict.CANNOT_TELL))

    assert "4.0 4.0 3.5-4.5 cannot tell 2.2" in row(table(course(image(0), unclear)), "2026-03-03")


def test_an_image_out_of_distribution_is_marked_and_explained() -> None:
    lines = table(course(image(0), flagged(1), image(2, view=View.AP, view_changed=True)))

    assert "PA !" in row(lines, "2026-03-02")
    assert "AP *" in row(lines, "2026-03-03")
    assert any(line.startswith("! 1 out of distribution") for line in lines)
    assert any(line.startswith("* The view changed") for line in lines)


def test_what_other_views_add_to_the_level_is_told() -> None:
    other = table(course(image(0), image(2, view=View.AP, view_changed=True)))

    assert any("AP images +0.7 points of extent" in line for line in other)
    assert not any("PA images would show" in line for line in table(course(image(0), image(2))))


def test_episodes_are_apart_and_days_count_from_the_baseline_of_each() -> None:
    lines = table(course(image(0), image(2), image(400, episode=2, days=0, is_baseline=True)))

    assert [line.strip() for line in lines if line.startswith("episode")] == [
        "episode 1",
        "episode 2",
    ]
    assert row(lines, "2027-04-05").startswith("2027-04-05 09:00 0 PA")


def test_episodes_have_their_numbers_on_each_axis_of_time() -> None:
    lines = table(
        course(image(0), image(400, episode=2), image(0, calendar_known=False), image(2, episode=4))
    )

    assert [line.strip() for line in lines if line.startswith("episode")] == [
        f"episode {number}" for number in (1, 2, 1, 4)
    ]


def test_a_seam_is_shown_between_two_images_and_before_an_episode() -> None:
    old = image(0, scored_by="old")
    within = table(course(old, image(2), image(800, episode=2)))
    between = table(course(old, image(800, episode=2), image(802, episode=2)))

    for lines, begins in ((within, "2026-03-03"), (between, "2028-05-09")):
        seam = lines.index(next(line for line in lines if "seam" in line))
        assert lines[seam + 1].startswith(begins)
        assert "".join(lines).count("seam") == 1


def test_days_are_shown_where_no_date_is_known() -> None:
    """Those since the patient's day 0, as treatments have them, and those since the baseline."""
    days = [
        replace(image(day, calendar_known=False), at=DAY_ZERO + timedelta(days=5 + day))
        for day in (0, 3)
    ]
    lines = table(course(*days))

    assert [line.split()[:4] for line in lines if line.startswith("day ")] == [
        ["day", "5", "0", "PA"],
        ["day", "8", "3", "PA"],
    ]
    assert not any("2026" in line for line in lines)


def test_treatments_stand_below_with_the_responses_and_the_caveat() -> None:
    event = drug("dexamethasone", 1, 8, geographic_extent=responses())
    lines = table(course(image(0), image(2), events=(event,)))

    assert row(lines, "2026-03-02 2026-03-09") == (
        "2026-03-02 2026-03-09 drug dexamethasone 5.0 -2.0 81% -2.0 81% -2.0 81%~ -2.0 81%~"
    )
    assert any("confounding by indication" in line for line in lines)


def test_a_treatment_without_response_is_shown_all_the_same() -> None:
    lines = table(course(image(0), events=(drug("aspirin", 1),)))

    assert row(lines, "2026-03-02") == "2026-03-02 - drug aspirin - - - - -"
    assert not any("confounding" in line for line in lines)


@pytest.mark.parametrize("images", [2, 30])
def test_the_table_fits_100_columns_and_needs_no_more_than_ascii(images: int) -> None:
    widest = [
        image(day, view=View.AP_SUPINE, view_changed=True, episode=1 + day // 20)
        for day in range(images)
    ]
    long = drug("a drug whose name takes more than a line of the table", 1, 1000)
    lines = table(course(*widest, events=(long,)))

    assert all(len(line) <= 100 for line in lines)
    assert "\n".join(lines).isascii()
    assert sum("unchanged 93%" in line for line in lines) == images - 1
    assert RESEARCH_USE_ONLY in lines


def test_without_levels_the_scores_stand_alone() -> None:
    lines = table(without_levels(course(image(0), image(2, 5.0))))

    assert row(lines, "2026-03-03") == "2026-03-03 09:00 2 PA 5.0 - - 3.8 - -"
