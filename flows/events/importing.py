"""Importing treatments in batches, each in a transaction of its own."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from db.corrections import Author, begin
from db.engine import Transaction
from db.events import Event, Stored, store_events, store_groups, unknown_patients
from flows.events.record import Problem, Record, Refused
from flows.resources import Resources

_AT_ONCE = 2000  # records of a transaction: a worker that closes a batch waits for one


@dataclass
class ImportReport:
    """How many events and groups were new, changed or as they were, and what was refused.

    ``refused`` are the numbers of the lines, by reason.
    """

    events: Stored = field(default_factory=Stored)
    groups: Stored = field(default_factory=Stored)
    refused: dict[str, list[int]] = field(default_factory=dict)

    def refuse(self, refused: Refused) -> None:
        """Note a record that is not imported."""
        self.refused.setdefault(refused.problem, []).append(refused.line)


@dataclass
class TreatmentImport:
    """Imports records under the name of their source; importing them again changes nothing."""

    resources: Resources
    author: Author
    source: str
    report: ImportReport = field(default_factory=ImportReport)

    def store(self, records: Iterable[Record | Refused]) -> ImportReport:
        """Import all that can be; return what became of each."""
        usable = self._usable(records)
        while batch := list(islice(usable, _AT_ONCE)):
            self._store(batch)
        return self.report

    def _usable(self, records: Iterable[Record | Refused]) -> Iterator[Record]:
        """Yield records without what was said before, and note the others."""
        said = _Said()
        for record in records:
            news = record if isinstance(record, Refused) else said.news(record)
            if isinstance(news, Refused):
                self.report.refuse(news)
            else:
                yield news

    def _store(self, batch: Sequence[Record]) -> None:
        with self.resources.open_database().transaction() as session:
            self.resources.check_secret(session)
            begin(session, self.author, "treatments imported")
            known = list(self._of_known_patients(session, batch))
            events = [record.event for record in known if record.event]
            groups = [group for record in known for group in record.groups]
            self.report.events += store_events(session, self.source, events)
            self.report.groups += store_groups(session, self.source, groups)

    def _of_known_patients(self, session: Transaction, batch: Sequence[Record]) -> Iterator[Record]:
        unknown = unknown_patients(session, sorted({record.patient_key for record in batch}))
        for record in batch:
            if record.patient_key in unknown:
                self.report.refuse(Refused(record.line, Problem.UNKNOWN_PATIENT))
            else:
                yield record


class _Said:
    """What the records of one file have said.

    Of two that contradict each other the first counts, however far apart they are: so an import
    that is repeated changes nothing. It keeps 64 bits of each statement and of its value, some 200
    bytes an event.
    """

    def __init__(self) -> None:
        self._values: dict[int, int] = {}

    def news(self, record: Record) -> Record | Refused:
        """Return a record without what was said before; refused, if it contradicts that."""
        statements = _statements(record)
        if any(self._values.get(about, value) != value for about, value in statements.values()):
            return Refused(record.line, Problem.CONTRADICTION)
        is_new = {stated: about not in self._values for stated, (about, _) in statements.items()}
        self._values.update(statements.values())
        event = record.event if record.event is None or is_new[record.event] else None
        return replace(
            record, event=event, groups=tuple(group for group in record.groups if is_new[group])
        )


def _statements(record: Record) -> dict[Hashable, tuple[int, int]]:
    """Return, by event and group, 64 bits of what it is about and of what is said of that."""
    said: dict[Hashable, tuple[int, int]] = {
        group: (hash((group.patient_key, group.name)), hash(group.value)) for group in record.groups
    }
    if event := record.event:
        said[event] = hash(_about(event)), hash((event.end, event.start.is_date))
    return said


def _about(event: Event) -> Event:
    return replace(event, end=None, start=replace(event.start, is_date=False))
