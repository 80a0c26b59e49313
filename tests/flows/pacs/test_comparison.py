"""What a PACS has, compared day by day with what is here."""

from datetime import date, timedelta
from io import BytesIO

import pytest
from pydicom import dcmread

import db.pacs
from flows.arrivals import DropFolder
from flows.errors import FilmNotGiven, PacsError
from flows.pacs.comparison import Comparison
from flows.pacs.pacs import Instance, Modality, NotGiven, keep
from flows.pacs.patience import Pace
from tests.builders.dicom_films import film_file

TODAY = date(2020, 3, 2)
YESTERDAY = TODAY - timedelta(1)


class SendingPacs:
    """A PACS with one film of each day, which it sends elsewhere on some days."""

    location = "PACS@192.0.2.7:104"

    def __init__(self, *sent_elsewhere):
        self.sent_elsewhere = sent_elsewhere

    def check(self):
        pass

    def instances(self, day, modality):
        uid = f"1.2.{day:%Y%m%d}"
        return [Instance(day, modality, uid, uid, uid)] if modality is Modality.CR else []

    def fetch(self, instance, folder):
        if instance.study_date in self.sent_elsewhere:
            raise FilmNotGiven(NotGiven.NOT_IN_FOLDER)
        folder.keep(instance.image_uid, b"a film")


@pytest.fixture
def compare(database, resources, tmp_path):
    def compare(pacs):
        with database.transaction() as session:
            pacs_id = db.pacs.register(session, pacs.location)
        comparison = Comparison(
            pacs=pacs,
            folder=DropFolder.open(tmp_path, resources.arrival_digest, least_free_bytes=0),
            database=database,
            pacs_id=pacs_id,
            today=TODAY,
            parallel=1,
            pace=Pace(1000),
        )
        return list(comparison.of_days(2))

    return compare


def test_a_film_that_a_pacs_sends_under_another_name_holds_up_no_earlier_day(compare):
    reports = compare(SendingPacs(TODAY))

    assert [report.day for report in reports] == [TODAY, YESTERDAY]
    assert [film.reason for film in reports[0].missing] == [NotGiven.NOT_IN_FOLDER]
    assert len(reports[1].fetched) == 1


def test_a_pacs_of_which_nothing_arrives_sends_to_another_folder(compare):
    with pytest.raises(PacsError, match="must be that of the receiver"):
        compare(SendingPacs(TODAY, YESTERDAY))


class OddPacs(SendingPacs):
    """A PACS whose film of today has more attributes than any that can be scored."""

    def fetch(self, instance, folder):
        content = film_file("a", SOPInstanceUID=instance.image_uid)
        if instance.study_date == TODAY:
            film = dcmread(BytesIO(content))
            film.VerticesOfThePolygonalShutter = [number % 2000 for number in range(30_000)]
            odd = BytesIO()
            film.save_as(odd)
            content = odd.getvalue()
        keep(instance, content, folder)


def test_a_film_beyond_the_limits_is_fetched_and_judged_as_any_other(compare):
    """It ended each pass before all others, and was never given up."""
    reports = compare(OddPacs())

    assert [len(report.fetched) for report in reports] == [1, 1]
