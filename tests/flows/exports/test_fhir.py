"""Results as FHIR, read back by fhir.resources."""

import json
from dataclasses import replace
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.codesystem import CodeSystem
from pydantic import ValidationError

from flows.exports import concepts
from flows.exports.fhir import code_system, transaction
from flows.exports.observations import Report, Status
from severity.domain import RESEARCH_USE_ONLY
from tests.builders.archive import model

Resource = dict[str, Any]
Reports = dict[str, Report]


def read(report: Report) -> dict[str, Resource]:
    """Return the resources of a report by their codes; the device by its kind."""
    bundle = json.loads(Bundle.model_validate_json(transaction(report)).model_dump_json())
    resources = [entry["resource"] for entry in bundle["entry"]]
    return {
        resource["code"]["coding"][0]["code"] if "code" in resource else "Device": resource
        for resource in resources
    }


def components(resource: Resource) -> dict[str, Resource]:
    return {
        component["code"]["coding"][0]["code"]: component for component in resource["component"]
    }


def test_a_score_has_its_value_scale_time_and_pseudonym(reports: Reports) -> None:
    extent = read(reports["b"])["EXTENT"]

    assert extent["valueQuantity"]["value"] == 6.123
    assert extent["valueQuantity"]["code"] == "{score}"
    assert components(extent)["SCALE"]["valueRange"]["low"]["value"] == 0
    assert components(extent)["SCALE"]["valueRange"]["high"]["value"] == 8
    assert extent["effectiveDateTime"] == "2020-03-03T12:00:00Z"
    assert extent["subject"]["identifier"] == {"system": concepts.PSEUDONYMS, "value": "p-1"}
    assert extent["status"] == "final"


def test_a_scale_is_that_of_the_model_version(reports: Reports) -> None:
    scale = components(read(reports["b"])["OPACITY"])["SCALE"]

    assert scale["valueRange"]["high"]["value"] == 6


def test_a_course_has_its_verdict_with_the_probability(reports: Reports) -> None:
    course = read(reports["b"])["EXTENT-COURSE"]
    baseline = read(reports["a"])["EXTENT-COURSE"]

    assert course["valueCodeableConcept"]["coding"][0]["code"] == "WORSE"
    assert components(course)["P-WORSE"]["valueQuantity"]["value"] == pytest.approx(1, abs=0.01)
    assert components(course)["LEVEL"]["valueQuantity"]["value"] == pytest.approx(6, abs=0.2)
    assert baseline["dataAbsentReason"]["coding"][0]["code"] == "not-applicable"


def test_a_date_alone_stays_the_date_that_was_written(reports: Reports) -> None:
    """Its midnight in Auckland is the day before in UTC."""
    assert read(reports["c"])["EXTENT"]["effectiveDateTime"] == "2020-03-06"


def test_an_unknown_time_is_not_invented(reports: Reports) -> None:
    extent = read(reports["e"])["EXTENT"]

    assert "effectiveDateTime" not in extent
    assert extent["_effectiveDateTime"]["extension"][0]["valueCode"] == "unknown"


def test_a_film_out_of_distribution_says_so(reports: Reports) -> None:
    resources = read(reports["d"])

    reason = components(resources["EXTENT"])["OUT-OF-DISTRIBUTION"]["valueCodeableConcept"]
    assert reason == {"text": "inverted"}
    assert "not reliable" in resources["REPORT"]["conclusion"]


def test_the_report_has_all_observations_and_the_model_version_is_a_device(
    reports: Reports,
) -> None:
    bundle = json.loads(transaction(reports["b"]))
    urls = {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"]}
    report = bundle["entry"][-1]["resource"]
    observations = [urls[result["reference"]] for result in report["result"]]
    devices = {observation["device"]["reference"] for observation in observations}

    assert len(observations) == 4
    assert [urls[device]["version"][0]["value"] for device in devices] == [model().key]


def test_what_each_lung_has_is_a_member_of_the_score_and_names_the_lung(
    reports: Reports,
) -> None:
    bundle = json.loads(transaction(reports["f"]))
    urls = {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"]}
    resources = read(reports["f"])

    for score, highest, right, left in (("EXTENT", 4, 2.3, 3.7), ("OPACITY", 3, 1.2, 0.8)):
        members = [urls[member["reference"]] for member in resources[score]["hasMember"]]
        assert [member["code"]["coding"][0]["code"] for member in members] == [
            f"{score}-RIGHT",
            f"{score}-LEFT",
        ]
        assert [member["bodySite"]["coding"][0]["code"] for member in members] == [
            "3341006",
            "44029006",
        ]
        assert [member["valueQuantity"]["value"] for member in members] == [right, left]
        scales = [components(member)["SCALE"]["valueRange"] for member in members]
        assert {scale["high"]["value"] for scale in scales} == {highest}
        assert right + left == pytest.approx(resources[score]["valueQuantity"]["value"])


def test_a_score_of_one_lung_is_never_taken_for_that_of_both(reports: Reports) -> None:
    """Systems that follow a patient ask for a code, and look at no member and no site."""
    resources = read(reports["f"])
    results = {result["reference"] for result in resources["REPORT"]["result"]}
    lungs = [resource for code, resource in resources.items() if code.endswith(("RIGHT", "LEFT"))]

    assert len(lungs) == 4
    assert len(results) == 4
    assert not results & {lung["identifier"][0]["value"] for lung in lungs}


def test_a_film_without_lungs_has_both_scores_and_courses_alone(reports: Reports) -> None:
    resources = read(reports["b"])

    assert set(resources) == {
        *("Device", "REPORT", "EXTENT", "OPACITY", "EXTENT-COURSE", "OPACITY-COURSE"),
    }
    assert "hasMember" not in resources["EXTENT"]


def test_a_film_of_unlike_processing_says_so_wherever_it_has_points(reports: Reports) -> None:
    resources = read(reports["f"])

    for code in ("EXTENT", "OPACITY", "EXTENT-RIGHT", "OPACITY-LEFT"):
        how = components(resources[code])["UNLIKE-PROCESSING"]["valueCodeableConcept"]
        assert (how["coding"][0]["code"], how["text"]) == ("ENHANCED", "enhanced")
        assert "OUT-OF-DISTRIBUTION" not in components(resources[code])
    assert "unlike the training films (enhanced)" in resources["REPORT"]["conclusion"]
    assert "UNLIKE-PROCESSING" not in components(read(reports["b"])["EXTENT"])


@pytest.mark.parametrize("name", ["b", "f"])
def test_every_resource_says_what_it_is_for(reports: Reports, name: str) -> None:
    for resource in read(reports[name]).values():
        notes = [note["text"] for note in resource.get("note", [])]
        assert RESEARCH_USE_ONLY in " ".join([*notes, resource.get("conclusion", "")])
        assert resource["meta"]["security"][0]["code"] == "HRESCH"


def test_a_simulated_film_is_marked_as_no_patients(reports: Reports) -> None:
    simulated = replace(reports["b"], film=replace(reports["b"].film, simulated=True))

    codes = [label["code"] for label in read(simulated)["EXTENT"]["meta"]["security"]]
    assert codes == ["HRESCH", "HTEST"]


@pytest.mark.parametrize(
    ("status", "written"),
    [(Status.CORRECTED, "corrected"), (Status.ENTERED_IN_ERROR, "entered-in-error")],
)
def test_a_change_replaces_what_has_the_same_identifier(
    reports: Reports, status: Status, written: str
) -> None:
    bundle = json.loads(transaction(replace(reports["b"], status=status)))
    device, *others = bundle["entry"]

    assert {entry["resource"]["status"] for entry in others} == {written}
    assert {entry["request"]["method"] for entry in others} == {"PUT"}
    assert device["request"]["method"] == "POST"


def test_every_code_is_of_the_code_system(reports: Reports) -> None:
    system = json.loads(CodeSystem.model_validate_json(code_system()).model_dump_json())
    defined = {concept["code"] for concept in system["concept"]}
    used = {
        coding["code"]
        for report in reports.values()
        for coding in codings(json.loads(transaction(report)))
        if coding.get("system") == system["url"]
    }

    assert used <= defined
    assert {"EXTENT", "WORSE", "INTERVAL-90", "OUT-OF-DISTRIBUTION", "ENHANCED"} <= defined


def codings(value: Any) -> list[Resource]:
    """Return all that has a system and a code, wherever it is."""
    if isinstance(value, list):
        return [coding for part in value for coding in codings(part)]
    if not isinstance(value, dict):
        return []
    inner = [coding for part in value.values() for coding in codings(part)]
    return [*inner, value] if {"system", "code"} <= set(value) else inner


def test_what_is_no_valid_fhir_is_not_written(reports: Reports) -> None:
    nameless = replace(reports["b"], film=replace(reports["b"].film, patient_key=""))

    with pytest.raises(ValidationError):
        transaction(nameless)
