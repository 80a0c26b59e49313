"""Results as FHIR R4: a transaction of the scores and courses of a film, and their report.

Each resource has an identifier, by which a server stores it once: it replaces what the server has,
or is created, so that the server has it as it is now whatever was known of it before.

References
----------
* HL7 FHIR R4 (4.0.1): Observation, DiagnosticReport, Device, Bundle; 3.1.0.4.3, Conditional Update;
  3.1.0.8.1, Conditional Create.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid5

from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.codesystem import CodeSystem

from db.reading.courses import Band
from flows.exports import concepts
from flows.exports.concepts import Concept, Side
from flows.exports.observations import Observed, ObservedLung, Report, Status, Subject
from flows.resources import SOFTWARE
from severity.domain import RESEARCH_USE_ONLY, Interval, Scale, Verdict

Resource = dict[str, Any]

_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_URI = "urn:ietf:rfc:3986"  # the system of identifiers that are URIs
_UCUM = "http://unitsofmeasure.org"
_POINTS, _RATIO = "{score}", "1"
_LUNG = ("39607008", "Lung structure")  # of SNOMED CT, as the next
_OF_SIDE = {
    Side.RIGHT: ("3341006", "Right lung structure"),
    Side.LEFT: ("44029006", "Left lung structure"),
}
_DIGITS = 3  # of points and probabilities: the thousandth is far below any error
_STATUS = {
    Status.FINAL: "final",
    Status.CORRECTED: "corrected",
    Status.ENTERED_IN_ERROR: "entered-in-error",
}


def transaction(report: Report) -> str:
    """Return the transaction, in JSON, after which a server has the report as it is now.

    Raises
    ------
    pydantic.ValidationError
        It is no valid FHIR: a fault of this program.
    """
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [_entry(resource) for resource in _resources(report)],
    }
    return str(Bundle.model_validate(bundle).model_dump_json())


def code_system() -> str:
    """Return the code system of results, in JSON."""
    system = {
        "resourceType": "CodeSystem",
        "url": concepts.SYSTEM,
        "name": "CxrSeverity",
        "title": "Pneumonia severity on chest radiographs",
        "status": "active",
        "experimental": True,
        "description": RESEARCH_USE_ONLY,
        "caseSensitive": True,
        "content": "complete",
        "concept": [vars(concept) for concept in concepts.CONCEPTS],
    }
    return str(CodeSystem.model_validate(system).model_dump_json(indent=2))


def _entry(resource: Resource) -> Resource:
    kind, (identifier,) = resource["resourceType"], resource["identifier"]
    search = f"identifier={quote(identifier['system'] + '|' + identifier['value'], safe=':')}"
    request = (
        {"method": "POST", "url": kind, "ifNoneExist": search}
        if kind == "Device"  # always the same for its identifier
        else {"method": "PUT", "url": f"{kind}?{search}"}
    )
    return {"fullUrl": _full_url(identifier), "resource": resource, "request": request}


def _full_url(identifier: Mapping[str, str]) -> str:
    """Return what the resource is referred to by inside the transaction."""
    value = identifier["value"]
    is_uuid = value.startswith("urn:uuid:")
    return value if is_uuid else _uuid_url(uuid5(_NAMESPACE, value))


def _resources(report: Report) -> Iterator[Resource]:
    device = _device(report)
    yield device
    observations = [
        resource
        for observed in report.observed
        for resource in (_score(report, observed), _course(report, observed))
    ]
    lungs = [_lung(report, lung) for observed in report.observed for lung in observed.lungs]
    by = {"reference": _full_url(device["identifier"][0]), "type": "Device"}
    yield from ({**observation, "device": by} for observation in (*observations, *lungs))
    yield _diagnostic_report(report)


def _device(report: Report) -> Resource:
    version = report.film.model_version
    return {
        "resourceType": "Device",
        "meta": _meta(simulated=False),
        "identifier": [{"system": concepts.MODEL_VERSIONS, "value": version}],
        "status": "active",
        "manufacturer": "cxr-severity",
        "deviceName": [{"name": version, "type": "model-name"}],
        "version": [{"type": {"text": "model version"}, "value": version}],
        "note": [{"text": RESEARCH_USE_ONLY}],
    }


def _score(report: Report, observed: Observed) -> Resource:
    result = observed.result
    components = [_range(concepts.SCALE, result.scale)]
    if result.interval:
        components.append(_range(concepts.INTERVAL, result.interval))
    score = {
        **_observation(report, observed.concept),
        **_value(report, result.points, components),
    }
    members = [_part(report, lung.concept) for lung in observed.lungs]
    return {**score, "hasMember": members} if members else score


def _lung(report: Report, lung: ObservedLung) -> Resource:
    return {
        **_observation(report, lung.concept, _OF_SIDE[lung.side]),
        **_value(report, lung.points, [_range(concepts.SCALE, lung.scale)]),
    }


def _value(report: Report, points: float, components: list[Resource]) -> Resource:
    """Return the points, with what qualifies them: also of a lung, which may be read by itself."""
    return {
        "valueQuantity": _points(points),
        "note": [{"text": f"{RESEARCH_USE_ONLY} View: {report.film.view}. {SOFTWARE}."}],
        "component": [*components, *_flags(report)],
    }


def _flags(report: Report) -> Iterator[Resource]:
    reason, processing = report.film.out_of_distribution, report.film.unlike_processing
    if reason is not None:
        text = {"text": str(reason)}
        yield {"code": _code(concepts.OUT_OF_DISTRIBUTION), "valueCodeableConcept": text}
    if processing is not None:
        how = _code(concepts.PROCESSING[processing])
        yield {"code": _code(concepts.UNLIKE_PROCESSING), "valueCodeableConcept": how}


def _course(report: Report, observed: Observed) -> Resource:
    observation = {
        **_observation(report, observed.course_concept),
        **_verdict(report, observed.result.verdict),
        "note": [{"text": f"{RESEARCH_USE_ONLY} Compared with the baseline of the episode."}],
    }
    components = list(_course_components(observed))
    return {**observation, "component": components} if components else observation


def _verdict(report: Report, verdict: Verdict | None) -> Resource:
    if verdict is not None:
        return {"valueCodeableConcept": _code(concepts.VERDICTS[verdict])}
    # The baseline is compared with nothing.
    reason = "not-applicable" if report.film.is_baseline else "unknown"
    system = f"{_TERMINOLOGY}/data-absent-reason"
    return {"dataAbsentReason": {"coding": [{"system": system, "code": reason}]}}


def _course_components(observed: Observed) -> Iterator[Resource]:
    result = observed.result
    if result.level is not None:
        yield {"code": _code(concepts.LEVEL), "valueQuantity": _points(result.level.level)}
        yield _range(concepts.BAND, result.level)
    for concept, chance in observed.chances():
        yield {"code": _code(concept), "valueQuantity": _quantity(chance, "1", _RATIO)}


def _part(report: Report, concept: Concept) -> Resource:
    """Return a reference to one observation of the report."""
    return {"reference": _uuid_url(report.part_id(concept)), "type": "Observation"}


def _diagnostic_report(report: Report) -> Resource:
    category = {"system": f"{_TERMINOLOGY}/v2-0074", "code": "RAD", "display": "Radiology"}
    return {
        "resourceType": "DiagnosticReport",
        **_of_film(report, concepts.REPORT, report.report_id),
        **_study(report.subject),
        "category": [{"coding": [category]}],
        "result": [
            _part(report, concept)
            for observed in report.observed
            for concept in (observed.concept, observed.course_concept)
        ],
        "conclusion": " ".join(report.sentences),
    }


def _observation(report: Report, concept: Concept, site: tuple[str, str] = _LUNG) -> Resource:
    category = {"system": f"{_TERMINOLOGY}/observation-category", "code": "imaging"}
    code, display = site
    of_body = {"system": "http://snomed.info/sct", "code": code, "display": display}
    return {
        "resourceType": "Observation",
        **_of_film(report, concept, report.part_id(concept)),
        "category": [{"coding": [category]}],
        "bodySite": {"coding": [of_body]},
    }


def _of_film(report: Report, concept: Concept, identifier: UUID) -> Resource:
    """Return what an observation and a report have in common."""
    return {
        "meta": _meta(simulated=report.film.simulated),
        "identifier": [{"system": _URI, "value": _uuid_url(identifier)}],
        "status": _STATUS[report.status],
        "code": _code(concept),
        "subject": {"type": "Patient", "identifier": _patient(report)},
        **_effective(report),
        "issued": report.film.scored_at.isoformat(timespec="milliseconds"),
    }


def _patient(report: Report) -> Resource:
    """Return the hospital's identifier of the patient if it is to be carried, or the pseudonym."""
    subject = report.subject
    if subject is None:
        return {"system": concepts.PSEUDONYMS, "value": report.film.patient_key}
    issuer = {"assigner": {"display": subject.issuer}} if subject.issuer else {}
    system = {"system": subject.system} if subject.system else {}
    return {"type": _identifier_type("MR"), "value": subject.identifier, **system, **issuer}


def _study(subject: Subject | None) -> Resource:
    """Return the references of a report to the study and the order, as far as they are known."""
    references: Resource = {}
    if subject and subject.study_uid:
        uid = {"system": "urn:dicom:uid", "value": f"urn:oid:{subject.study_uid}"}
        references["imagingStudy"] = [{"type": "ImagingStudy", "identifier": uid}]
    if subject and subject.accession_number:
        accession = {"type": _identifier_type("ACSN"), "value": subject.accession_number}
        references["basedOn"] = [{"type": "ServiceRequest", "identifier": accession}]
    return references


def _identifier_type(code: str) -> Resource:
    return {"coding": [{"system": f"{_TERMINOLOGY}/v2-0203", "code": code}]}


def _effective(report: Report) -> Resource:
    if report.taken is None:
        return {"_effectiveDateTime": {"extension": [{"url": _ABSENT, "valueCode": "unknown"}]}}
    return {"effectiveDateTime": report.taken.isoformat()}


def _meta(*, simulated: bool) -> Resource:
    """Return the labels of what is for research, and of what is no patient's."""
    codes = ["HRESCH", "HTEST"] if simulated else ["HRESCH"]
    return {
        "security": [{"system": f"{_TERMINOLOGY}/v3-ActReason", "code": code} for code in codes]
    }


def _code(concept: Concept) -> Resource:
    coding = {"system": concepts.SYSTEM, "code": concept.code, "display": concept.display}
    return {"coding": [coding], "text": concept.display}


def _points(value: float) -> Resource:
    return _quantity(value, "points", _POINTS)


def _quantity(value: float, unit: str, code: str) -> Resource:
    return {"value": round(value, _DIGITS), "unit": unit, "system": _UCUM, "code": code}


def _range(concept: Concept, ends: Interval | Scale | Band) -> Resource:
    low, high = (ends.lowest, ends.highest) if isinstance(ends, Scale) else (ends.low, ends.high)
    return {"code": _code(concept), "valueRange": {"low": _points(low), "high": _points(high)}}


def _uuid_url(identifier: UUID) -> str:
    return f"urn:uuid:{identifier}"


_NAMESPACE = UUID(int=int(concepts.SYSTEM_OID.removeprefix("2.25.")))
