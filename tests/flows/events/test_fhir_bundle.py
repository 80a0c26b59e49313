"""Treatments from FHIR R4 bundles."""

import io
import json

import pytest

from flows.errors import UsageError
from flows.events.fhir_bundle import fhir_cells
from flows.events.record import Cells, Problem, Refused

MRN, OTHER = "urn:oid:1.2.3", "urn:oid:9.9"
PATIENT = {
    "resourceType": "Patient",
    "id": "a",
    "name": [{"family": "Doe"}],
    "identifier": [{"system": MRN, "value": "4711"}],
}
SUBJECT = {"reference": "Patient/a", "display": "Jane Doe"}
DRUG = {
    "resourceType": "MedicationAdministration",
    "status": "completed",
    "medicationCodeableConcept": {
        "coding": [{"code": "J05AB16", "display": "Remdesivir"}],
        "text": "for Jane",
    },
    "subject": SUBJECT,
    "effectiveDateTime": "2020-03-05T14:30:00+01:00",
}
PROCEDURE = {
    "resourceType": "Procedure",
    "status": "completed",
    "code": {"text": "Intubation"},
    "subject": SUBJECT,
    "performedPeriod": {"start": "2020-03-05", "end": "2020-03-07"},
}
STAY = {
    "resourceType": "Encounter",
    "status": "finished",
    "class": {"code": "ACUTE"},
    "type": [{"coding": [{"display": "Intensive care"}]}],
    "subject": SUBJECT,
    "period": {"start": "2020-03-04T10:00:00Z"},
}


def read(*resources, system="", **entry):
    bundle = {
        "resourceType": "Bundle",
        "entry": [entry | {"resource": resource} for resource in resources],
    }
    return list(fhir_cells(io.BytesIO(json.dumps(bundle).encode()), system=system))


def test_drugs_procedures_and_stays_are_read_wherever_their_patient_stands():
    assert read(DRUG, PROCEDURE, STAY, PATIENT) == [
        (1, Cells("4711", "", "drug", "Remdesivir", "2020-03-05T14:30:00+01:00")),
        (2, Cells("4711", "", "procedure", "Intubation", "2020-03-05", "2020-03-07")),
        (3, Cells("4711", "", "stay", "Intensive care", "2020-03-04T10:00:00Z")),
    ]


@pytest.mark.parametrize(
    "subject",
    [
        {"identifier": {"system": MRN, "value": "4711"}},
        {"reference": "https://hospital/fhir/Patient/a"},
    ],
)
def test_a_patient_is_named_by_an_identifier_or_by_an_address(subject):
    ((_, cells),) = read(DRUG | {"subject": subject}, PATIENT)

    assert cells.patient == "4711"


def test_the_number_of_a_resource_on_its_server_names_no_patient():
    assert read(DRUG) == [Refused(1, Problem.UNRESOLVED_PATIENT)]


def at(server, resource):
    """Return the entry of a resource that lies on a server."""
    return {"fullUrl": f"{server}/{resource['resourceType']}/1", "resource": resource}


def patients_of(*entries):
    """Return whose the treatments of entries are, and why others are nobody's."""
    file = io.BytesIO(json.dumps({"resourceType": "Bundle", "entry": entries}).encode())
    read = fhir_cells(file, system="")
    return [item.problem if isinstance(item, Refused) else item[1].patient for item in read]


TWO_PATIENTS = [
    at("https://ward", PATIENT),
    at("https://icu", PATIENT | {"identifier": [{"system": MRN, "value": "0815"}]}),
]


def test_patients_of_one_number_on_two_servers_are_told_apart():
    assert patients_of(
        *TWO_PATIENTS,
        at("https://ward", DRUG | {"subject": {"reference": "Patient/1"}}),
        at("https://icu", DRUG | {"subject": {"reference": "Patient/1/_history/3"}}),
        at("https://icu", DRUG | {"subject": {"reference": "https://ward/Patient/1"}}),
    ) == ["4711", "0815", "4711"]


def test_a_patient_of_another_server_or_of_two_is_nobody():
    elsewhere = at("https://lab", DRUG | {"subject": {"reference": "https://lab/Patient/1"}})

    assert patients_of(at("https://ward", PATIENT | {"id": "1"}), elsewhere) == [
        Problem.UNRESOLVED_PATIENT
    ]
    renamed = [entry | {"resource": entry["resource"] | {"id": "1"}} for entry in TWO_PATIENTS]
    unplaced = {"resource": DRUG | {"subject": {"reference": "Patient/1"}}}
    assert patients_of(*renamed, unplaced) == [Problem.AMBIGUOUS_PATIENT]


def test_of_several_identifiers_the_one_of_the_films_must_be_named():
    identifiers = [{"system": MRN, "value": "4711"}, {"system": OTHER, "value": "0815"}]
    patient = PATIENT | {"identifier": identifiers}

    assert read(DRUG, patient) == [Refused(1, Problem.AMBIGUOUS_PATIENT)]
    ((_, cells),) = read(DRUG, patient, system=OTHER)
    assert cells.patient == "0815"
    assert read(DRUG, PATIENT, system=OTHER) == [Refused(1, Problem.NO_PATIENT)]


@pytest.mark.parametrize("where", ["contained", "entry"])
def test_a_drug_may_be_a_resource_of_its_own(where):
    drug = {"resourceType": "Medication", "id": "m", "code": {"coding": [{"code": "X1"}]}}
    given = {key: value for key, value in DRUG.items() if key != "medicationCodeableConcept"}
    if where == "contained":
        given |= {"medicationReference": {"reference": "#m"}, "contained": [drug]}
        (_, cells), *_ = read(given, PATIENT)
    else:
        given |= {"medicationReference": {"reference": "Medication/m"}}
        (_, cells), *_ = read(given, PATIENT, drug)

    assert cells.label == "X1"


@pytest.mark.parametrize(
    ("resource", "problem"),
    [
        (DRUG | {"status": "not-done"}, Problem.NOT_DONE),
        (STAY | {"status": "planned"}, Problem.NOT_DONE),
        (PROCEDURE | {"status": "entered-in-error"}, Problem.NOT_DONE),
        (DRUG | {"effectiveDateTime": 5}, Problem.NOT_FHIR),
        (PROCEDURE | {"subject": "Jane Doe"}, Problem.NOT_FHIR),
        ({"resourceType": "Procedure"}, Problem.NOT_FHIR),
    ],
)
def test_what_did_not_take_place_or_is_no_fhir_is_refused_and_stops_nothing(resource, problem):
    refused, after = read(resource, PROCEDURE, PATIENT)

    assert refused == Refused(1, problem)
    assert after[1].label == "Intubation"


def test_other_resources_are_passed_over():
    assert read({"resourceType": "Observation"}, "no resource", PATIENT) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"resourceType": "Patient", "id": "Doe"}',
        b'{"resourceType": "Bundle", "entry": [{"resource": {"Doe',
        b'{"resourceType": "Bundle", "entry": [\xff "Doe"]}',
    ],
)
def test_a_file_that_is_no_bundle_is_refused_without_quoting_it(content):
    with pytest.raises(UsageError) as error:
        list(fhir_cells(io.BytesIO(content), system=""))

    assert "Doe" not in str(error.value)
    assert error.value.__cause__ is None
