"""Where lines, bands and bars are drawn."""

from math import nan

import pytest

from flows.dashboard.charts.line_chart import Line, Point, bar_chart, line_chart


def test_a_line_spans_its_chart_and_higher_values_are_higher():
    points = [Point(0, 0.0, "day 0"), Point(5, 8.0), Point(10, 4.0)]
    chart = line_chart("levels", [Line("all", points)], y_range=(0, 8))

    (stretch,) = chart.lines[0].stretches
    first, middle, last = (tuple(map(float, place.split(","))) for place in stretch.split())
    assert (first[0], last[0]) == (chart.left, chart.right)
    assert middle[0] == pytest.approx((chart.left + chart.right) / 2)
    assert middle[1] < last[1] < first[1] == chart.floor
    assert [mark.words for mark in chart.lines[0].marks] == ["day 0"]


def test_a_line_is_interrupted_where_nothing_is_known():
    points = [Point(day, nan if day in {0, 3} else 1.0) for day in range(6)]
    chart = line_chart("levels", [Line("all", points)], y_range=(0, 8))

    assert [len(stretch.split()) for stretch in chart.lines[0].stretches] == [2, 2]


def test_a_band_goes_there_above_and_back_below():
    points = [Point(0, 2.0), Point(1, 3.0)]
    chart = line_chart("levels", [Line("all", points, [(1, 4), (2, 5)])], y_range=(0, 8))

    xs = [float(place.split(",")[0]) for place in chart.lines[0].band.split()]
    ys = [float(place.split(",")[1]) for place in chart.lines[0].band.split()]
    assert xs == [chart.left, chart.right, chart.right, chart.left]
    assert ys[0] < ys[3]
    assert ys[1] < ys[2]


@pytest.mark.parametrize(
    ("y_range", "texts"),
    [
        ((0, 8), ["0", "2", "4", "6", "8"]),
        ((-0.3, 0.3), ["-0.2", "0", "0.2"]),
        ((0, 0), ["0"]),
    ],
)
def test_axes_have_even_numbers(y_range, texts):
    chart = line_chart("levels", [Line("all", [Point(0, 0.0)])], y_range=y_range)

    assert [tick.text for tick in chart.y_ticks] == texts


def test_bars_stand_on_the_floor_as_high_as_their_values():
    chart = bar_chart("scored", [("Mon", 10, "10 on Monday"), ("Tue", 0, ""), ("Wed", 20, "")])

    assert [bar.height > 0 for bar in chart.bars] == [True, False, True]
    assert chart.bars[2].height == pytest.approx(2 * chart.bars[0].height, abs=0.2)
    assert all(bar.y + bar.height == pytest.approx(chart.floor) for bar in chart.bars)
    assert bar_chart("scored", []).bars == ()
