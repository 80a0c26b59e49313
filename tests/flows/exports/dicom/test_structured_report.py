"""Reports of scores, as other people's programs read them."""

from dataclasses import replace
from datetime import date
from io import BytesIO

import pytest
from highdicom.sr import srread
from pydicom import dcmread

from flows.exports.concepts import EXTENT, OPACITY, SCHEME
from flows.exports.dicom.composite_context import of_pseudonym
from flows.exports.dicom.instance import as_file
from flows.exports.dicom.structured_report import structured_report
from severity.domain import RESEARCH_USE_ONLY, UnlikeProcessing, View
from tests.builders.dicom_films import BY_LUNG, FILM, KEY, REPORTING, film_uid, of_file, score
from tests.builders.dicom_validators import (
    complaints_of_dciodvfy,
    complaints_of_dicom_validator,
    read_by_dcmqi,
)

PSEUDONYMOUS = of_pseudonym(FILM.patient_key, "2.25.1", date(2020, 4, 1))
CONTEXTS = {
    "identified": of_file(PatientID="4711", PatientName="Roe^Jane", StudyDescription="Thorax"),
    "in another script": of_file(PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう"),
    "pseudonymous": PSEUDONYMOUS,
}


@pytest.fixture(params=CONTEXTS)
def file(request, tmp_path):
    path = tmp_path / "report.dcm"
    path.write_bytes(as_file(structured_report(FILM, CONTEXTS[request.param], REPORTING)))
    return path


def test_validators_find_nothing_wrong(file):
    assert complaints_of_dicom_validator(dcmread(file)) == []
    assert complaints_of_dciodvfy(file) == []


def test_dcmqi_reads_what_was_measured_where_by_what(file):
    (group,) = read_by_dcmqi(file)["Measurements"]

    assert group["Finding"]["CodeValue"] == "112001"
    assert group["FindingSite"]["CodeValue"] == "39607008"
    algorithm = group["measurementAlgorithmIdentification"]
    assert algorithm["AlgorithmName"] == "cxr-severity compact-9"
    assert algorithm["AlgorithmVersion"] == KEY
    assert any("aa" * 32 in text for text in algorithm["AlgorithmParameters"])
    extent, opacity = group["measurementItems"]
    for item, concept, value in ((extent, EXTENT, 3.4), (opacity, OPACITY, 2)):
        assert item["quantity"] == {
            "CodeValue": concept.code,
            "CodingSchemeDesignator": SCHEME,
            "CodeMeaning": concept.display,
        }
        assert item["units"]["CodeValue"] == "{score}"
        assert float(item["value"]) == value
    said = [each["conceptValue"] for each in group["qualitativeEvaluations"]]
    assert RESEARCH_USE_ONLY in said
    assert any("SIMULATED" in text for text in said if isinstance(text, str))
    codes = {each["CodeValue"] for each in said if isinstance(each, dict)}
    assert {"399348003", "40199007"} <= codes, "antero-posterior, supine"


def test_the_scale_and_the_interval_stand_beside_each_score(file):
    (group,) = read_by_dcmqi(file)["Measurements"]
    extent, opacity = (
        {each["numProperty"]["CodeValue"]: float(each["numPropertyValue"]) for each in properties}
        for properties in (item["measurementNumProperties"] for item in group["measurementItems"])
    )

    above, below = extent.pop("371886008"), extent.pop("371885007")
    assert (3.4 - below, 3.4 + above) == pytest.approx((1.9, 5.1))
    assert extent == {"SCALE-LOWEST": 0, "SCALE-HIGHEST": 8, "COVERAGE": 90}
    assert opacity == {"SCALE-LOWEST": 0, "SCALE-HIGHEST": 6}


@pytest.fixture
def by_lung(tmp_path):
    """A report of both scores by lung, of a film of unlike processing."""
    film = replace(BY_LUNG, unlike_processing=UnlikeProcessing.ENHANCED)
    path = tmp_path / "report.dcm"
    path.write_bytes(as_file(structured_report(film, CONTEXTS["identified"], REPORTING)))
    return path


def test_validators_find_nothing_wrong_with_lungs_and_processing(by_lung):
    assert complaints_of_dicom_validator(dcmread(by_lung)) == []
    assert complaints_of_dciodvfy(by_lung) == []


def test_dcmqi_reads_what_each_lung_has_with_its_side(by_lung):
    both, right, left = read_by_dcmqi(by_lung)["Measurements"]

    assert "Laterality" not in both
    assert [float(item["value"]) for item in both["measurementItems"]] == [3.4, 2]
    for group, side, extent, opacity in (
        (right, ("RIGHT", "24028007"), 2.3, 1.25),
        (left, ("LEFT", "7771000"), 1.1, 0.75),
    ):
        name, laterality = side
        assert group["FindingSite"]["CodeValue"] == "39607008"
        assert group["Laterality"]["CodeValue"] == laterality
        assert [
            (item["quantity"]["CodeValue"], float(item["value"]))
            for item in group["measurementItems"]
        ] == [(f"EXTENT-{name}", extent), (f"OPACITY-{name}", opacity)]
        properties = group["measurementItems"][0]["measurementNumProperties"]
        ends = {each["numProperty"]["CodeValue"]: each["numPropertyValue"] for each in properties}
        assert {code: float(end) for code, end in ends.items()} == {
            "SCALE-LOWEST": 0,
            "SCALE-HIGHEST": 4,
        }
        assert RESEARCH_USE_ONLY in [
            each["conceptValue"] for each in group["qualitativeEvaluations"]
        ]


def test_groups_of_lungs_are_tracked_apart(by_lung):
    groups = srread(by_lung).content.get_image_measurement_groups()

    assert len({group.tracking_uid for group in groups}) == 3
    assert [group.tracking_identifier for group in groups] == [
        "image 17",
        "image 17, right lung",
        "image 17, left lung",
    ]


def test_a_report_says_how_its_film_is_processed_unlike_others(by_lung):
    for group in read_by_dcmqi(by_lung)["Measurements"]:
        said = {
            each["conceptCode"]["CodeValue"]: each["conceptValue"]["CodeValue"]
            for each in group["qualitativeEvaluations"]
            if isinstance(each["conceptValue"], dict)
        }
        assert said["UNLIKE-PROCESSING"] == "ENHANCED"


def test_a_report_refers_to_its_film_and_joins_its_study(tmp_path):
    (tmp_path / "a.dcm").write_bytes(
        as_file(structured_report(FILM, CONTEXTS["identified"], REPORTING))
    )

    report = srread(tmp_path / "a.dcm")

    (group,) = report.content.get_image_measurement_groups()
    (source,) = group.source_images
    film = dcmread(tmp_path / "a.dcm")
    assert source.referenced_sop_instance_uid == film_uid("a")
    assert report.get_evidence() == [
        (film.StudyInstanceUID, f"{film_uid('a')}.1", film_uid("a"), "1.2.840.10008.5.1.4.1.1.1")
    ]
    assert film.StudyInstanceUID == f"{film_uid('a')}.2"
    assert (film.PatientID, film.PatientName, film.AccessionNumber) == ("4711", "Roe^Jane", "A-17")
    assert film.StudyDescription == "Thorax"
    assert (film.ContentDate, film.ContentTime) == ("20200402", "010005")
    assert film.VerificationFlag == "UNVERIFIED"
    assert film.ContentQualification == "RESEARCH"


def test_the_film_is_in_the_library_of_images():
    report = structured_report(FILM, CONTEXTS["identified"], REPORTING)

    (library,) = (item for item in report.ContentSequence if _code(item) == "111028")
    (group,) = library.ContentSequence
    (image,) = group.ContentSequence
    assert _code(group) == "126200"
    assert image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == film_uid("a")


def _code(item):
    return item.ConceptNameCodeSequence[0].CodeValue


def test_a_pseudonymous_report_holds_nothing_of_the_hospital():
    content = as_file(structured_report(FILM, PSEUDONYMOUS, REPORTING))

    for secret in (film_uid("a"), "4711", "Roe", "A-17", "Doe"):
        assert secret.encode() not in content
    assert dcmread(BytesIO(content)).PatientID == FILM.patient_key


def test_an_identified_report_shows_no_pseudonym():
    content = as_file(structured_report(FILM, CONTEXTS["identified"], REPORTING))

    assert FILM.patient_key.encode() not in content


def test_the_same_result_is_the_same_file():
    first, again = (
        as_file(structured_report(FILM, CONTEXTS["identified"], REPORTING)) for _ in range(2)
    )

    assert first == again


@pytest.mark.parametrize(
    ("film", "context", "is_same"),
    [
        (FILM, of_file(PatientID="4711", PatientName="Roe-Doe^Jane"), True),
        (replace(FILM, geographic_extent=score(3.5, 8)), CONTEXTS["identified"], False),
        (replace(FILM, view=View.PA), CONTEXTS["identified"], False),
        (FILM, PSEUDONYMOUS, False),
        (BY_LUNG, CONTEXTS["identified"], False),
        (replace(FILM, unlike_processing=UnlikeProcessing.FLAT), CONTEXTS["identified"], False),
    ],
    ids=["corrected name", "another score", "another view", "by pseudonym", "lungs", "processing"],
)
def test_another_content_is_another_instance(film, context, is_same):
    before = structured_report(FILM, CONTEXTS["identified"], REPORTING).SOPInstanceUID

    assert (structured_report(film, context, REPORTING).SOPInstanceUID == before) == is_same


def test_values_that_no_standard_allows_are_left_out(tmp_path):
    wrong = {"PatientBirthDate": "1950", "PatientSex": "female", "StudyTime": "noon"}
    (tmp_path / "report.dcm").write_bytes(
        as_file(structured_report(FILM, of_file(**wrong, PatientName="Roe"), REPORTING))
    )

    report = dcmread(tmp_path / "report.dcm")
    assert report.PatientName == "Roe", "which is unusual, and the patient's"
    assert [report[keyword].value for keyword in wrong] == ["", "", ""]
    assert complaints_of_dicom_validator(report) == []
    assert all("PN" in line for line in complaints_of_dciodvfy(tmp_path / "report.dcm"))


def dcmread_bytes(content: bytes):
    from io import BytesIO

    return dcmread(BytesIO(content))
