"""Results as HL7 v2.5.1: an unsolicited observation message (ORU^R01) for each film.

References
----------
* DICOM PS3.5, 6.2.1 (names of persons).
* HL7 v2.5.1, chapter 2 (escapes, data types) and chapter 7 (ORU^R01; tables 0085 and 0123).
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

from flows.exports import concepts
from flows.exports.concepts import Concept
from flows.exports.observations import Observed, Report, Status

_APPLICATION = "CXR-SEVERITY"
# Control characters end segments, and messages as they are sent (MLLP). C0, delete and C1.
_CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
_ESCAPES = str.maketrans(
    dict.fromkeys(_CONTROLS, " ")
    | {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"}
)
_POINTS, _RATIO = "{score}^points^UCUM", "1^^UCUM"
_REPORT_STATUS = {Status.FINAL: "F", Status.CORRECTED: "C", Status.ENTERED_IN_ERROR: "C"}
_STATUS = {Status.FINAL: "F", Status.CORRECTED: "C", Status.ENTERED_IN_ERROR: "W"}
_LONGEST_CONTROL_ID = 20
_PARTS_OF_A_NAME = 5


@dataclass(frozen=True)
class _Value:
    """What an OBX segment says: its data type, code, value in HL7's own form, and unit."""

    kind: str
    concept: Concept
    value: str
    unit: str = ""


def message(report: Report, *, at: datetime) -> str:
    """Return the message, whose segments end with carriage returns.

    Parameters
    ----------
    at
        When the message is made. All else is the same for the same report.
    """
    segments = [_msh(report, at), _pid(report), _obr(report)]
    segments.extend(
        ["NTE", str(place), "L", _escaped(sentence)]
        for place, sentence in enumerate(report.sentences, start=1)
    )
    segments.extend(_obx_segments(report))
    return "".join("|".join(segment).rstrip("|") + "\r" for segment in segments)


def _msh(report: Report, at: datetime) -> list[str]:
    content = f"{report.report_id} {report.content_sha256} {report.status}"
    control_id = hashlib.sha256(content.encode()).hexdigest()[:_LONGEST_CONTROL_ID]
    return [
        *("MSH", "^~\\&", _APPLICATION, "", "", "", _time(at), "", "ORU^R01^ORU_R01", control_id),
        # T is for training: a simulated film is no patient's.
        *("T" if report.film.simulated else "P", "2.5.1", "", "", "", "", "", "UNICODE UTF-8"),
    ]


def _pid(report: Report) -> list[str]:
    key = _escaped(report.film.patient_key)
    authority = f"{_APPLICATION}&{concepts.PSEUDONYMS_OID}&ISO"
    pseudonym = f"{key}^^^{authority}^PI"  # PI: internal identifier
    subject = report.subject
    if subject is None:
        # S: a pseudonym in the place of a name.
        return ["PID", "1", "", pseudonym, "", f"{key}^^^^^^S"]
    identifier = f"{_escaped(subject.identifier)}^^^{_escaped(subject.issuer)}^MR"
    return ["PID", "1", "", f"{identifier}~{pseudonym}", "", _person_name(subject.name)]


def _person_name(name: str) -> str:
    """Return a DICOM name (PN) as a legal one of HL7 (XPN), whose last two parts change places."""
    alphabetic = name.partition("=")[0]  # the same in ideographs and by sound follows
    parts = [_escaped(part.strip()) for part in alphabetic.split("^")]
    if not any(parts):
        return "^^^^^^U"  # the name is not stated
    family, given, middle, prefix, suffix = (parts + [""] * _PARTS_OF_A_NAME)[:_PARTS_OF_A_NAME]
    return f"{family}^{given}^{middle}^{suffix}^{prefix}^^L"


def _obr(report: Report) -> list[str]:
    filler = f"{report.report_id}^{_APPLICATION}"
    accession = _escaped(report.subject.accession_number) if report.subject else ""
    return [
        *("OBR", "1", "", filler, _coded(concepts.REPORT), "", "", _time(report.taken)),
        *([""] * 10),
        # Where most systems look for the accession number.
        *(accession, "", "", ""),
        *(_time(report.film.scored_at), "", "RAD", _REPORT_STATUS[report.status]),
    ]


def _obx_segments(report: Report) -> Iterator[list[str]]:
    values = [
        (str(group), value)
        for group, observed in enumerate(report.observed, start=1)
        for value in _values(report, observed)
    ]
    for place, (group, value) in enumerate(values, start=1):
        yield _obx(report, place, group, value)


def _obx(report: Report, place: int, group: str, value: _Value) -> list[str]:
    version = _escaped(report.film.model_version)
    return [
        *("OBX", str(place), value.kind, _coded(value.concept), group, value.value, value.unit),
        *("", "", "", "", _STATUS[report.status], "", "", _time(report.taken)),
        *("", "", "", f"{version}^{_APPLICATION}", _time(report.film.scored_at)),
    ]


def _values(report: Report, observed: Observed) -> Iterator[_Value]:
    """Yield the score with its scale and interval, what each lung has of it, then the course."""
    result = observed.result
    yield _Value("NM", observed.concept, _number(result.points), _POINTS)
    yield _range(concepts.SCALE, result.scale.lowest, result.scale.highest)
    if result.interval:
        yield _range(concepts.INTERVAL, result.interval.low, result.interval.high)
    if report.film.out_of_distribution is not None:
        reason = _escaped(report.film.out_of_distribution)
        yield _Value("ST", concepts.OUT_OF_DISTRIBUTION, reason)
    if report.film.unlike_processing is not None:
        how = _coded(concepts.PROCESSING[report.film.unlike_processing])
        yield _Value("CWE", concepts.UNLIKE_PROCESSING, how)
    for lung in observed.lungs:
        yield _Value("NM", lung.concept, _number(lung.points), _POINTS)
    if result.level is not None:
        yield _Value("NM", concepts.LEVEL, _number(result.level.level), _POINTS)
        yield _range(concepts.BAND, result.level.low, result.level.high)
    if result.verdict is not None:
        verdict = _coded(concepts.VERDICTS[result.verdict])
        yield _Value("CWE", observed.course_concept, verdict)
    for concept, chance in observed.chances():
        yield _Value("NM", concept, _number(chance), _RATIO)


def _range(concept: Concept, low: float, high: float) -> _Value:
    return _Value("SN", concept, f"^{_number(low)}^-^{_number(high)}", _POINTS)


def _coded(concept: Concept) -> str:
    return f"{concept.code}^{_escaped(concept.display)}^{concepts.SCHEME}"


def _number(value: float) -> str:
    """Return a number to the thousandth, without an exponent."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _time(at: datetime | date | None) -> str:
    if at is None:
        return ""
    if not isinstance(at, datetime):
        return f"{at:%Y%m%d}"
    return f"{at.astimezone(UTC):%Y%m%d%H%M%S}+0000"


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)
