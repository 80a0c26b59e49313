"""The time axis of a chart."""

from flows.reports.courses.axis import TimeAxis, gap_text, seams, segments, ticks
from tests.builders.patient_courses import at, course, drug, flagged, image


def test_episodes_stand_side_by_side_without_the_years_between_them() -> None:
    first, second = segments(
        course(image(0), image(10), image(800, episode=2), image(810, episode=2))
    )

    assert first.x(at(10)) - first.x(at(0)) == 10
    assert 0 < second.x(at(800)) - first.x(at(10)) < 10
    assert gap_text(first, second) == "2.2 years"


def test_an_episode_of_one_image_has_a_width() -> None:
    first, second = segments(course(image(0), image(10), image(800, episode=2)))

    assert second.width > 0
    assert second.left < second.x(at(800)) < second.left + second.width
    assert first.left + first.width < second.left


def test_dates_and_mere_day_numbers_are_never_on_one_axis() -> None:
    first, second = segments(course(image(0), image(3, calendar_known=False)))

    assert gap_text(first, second) == "another axis"


def test_a_seam_lies_between_two_images_or_before_an_episode_and_never_between_two_axes() -> None:
    old = {"scored_by": "old"}
    within = segments(course(image(0, **old), image(10), image(800, episode=2)))
    first, second = between = segments(course(image(0, **old), image(800, episode=2)))
    axes = segments(course(image(0, **old), image(3, calendar_known=False)))

    assert seams(within) == [within[0].x(at(5))]
    (seam,) = seams(between)
    assert (
        (first.left + first.width + second.left) / 2 < seam < second.left
    )  # not on the gap's text
    assert seams(axes) == []


def test_days_count_from_the_baseline_and_are_negative_before_it() -> None:
    (segment,) = segments(course(flagged(-2), image(0), image(4)))

    assert [label for _, label in ticks(segment, TimeAxis.DAYS, 4)] == ["-2", "0", "2", "4"]


def test_dates_name_the_year_where_it_begins() -> None:
    (segment,) = segments(course(image(0), image(4)))

    labels = [label for _, label in ticks(segment, TimeAxis.CALENDAR, 2)]
    assert labels == ["1 Mar\n2026", "3 Mar", "5 Mar"]


def test_day_numbers_stay_day_numbers_on_a_calendar() -> None:
    (segment,) = segments(course(image(0, calendar_known=False), image(2, calendar_known=False)))

    assert [label for _, label in ticks(segment, TimeAxis.CALENDAR, 2)] == ["0", "1", "2"]


def test_a_treatment_beside_an_episode_widens_it_but_a_far_one_does_not() -> None:
    images = image(0), image(10)
    (beside,) = segments(course(*images, events=(drug("a", 12),)))
    (far,) = segments(course(*images, events=(drug("a", 100),)))

    assert (beside.start, beside.end) == (0, 12)
    assert (far.start, far.end) == (0, 10)


def test_a_treatment_that_goes_on_for_years_is_cut_off() -> None:
    long = drug("a", 5, 1000)
    (segment,) = segments(course(image(0), image(10), events=(long,)))

    assert segment.end == 16
    assert segment.cuts(at(1000))
    assert segment.x(at(1000)) == segment.x(at(16))
