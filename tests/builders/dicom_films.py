"""Films as a scanner sends them, and what reports of them share."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

from db.reading.model_versions import StoredVersion
from db.reading.results import ByLung, FilmResult, ScoreResult
from flows.exports.dicom.composite_context import CompositeContext, of_film
from flows.exports.dicom.identifiers import Identifiers
from flows.exports.dicom.instance import Reporting
from severity.dicom import read_identity
from severity.domain import Interval, PatientId, Scale, View
from severity.pseudonym import derived_uid
from tests.builders.encoded_images import dicom_file

KEY = "compact-9-fp32-1a2b3c4d"
REPORTING = Reporting(
    StoredVersion(KEY, "compact-9", "aa" * 32, "bb" * 32, "crop-224", "fp32"),
    partial(derived_uid, secret=b"s" * 32),
    ZoneInfo("Europe/Berlin"),
)


def film_uid(name: str) -> str:
    """The UID of the film of this name."""
    return f"1.2.3.{int.from_bytes(name.encode()) % 10**9}"


def film_file(name: str, **attributes: object) -> bytes:
    """A film as a DICOM file, with all that identifies its patient and study."""
    header = {
        "SOPInstanceUID": film_uid(name),
        "SeriesInstanceUID": f"{film_uid(name)}.1",
        "StudyInstanceUID": f"{film_uid(name)}.2",
        "SpecificCharacterSet": "ISO_IR 192",
        "PatientName": "Roe^Jane",
        "PatientBirthDate": "19500102",
        "PatientSex": "F",
        "AccessionNumber": "A-17",
        "StudyTime": "123000",
        "StudyID": "7",
        "ReferringPhysicianName": "Doe^John",
    }
    return dicom_file(**header | attributes)


def of_file(**attributes: str) -> CompositeContext:
    """The patient and study of a film of the name ``a``."""
    identity = read_identity(film_file("a", **attributes))
    assert identity is not None
    context = of_film(Identifiers(17, PatientId("4711"), identity))
    assert context is not None
    return context


def score(points: float, highest: float, interval: Interval | None = None) -> ScoreResult:
    return ScoreResult(points, Scale(0, highest), interval, *[None] * 5)


FILM = FilmResult(
    image_id=17,
    image_uid=film_uid("a"),
    patient_key="p-1a2b3c4d5e6f7a8b9c0d",
    model_version=KEY,
    is_valid=True,
    acquired_at=datetime(2020, 4, 1, 12, 30, tzinfo=UTC),
    time_of_day_known=True,
    acquired_zone="UTC",
    view=View.AP_SUPINE,
    simulated=True,
    out_of_distribution=None,
    scored_at=datetime(2020, 4, 1, 23, 0, 5, tzinfo=UTC),
    is_baseline=False,
    geographic_extent=score(3.404, 8, Interval(1.9, 5.1)),
    opacity=score(2, 6),
)

BY_LUNG = replace(
    FILM,
    geographic_extent=replace(FILM.geographic_extent, by_lung=ByLung(2.301, 1.103)),
    opacity=replace(FILM.opacity, by_lung=ByLung(1.25, 0.75)),
)
"""The same film by a model that draws lungs."""
