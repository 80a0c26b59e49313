"""Results as HL7 v2.5.1, read back by hl7apy, which knows the standard's structures."""

import unicodedata
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.core import Message
from hl7apy.parser import parse_message

from flows.exports.hl7 import message
from flows.exports.observations import Report, Status, Subject
from severity.domain import RESEARCH_USE_ONLY

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
Reports = dict[str, Report]


def read(report: Report) -> Message:
    parsed = parse_message(message(report, at=AT), validation_level=VALIDATION_LEVEL.STRICT)
    parsed.validate()
    return parsed


def values(report: Report) -> dict[tuple[str, str], str]:
    """Return the values of observations by their group and code."""
    observations = read(report).oru_r01_patient_result.oru_r01_order_observation
    return {
        (
            segment.obx_4.to_er7(),
            segment.obx_3.ce_1.to_er7(),
        ): segment.obx_5.to_er7()
        for segment in (group.obx for group in observations.oru_r01_observation)
    }


@pytest.mark.parametrize("name", ["a", "b", "c", "d", "e", "f"])
def test_a_message_has_the_structure_of_the_standard(reports: Reports, name: str) -> None:
    assert read(reports[name]).msh.msh_9.to_er7() == "ORU^R01^ORU_R01"


def test_scores_and_courses_are_observations(reports: Reports) -> None:
    observed = values(reports["b"])

    assert observed["1", "EXTENT"] == "6.123"
    assert observed["1", "SCALE"] == "^0^-^8"
    assert observed["2", "SCALE"] == "^0^-^6"
    assert observed["1", "EXTENT-COURSE"].startswith("WORSE^worse^99CXRSEV")
    assert float(observed["1", "P-WORSE"]) == pytest.approx(1, abs=0.01)
    assert ("1", "EXTENT-COURSE") not in values(reports["a"])
    assert values(reports["d"])["1", "OUT-OF-DISTRIBUTION"] == "inverted"


def test_what_each_lung_has_stands_in_the_group_of_its_score(reports: Reports) -> None:
    observed = values(reports["f"])

    assert (observed["1", "EXTENT-RIGHT"], observed["1", "EXTENT-LEFT"]) == ("2.3", "3.7")
    assert (observed["2", "OPACITY-RIGHT"], observed["2", "OPACITY-LEFT"]) == ("1.2", "0.8")
    assert (observed["1", "EXTENT"], observed["2", "OPACITY"]) == ("6", "2")
    assert not [code for _, code in values(reports["b"]) if code.endswith(("-RIGHT", "-LEFT"))]


def test_a_film_of_unlike_processing_says_so_beside_each_score(reports: Reports) -> None:
    observed = values(reports["f"])

    for group in ("1", "2"):
        assert observed[group, "UNLIKE-PROCESSING"] == "ENHANCED^enhanced^99CXRSEV"
    assert ("1", "UNLIKE-PROCESSING") not in values(reports["b"])


def test_a_time_is_written_as_far_as_it_is_known(reports: Reports) -> None:
    def taken(name: str) -> str:
        order = read(reports[name]).oru_r01_patient_result.oru_r01_order_observation
        return str(order.obr.obr_7.to_er7())

    assert (taken("b"), taken("c"), taken("e")) == ("20200303120000+0000", "20200306", "")


def test_a_patient_is_a_pseudonym_and_nothing_else(reports: Reports) -> None:
    pid = read(reports["b"]).oru_r01_patient_result.oru_r01_patient.pid

    assert pid.pid_3.cx_1.to_er7() == "p-1"
    assert pid.pid_5.to_er7() == "p-1^^^^^^S"


@pytest.mark.parametrize(
    ("name", "stated"),
    [
        ("", "^^^^^^U"),
        ("^^", "^^^^^^U"),
        ("Roe^Jane^^^^more", "Roe^Jane^^^^^L"),
        ("O&Hara~|", "O\\T\\Hara\\R\\\\F\\^^^^^^L"),
    ],
)
def test_a_patient_who_is_identified_has_the_films_name_if_it_has_one(
    reports: Reports, name: str, stated: str
) -> None:
    report = replace(reports["b"], subject=Subject("4711", name=name))

    assert read(report).oru_r01_patient_result.oru_r01_patient.pid.pid_5.to_er7() == stated


@pytest.mark.parametrize(
    ("status", "of_report", "of_observation"),
    [
        (Status.FINAL, "F", "F"),
        (Status.CORRECTED, "C", "C"),
        (Status.ENTERED_IN_ERROR, "C", "W"),
    ],
)
def test_a_status_is_that_of_the_standards_tables(
    reports: Reports, status: Status, of_report: str, of_observation: str
) -> None:
    order = read(
        replace(reports["b"], status=status)
    ).oru_r01_patient_result.oru_r01_order_observation
    statuses = {group.obx.obx_11.to_er7() for group in order.oru_r01_observation}

    assert order.obr.obr_25.to_er7() == of_report
    assert statuses == {of_observation}


def test_the_control_id_is_that_of_the_content(reports: Reports) -> None:
    def control_id(report: Report) -> str:
        return str(read(report).msh.msh_10.to_er7())

    report = reports["b"]
    corrected = replace(report, status=Status.CORRECTED)
    assert len({control_id(report), control_id(corrected), control_id(reports["a"])}) == 3
    assert control_id(report) == control_id(replace(report))


def test_what_looks_like_a_separator_is_escaped(reports: Reports) -> None:
    report = reports["b"]
    awkward = replace(report, film=replace(report.film, patient_key="p|1^2&3~4\\5\r6"))
    pid = read(awkward).oru_r01_patient_result.oru_r01_patient.pid

    assert pid.pid_3.cx_1.to_er7() == "p\\F\\1\\S\\2\\T\\3\\R\\4\\E\\5 6"


@pytest.mark.parametrize("control", ["\r", "\n", "\x0b", "\x1c", "\x7f", "\x85"])
def test_no_control_character_of_a_name_ends_a_message(reports: Reports, control: str) -> None:
    subject = Subject("4711", name=f"Roe{control}A^Jane")
    text = message(replace(reports["b"], subject=subject), at=AT)

    assert "|Roe A^Jane^" in text
    assert {sign for sign in text if unicodedata.category(sign) == "Cc"} == {"\r"}
    assert all(line[3:4] == "|" for line in text.split("\r")[:-1]), "segments alone end lines"


def test_a_simulated_film_is_no_production_message(reports: Reports) -> None:
    simulated = replace(reports["b"], film=replace(reports["b"].film, simulated=True))

    assert read(simulated).msh.msh_11.to_er7() == "T"
    assert read(reports["b"]).msh.msh_11.to_er7() == "P"


def test_every_message_says_what_it_is_for(reports: Reports) -> None:
    assert RESEARCH_USE_ONLY in message(reports["b"], at=AT)
