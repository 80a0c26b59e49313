"""The few fields of FHIR R4 resources that say what was done to a patient, and when.

Models of our own, by pydantic: a complete set of models (`fhir.resources`) refuses a resource for
any of its forty fields, of which this needs six, and is larger than what it would replace.
See https://hl7.org/fhir/R4/medicationadministration.html, procedure.html and encounter.html.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class _Element(BaseModel):
    # What a field holds is never put into an error: it may be a patient's name.
    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        hide_input_in_errors=True,
    )


class Coding(_Element):
    """A code of a terminology, and its meaning in words."""

    code: str = ""
    display: str = ""


class CodeableConcept(_Element):
    """Codes of one meaning, and a text in place of them."""

    coding: list[Coding] = []
    text: str = ""

    @property
    def label(self) -> str:
        """The first meaning, else the first code, else the text.

        Codes first, since they are the same for all patients, and nobody's free text.
        """
        names = [
            *(coding.display for coding in self.coding),
            *(coding.code for coding in self.coding),
            self.text,
        ]
        return next(filter(None, map(str.strip, names)), "")


class Period(_Element):
    """From when to when; either may be absent."""

    start: str = ""
    end: str = ""


class Identifier(_Element):
    """A number of a patient, and the system that issued it."""

    system: str = ""
    value: str = Field(default="", repr=False)


class Reference(_Element):
    """Another resource: by its address, or by an identifier."""

    reference: str = ""
    identifier: Identifier | None = None


class Patient(_Element):
    """A patient, of whom nothing is read but identifiers."""

    resource_type: Literal["Patient"]
    id: str = Field(default="", repr=False)
    identifier: list[Identifier] = []


class Medication(_Element):
    """A drug that other resources refer to."""

    resource_type: Literal["Medication"]
    id: str = ""
    code: CodeableConcept = CodeableConcept()


class _Resource(_Element):
    status: str
    subject: Reference = Reference()


class MedicationAdministration(_Resource):
    """A drug that was given, at a time or over a period."""

    resource_type: Literal["MedicationAdministration"]
    medication_codeable_concept: CodeableConcept = CodeableConcept()
    medication_reference: Reference = Reference()
    contained: list[dict[str, object]] = []
    effective_date_time: str = ""
    effective_period: Period = Period()


class Procedure(_Resource):
    """What was done to a patient, at a time or over a period."""

    resource_type: Literal["Procedure"]
    code: CodeableConcept = CodeableConcept()
    performed_date_time: str = ""
    performed_period: Period = Period()


class Encounter(_Resource):
    """A stay or a visit."""

    resource_type: Literal["Encounter"]
    class_: Coding = Field(default=Coding(), alias="class")
    type: list[CodeableConcept] = []
    period: Period = Period()
