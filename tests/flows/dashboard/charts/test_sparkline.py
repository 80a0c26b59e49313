from datetime import UTC, datetime, timedelta

from flows.dashboard.charts.sparkline import HEIGHT, WIDTH, sparkline
from severity.domain import Scale

START = datetime(2020, 3, 1, tzinfo=UTC)


def places(*levels: tuple[float, float]) -> list[tuple[float, float]]:
    line = sparkline([(START + timedelta(days=day), level) for day, level in levels], Scale(0, 8))
    assert line is not None
    return [tuple(map(float, point.split(","))) for point in line.points.split()]


def test_times_are_to_scale_and_more_is_higher() -> None:
    (first_x, first_y), (second_x, second_y), (last_x, last_y) = places((0, 0), (1, 4), (4, 8))

    assert (second_x - first_x) * 4 == last_x - first_x
    assert first_y - second_y == second_y - last_y > 0
    assert 0 < first_x < last_x < WIDTH
    assert 0 < last_y < first_y < HEIGHT


def test_a_single_level_lies_at_the_end() -> None:
    assert places((3, 4)) == [(WIDTH - 3, HEIGHT / 2)]


def test_no_level_has_no_line() -> None:
    assert sparkline([], Scale(0, 8)) is None
