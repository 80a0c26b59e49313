"""A course as a picture."""

from itertools import combinations, pairwise
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from flows.reports.courses.axis import TimeAxis
from flows.reports.courses.chart import course_figure, draw_course
from flows.reports.courses.style import BAND, FAINT, LEVEL, VERDICT_MARKS, VIEW_MARKS
from severity.domain import View
from tests.builders.patient_courses import course, drug, flagged, image, without_levels

SAME_DAY = (image(0), image(2, 3.1), image(2, 3.2), image(2.05, 3.15), image(9, 5.0))
TREATMENTS = (
    drug("dexamethasone", 1, 8),
    drug("intubation", 1.1),
    drug("prone position", 1.2),
    drug("a drug with a long name, given at the end of all", 8.9),
)


def drawn(figure: Figure) -> str:
    """All text of a picture."""
    figure.set_canvas(FigureCanvasAgg(figure))
    figure.canvas.draw()
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    below = [text.get_text() for text in figure.texts]
    legend = [text.get_text() for each in figure.legends for text in each.get_texts()]
    ticks = [label.get_text() for axes in figure.axes for label in axes.get_xticklabels()]
    return "\n".join([*texts, *titles, *below, *legend, *ticks])


def level_lines(figure: Figure) -> list[list[float]]:
    """The places in time of each level line."""
    return [
        [float(x) for x in line.get_xdata()]
        for axes in figure.axes
        for line in axes.lines
        if line.get_color() == LEVEL and line.get_linewidth() > 2
    ]


def dots(figure: Figure) -> list[list[tuple[float, float]]]:
    """Where the images of each score are drawn, in points of 1/72 inch."""
    shapes = {"x", *VIEW_MARKS.values()}
    panels = []
    for axes in figure.axes:
        places = [
            tuple(axes.transData.transform((line.get_xdata()[0], line.get_ydata()[0])) * 72 / 100)
            for line in axes.lines
            if line.get_marker() in shapes and axes.get_title(loc="left")
        ]
        panels += [places] if places else []
    return panels


def test_a_picture_is_written_in_the_format_of_its_name(tmp_path: Path) -> None:
    draw_course(course(*SAME_DAY), tmp_path / "course.svg")
    draw_course(course(*SAME_DAY), tmp_path / "course.png")

    assert "<svg" in (tmp_path / "course.svg").read_text()
    assert (tmp_path / "course.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("days", [1, 2, 6, 22, 30])
def test_a_picture_of_any_number_of_images_states_its_purpose_scales_and_verdict(
    days: int,
) -> None:
    text = drawn(course_figure(course(*map(image, range(days)), events=TREATMENTS)))

    assert "RESEARCH USE ONLY. NOT FOR DIAGNOSIS." in text
    assert "Geographic extent 0-8" in text
    assert "Opacity 0-6" in text
    assert ("unchanged (worse 3%" in text) is (days > 1)


def test_the_level_has_one_vertex_at_each_time_so_that_no_stroke_is_vertical() -> None:
    for days in level_lines(course_figure(course(*SAME_DAY))):
        assert {0, 2, 9} <= set(days)
        assert all(before < after for before, after in pairwise(days))


def test_images_of_one_day_are_not_printed_over_each_other() -> None:
    for places in dots(course_figure(course(*SAME_DAY))):
        assert len(places) == len(SAME_DAY)
        for (x, y), (other, height) in combinations(places, 2):
            assert abs(x - other) > 5 or abs(y - height) > 5


def test_the_level_stands_in_front_of_its_band_and_that_of_the_images() -> None:
    axes = course_figure(course(*SAME_DAY)).axes[0]
    level = max(line.get_zorder() for line in axes.lines if line.get_color() == LEVEL)
    band = max(area.get_zorder() for area in axes.collections)
    images = max(line.get_zorder() for line in axes.lines if line.get_marker() == "o")

    assert level > band > images


def test_an_image_out_of_distribution_is_shown_and_is_no_part_of_the_level() -> None:
    figure = course_figure(course(image(0), flagged(1), image(2)))

    assert "out of distribution, not used" in drawn(figure)
    assert [(days[0], days[-1]) for days in level_lines(figure)] == [(0, 2), (0, 2)]
    assert all(1 not in days for days in level_lines(figure))


def test_a_change_of_view_has_its_name_and_its_shape() -> None:
    figure = course_figure(course(image(0), image(5, view=View.AP_SUPINE, view_changed=True)))
    text = drawn(figure)

    assert {"PA", "AP supine", "image, PA", "image, AP supine"} <= set(text.splitlines())


def test_treatments_have_labels_that_do_not_overlap() -> None:
    figure = course_figure(course(image(0), image(9), events=TREATMENTS))
    drawn(figure)
    labels = [label for label in figure.axes[0].texts if label.get_text()]
    boxes = [label.get_window_extent() for label in labels]

    assert [label.get_text() for label in labels][:3] == [
        "dexamethasone",
        "intubation",
        "prone position",
    ]
    assert not any(box.overlaps(other) for box, other in combinations(boxes, 2))
    assert all(box.x1 <= figure.bbox.x1 for box in boxes)


@pytest.mark.parametrize("label", [r"a $\frac{ b$", "5 $ and 10 $", r"costs \$5", "$"])
def test_a_label_is_drawn_as_it_was_written(label: str) -> None:
    figure = course_figure(course(image(0), image(9), events=(drug(label, 1.1),)))
    (shown,) = (text for text in figure.axes[0].texts if text.get_text())
    width = Text(0, 0, label, parse_math=False, size=shown.get_size(), figure=figure)

    drawn(figure)  # a formula that is none would fail here
    apart = shown.get_window_extent().width - width.get_window_extent().width
    assert abs(apart) < 1


def test_a_long_treatment_is_a_bar_and_a_short_one_a_mark() -> None:
    strip = course_figure(course(image(0), image(9), events=TREATMENTS)).axes[0]

    (bar,) = strip.patches
    assert bar.get_width() == 7
    assert [line.get_marker() for line in strip.lines] == ["v", "v", "v"]


def test_episodes_are_lines_of_their_own_with_the_time_between_them() -> None:
    figure = course_figure(course(image(0), image(3), image(800, episode=2)))

    assert len(level_lines(figure)) == 4
    assert "2.2 years" in drawn(figure)


def test_days_can_be_shown_in_place_of_dates() -> None:
    shown = course(image(0), image(4))

    assert "1 Mar\n2026" in drawn(course_figure(shown))
    assert "1 Mar" not in drawn(course_figure(shown, axis=TimeAxis.DAYS))


def test_without_levels_the_images_are_drawn_alone() -> None:
    figure = course_figure(without_levels(course(*SAME_DAY)))

    assert level_lines(figure) == []
    assert [len(places) for places in dots(figure)] == [5, 5]


def test_marks_differ_in_grey_or_in_shape() -> None:
    darkness = [0.299 * r + 0.587 * g + 0.114 * b for r, g, b in map(to_rgb, (LEVEL, BAND, FAINT))]

    assert all(after - before > 0.15 for before, after in pairwise(darkness))
    assert len({marker for marker, _, _ in VERDICT_MARKS.values()}) == len(VERDICT_MARKS)
    assert len(set(VIEW_MARKS.values())) == len(View)


def test_a_chart_without_a_key_names_nobody_and_says_what_it_is_for() -> None:
    named, unnamed = drawn(course_figure(course())), drawn(course_figure(course(patient_key="")))

    assert "p-1" in named
    assert "p-1" not in unnamed
    assert "RESEARCH USE ONLY" in unnamed
