"""Treatments from a FHIR R4 Bundle, entry by entry: the file is never in memory as a whole."""

from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, TypeVar

import ijson
from pydantic import ValidationError

from flows.errors import UsageError
from flows.events.fhir import (
    Encounter,
    Identifier,
    Medication,
    MedicationAdministration,
    Patient,
    Procedure,
    Reference,
)
from flows.events.record import Cells, Problem, Refused, WrongRecord

_Known = TypeVar("_Known")
_Treatment = MedicationAdministration | Procedure | Encounter
_TREATMENTS: dict[str, type[_Treatment]] = {
    "MedicationAdministration": MedicationAdministration,
    "Procedure": Procedure,
    "Encounter": Encounter,
}
# https://hl7.org/fhir/R4/valueset-medication-admin-status.html, -event-status, -encounter-status:
# those by which it took place, at least in part.
_TOOK_PLACE = {
    "in-progress",
    "on-hold",
    "completed",
    "stopped",
    "arrived",
    "triaged",
    "onleave",
    "finished",
}


@dataclass
class _Referred:
    """What entries refer to: the identifiers of patients and the labels of drugs."""

    system: str
    patients: dict[str, str | Problem] = field(default_factory=dict, repr=False)
    drugs: dict[str, str] = field(default_factory=dict)
    # Of those that state their server's address, lest another server's number be taken for it.
    numbers: set[str] = field(default_factory=set)

    def add(self, url: str, resource: Mapping[str, Any]) -> None:
        """Note a patient or a drug under the addresses by which others refer to it."""
        kind = resource.get("resourceType")
        number = f"{kind}/{resource.get('id')}"
        if "://" in url:
            self.numbers.add(number)
        for address in filter(None, (url, number)):
            if kind == "Patient":
                identifier = self._identifier(resource)
                if self.patients.setdefault(address, identifier) != identifier:
                    self.patients[address] = Problem.AMBIGUOUS_PATIENT
            elif kind == "Medication":
                label = Medication.model_validate(resource).code.label
                if self.drugs.setdefault(address, label) != label:
                    self.drugs[address] = ""

    def patient(self, subject: Reference, url: str) -> str:
        """Return the identifier of the patient that an entry, which has this address, is of."""
        if subject.identifier is not None:
            known: str | Problem = _chosen([subject.identifier], self.system)
        else:
            known = self._of(self.patients, subject.reference, url) or Problem.UNRESOLVED_PATIENT
        if isinstance(known, Problem):
            raise WrongRecord(known)
        return known

    def drug(self, given: MedicationAdministration, url: str) -> str:
        """Return the label of the drug that was given; empty if it has none."""
        if label := given.medication_codeable_concept.label:
            return label
        reference = given.medication_reference.reference
        for resource in given.contained:
            if reference == f"#{resource.get('id')}":
                return Medication.model_validate(resource).code.label
        return self._of(self.drugs, reference, url) or ""

    def _of(self, known: Mapping[str, _Known], reference: str, url: str) -> _Known | None:
        """Look a reference up: whole, on the server of its entry, or by number where that is one.

        References
        ----------
        * HL7 FHIR R4 (4.0.1), Bundle, "Resolving references in Bundles".
        """
        reference = reference.partition("/_history/")[0]
        number = "/".join(reference.split("/")[-2:])
        if "://" not in reference:
            reference = f"{url.rsplit('/', 2)[0]}/{reference}"
        elif number in self.numbers:
            return known.get(reference)
        return known.get(reference) or known.get(number)

    def _identifier(self, resource: Mapping[str, Any]) -> str | Problem:
        try:
            return _chosen(Patient.model_validate(resource).identifier, self.system)
        except ValidationError:
            return Problem.NOT_FHIR


def fhir_cells(file: BinaryIO, *, system: str) -> Iterator[tuple[int, Cells] | Refused]:
    """Yield each treatment of a Bundle with the number of its entry, and those of no use.

    Parameters
    ----------
    file
        JSON, read three times.
    system
        The system whose identifiers the films carry; empty if each patient has one identifier.

    Raises
    ------
    UsageError
        It is no FHIR Bundle, or its JSON is broken; what was yielded before stands.
    """
    if next(_items(file, "resourceType"), "") != "Bundle":
        raise UsageError("the file is no FHIR Bundle: its resourceType is another")
    referred = _Referred(system)
    for _, url, resource in _entries(file):
        try:
            referred.add(url, resource)
        except ValidationError:
            continue  # a drug without a label; those who refer to it will be refused
    for number, url, resource in _entries(file):
        model = _TREATMENTS.get(str(resource.get("resourceType")))
        if model is not None:
            try:
                yield number, _cells(model.model_validate(resource), referred, url)
            except ValidationError:
                yield Refused(number, Problem.NOT_FHIR)
            except WrongRecord as wrong:
                yield Refused(number, wrong.problem)


def _cells(treatment: _Treatment, referred: _Referred, url: str) -> Cells:
    if treatment.status not in _TOOK_PLACE:
        raise WrongRecord(Problem.NOT_DONE)
    patient = referred.patient(treatment.subject, url)
    match treatment:
        case MedicationAdministration():
            kind, label = "drug", referred.drug(treatment, url)
            at, period = treatment.effective_date_time, treatment.effective_period
        case Procedure():
            kind, label = "procedure", treatment.code.label
            at, period = treatment.performed_date_time, treatment.performed_period
        case Encounter():
            kind, label = "stay", _stay(treatment)
            at, period = "", treatment.period
    # What was given at one time has no end.
    end = "" if at else period.end
    return Cells(patient, kind=kind, label=label, start=at or period.start, end=end)


def _stay(encounter: Encounter) -> str:
    types = (concept.label for concept in encounter.type)
    kind = encounter.class_
    return next(filter(None, types), "") or kind.display.strip() or kind.code


def _chosen(identifiers: list[Identifier], system: str) -> str | Problem:
    """Return the identifier that the films carry, or why it is not known which one does."""
    values = {
        identifier.value
        for identifier in identifiers
        if identifier.value and (not system or identifier.system == system)
    }
    if len(values) > 1:
        return Problem.AMBIGUOUS_PATIENT
    return next(iter(values), Problem.NO_PATIENT)


def _entries(file: BinaryIO) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    """Yield the number, the address and the resource of each entry that has one."""
    for number, entry in enumerate(_items(file, "entry.item"), start=1):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict):
            yield number, str(entry.get("fullUrl") or ""), resource


def _items(file: BinaryIO, prefix: str) -> Iterator[Any]:
    file.seek(0)
    if file.read(len(BOM_UTF8)) != BOM_UTF8:
        file.seek(0)
    number = 0
    try:
        for number, item in enumerate(ijson.items(file, prefix), start=1):  # noqa: B007 - told below
            yield item
    except (ijson.JSONError, UnicodeDecodeError):
        # Its message quotes the file.
        raise UsageError(
            f"the file is no JSON in UTF-8, or broken off, after entry {number}"
        ) from None
