"""What makes a result another one, so that it is sent again."""

from dataclasses import replace
from uuid import UUID

from db.reading.results import FilmResult
from flows.exports.observations import Report
from severity.domain import UnlikeProcessing, Verdict
from tests.builders.dicom_films import BY_LUNG, FILM

# Of `FILM`, as it was recorded before lungs and processing were exported.
FORMER_SHA256 = "0ca2a8ebf5a013b7b5d587f9471b9bb4b592717733135849b99408ab8b393961"


def content(film: FilmResult) -> str:
    return Report(UUID(int=1), film).content_sha256


def test_a_result_without_lungs_and_flag_is_not_another_than_was_sent_before() -> None:
    """Else the next export would send a whole archive once more, as corrected."""
    assert content(FILM) == FORMER_SHA256


def test_what_a_lung_has_and_the_processing_are_part_of_the_result() -> None:
    enhanced = replace(FILM, unlike_processing=UnlikeProcessing.ENHANCED)
    flat = replace(FILM, unlike_processing=UnlikeProcessing.FLAT)

    assert len({content(film) for film in (FILM, BY_LUNG, enhanced, flat)}) == 4


def test_no_verdict_is_told_as_certain() -> None:
    sure = replace(FILM.geographic_extent, verdict=Verdict.WORSE, worse=0.9999, better=0.0)
    told = Report(UUID(int=1), replace(FILM, geographic_extent=sure)).sentences

    assert any("worse (probability >99%)" in sentence for sentence in told)
