"""One record of a file of treatments: what it says, or why it cannot be used."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from enum import StrEnum

from db.events import Event, EventKind, EventTime, PatientGroup
from flows.events.times import WrongTime, day_of, may_end, stated
from flows.reports import is_formula
from severity.vocabulary.characters import has_control_characters

_MOST_CHARACTERS = 200  # of a label or a value; of the name of a grouping, half of that
_UNDECODED = "\ufffd"


@dataclass(frozen=True)
class Naming:
    """How a file names patients and times.

    ``pseudonym`` returns a patient's key from the identifier and its issuer; ``zone`` is that of
    dates and of times that state none. ``issuer`` is that of identifiers where the file names none;
    ``system`` the one whose identifiers the films carry, where a FHIR patient has several.
    """

    pseudonym: Callable[[str, str], str]
    zone: tzinfo
    issuer: str = ""
    system: str = ""


class Problem(StrEnum):
    """Why a record is not imported. Codes are stable: scripts may rely on them."""

    UNKNOWN_PATIENT = "unknown_patient"  # no film of this patient was ever accepted
    NO_PATIENT = "no_patient"
    UNRESOLVED_PATIENT = "unresolved_patient"  # a reference that the bundle does not explain
    AMBIGUOUS_PATIENT = "ambiguous_patient"  # several identifiers: which one do the films carry?
    WRONG_KIND = "wrong_kind"
    NO_LABEL = "no_label"
    NO_START = "no_start"
    WRONG_TIME = "wrong_time"
    END_BEFORE_START = "end_before_start"
    TWO_CALENDARS = "two_calendars"  # a date and a number of days for one event
    TOO_LONG = "too_long"
    CONTROL_CHARACTERS = "control_characters"
    FORMULA = "formula"  # a spreadsheet would run it
    WRONG_CELLS = "wrong_cells"  # more cells than columns, or quotes that do not close
    EQUALS_SIGN = "equals_sign"  # in the name of a grouping, which ends there: arm=placebo
    NOTHING = "nothing"  # neither an event nor a group
    CONTRADICTION = "contradiction"  # an earlier record says otherwise
    NOT_DONE = "not_done"  # its status says that it did not take place
    NOT_FHIR = "not_fhir"


class WrongRecord(Exception):
    """The record cannot be imported; the message is the code alone."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True)
class Cells:
    """A record as it is written; absent values are empty. ``groups`` are by name."""

    patient: str = field(default="", repr=False)
    issuer: str = ""
    kind: str = ""
    label: str = ""
    start: str = ""
    end: str = ""
    start_day: str = ""
    end_day: str = ""
    groups: Mapping[str, str] = field(default_factory=dict)

    @property
    def names_event(self) -> bool:
        """Whether it is of an event, and not of groups alone."""
        event = (self.kind, self.label, self.start, self.end, self.start_day, self.end_day)
        return any(event)


@dataclass(frozen=True)
class Record:
    """What one line (an entry of a bundle) says of a patient, who is known by the key."""

    line: int
    patient_key: str
    event: Event | None
    groups: tuple[PatientGroup, ...]


@dataclass(frozen=True)
class Refused:
    """The line (an entry of a bundle) that cannot be imported, and why."""

    line: int
    problem: Problem


def read_record(line: int, cells: Cells, naming: Naming) -> Record:
    """Return what a record says, with the patient's key in place of the identifier.

    Raises
    ------
    WrongRecord
        It cannot be imported.
    """
    if not cells.patient:
        raise WrongRecord(Problem.NO_PATIENT)
    _check(cells.patient)
    _check(cells.issuer)
    key = naming.pseudonym(cells.patient, cells.issuer or naming.issuer)
    event = _event(cells, key, naming.zone) if cells.names_event else None
    groups = tuple(_groups(cells, key))
    if event is None and not groups:
        raise WrongRecord(Problem.NOTHING)
    return Record(line, key, event, groups)


def _event(cells: Cells, key: str, zone: tzinfo) -> Event:
    if cells.kind.lower() not in set(EventKind):
        raise WrongRecord(Problem.WRONG_KIND)
    if not cells.label:
        raise WrongRecord(Problem.NO_LABEL)
    _check_shown(cells.label, _MOST_CHARACTERS)
    start, end, calendar_known = _times(cells, zone)
    named_zone = str(zone) if calendar_known else "UTC"
    if end is not None and not may_end(start, end, named_zone):
        raise WrongRecord(Problem.END_BEFORE_START)
    return Event(
        key,
        EventKind(cells.kind.lower()),
        cells.label,
        start,
        end,
        named_zone,
        calendar_known,
    )


def _times(cells: Cells, zone: tzinfo) -> tuple[EventTime, EventTime | None, bool]:
    """Return start, end, and whether they are of the calendar and not days since a day 0."""
    calendar_known = bool(cells.start or cells.end)
    if calendar_known and (cells.start_day or cells.end_day):
        raise WrongRecord(Problem.TWO_CALENDARS)
    first, last = (cells.start, cells.end) if calendar_known else (cells.start_day, cells.end_day)
    if not first:
        raise WrongRecord(Problem.NO_START)
    try:
        start, *rest = [
            stated(text, zone) if calendar_known else day_of(text) for text in (first, last) if text
        ]
    except WrongTime:
        raise WrongRecord(Problem.WRONG_TIME) from None
    return start, rest[0] if rest else None, calendar_known


def _groups(cells: Cells, key: str) -> list[PatientGroup]:
    for value in cells.groups.values():
        _check_shown(value, _MOST_CHARACTERS)
    return [PatientGroup(key, name, value) for name, value in cells.groups.items() if value]


def check_group_name(name: str) -> None:
    """Refuse the name of a grouping that could not be stored or would be run by a spreadsheet.

    Raises
    ------
    WrongRecord
        It is such a name.
    """
    if "=" in name:
        raise WrongRecord(Problem.EQUALS_SIGN)
    _check_name(name, _MOST_CHARACTERS // 2)


def check_source(name: str) -> None:
    """Refuse the name of a system that could not be stored or would be run by a spreadsheet.

    Raises
    ------
    WrongRecord
        It is such a name.
    """
    _check_name(name, _MOST_CHARACTERS)


def _check_name(name: str, most: int) -> None:
    if not name:
        raise WrongRecord(Problem.NOTHING)
    _check_shown(name, most)


def _check_shown(text: str, most: int) -> None:
    _check(text, most)
    if is_formula(text):
        raise WrongRecord(Problem.FORMULA)


def _check(text: str, most: int = _MOST_CHARACTERS) -> None:
    if len(text) > most:
        raise WrongRecord(Problem.TOO_LONG)
    if _UNDECODED in text or has_control_characters(text):
        raise WrongRecord(Problem.CONTROL_CHARACTERS)
