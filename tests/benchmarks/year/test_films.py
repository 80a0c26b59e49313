"""What arrives in a simulated year is what the product takes it for."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.year.films import Arrival, Arrived, Kind, arrivals, write_arrival
from severity.errors import RejectedImage
from tests.builders.reading import read

AT = datetime(2027, 3, 1, 2, tzinfo=UTC)


def written(kind: Kind, folder: Path) -> bytes:
    arrival = Arrival(7, "a.dcm", kind, 7001)
    write_arrival(arrival, folder, at=AT, patients=3)
    assert [path.name for path in folder.iterdir()] == ["a.dcm"]
    assert (folder / "a.dcm").stat().st_mtime == AT.timestamp()
    return (folder / "a.dcm").read_bytes()


def test_a_film_is_read_with_its_own_number_and_the_day_of_the_moved_clock(tmp_path: Path):
    record = read(written(Kind.FILM, tmp_path)).record

    assert record.image_uid == Arrival(7, "b.dcm", Kind.COPY, 7001).image_uid
    assert record.acquired.at.date() == datetime(2027, 2, 28, tzinfo=UTC).date()


@pytest.mark.parametrize("kind", [Kind.LATERAL, Kind.DAMAGED])
def test_what_is_no_film_is_rejected(kind: Kind, tmp_path: Path):
    content = written(kind, tmp_path)

    with pytest.raises(RejectedImage):
        read(content)


def test_a_year_has_all_kinds_and_each_night_is_the_same_again():
    year = [arrival for night in range(100) for arrival in arrivals(night, 8)]

    assert {arrival.kind for arrival in year} == set(Kind)
    assert [*arrivals(5, 8)] == [arrival for arrival in year if arrival.night == 5]
    assert len({arrival.name for arrival in year}) == len(year)


def test_what_arrived_is_known_to_the_next_process_and_noted_once(tmp_path: Path):
    film = Arrival(1, "a.dcm", Kind.FILM, 1001)
    for _ in range(2):
        Arrived(tmp_path / "arrived.csv").add(film)

    assert Arrived(tmp_path / "arrived.csv").all == [film]
