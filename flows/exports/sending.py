"""Exporting results film by film: into a new folder, or to a destination that may have some."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from uuid import UUID

from db.engine import Database
from db.reading.exports import Selection
from db.reading.results import Recipient
from db.sent import Delivery, SentResult
from flows.exports.deliveries import Deliveries
from flows.exports.destinations import Destination
from flows.exports.dicom.identifiers import Unidentified
from flows.exports.film_batches import film_batches
from flows.exports.identities import FilmIdentities
from flows.exports.new_folder import appearing, new_file
from flows.exports.observations import Report, Status, Subject

CODE_SYSTEM = "code-system.json"
"""The file beside results in FHIR that says what their codes mean."""

_AT_ONCE = 200  # films that are read together


class Written(StrEnum):
    """What results are written as."""

    FHIR = "fhir"
    HL7 = "hl7"

    @property
    def ending(self) -> str:
        """How the names of files end."""
        return "json" if self is Written.FHIR else "hl7"

    def content(self, report: Report) -> str:
        """Return a report in this format."""
        # Imported here: FHIR's models take half a second, which HL7 needs not.
        if self is Written.FHIR:
            from flows.exports import fhir  # noqa: PLC0415

            return fhir.transaction(report)
        from flows.exports import hl7  # noqa: PLC0415

        return hl7.message(report, at=datetime.now(UTC))


@dataclass
class SentCounts:
    """How many results a destination got: new, changed and withdrawn, of all that were looked at.

    ``unidentified`` are the films that were left out, since their patient could not be read again.
    """

    new: int = 0
    changed: int = 0
    withdrawn: int = 0
    seen: int = 0
    unidentified: list[Unidentified] = field(default_factory=list)

    @property
    def unchanged(self) -> int:
        """How many results the destination had already, as they are."""
        told = self.new + self.changed + self.withdrawn + len(self.unidentified)
        return self.seen - told

    def add(self, former: "SentCounts") -> None:
        """Add what was told of results of a former model version."""
        self.changed += former.changed
        self.withdrawn += former.withdrawn
        self.unidentified += former.unidentified
        self.seen += former.changed + former.withdrawn + len(former.unidentified)

    def count(self, status: Status) -> None:
        """Count a result that was sent."""
        match status:
            case Status.FINAL:
                self.new += 1
            case Status.CORRECTED:
                self.changed += 1
            case Status.ENTERED_IN_ERROR:
                self.withdrawn += 1


@dataclass(frozen=True)
class ResultExport:
    """The results of a selection in one format.

    ``result_id`` derives the identifier of an image's result by a model version, from the image's
    UID and the version's key. Without ``identities`` patients are named by pseudonyms alone.
    With ``resends`` all is sent again and each withdrawn film told, whatever is recorded: a
    database that was restored knows less than was sent. ``is_former`` is of a model version that
    another has followed: nothing new of it is sent.
    """

    database: Database
    selection: Selection
    written_as: Written
    result_id: Callable[[str, str], UUID]
    identities: FilmIdentities | None = None
    resends: bool = False
    is_former: bool = False

    def write(self, folder: Path) -> SentCounts:
        """Write a file for each valid film into a new folder; return how many, as new.

        Raises
        ------
        UsageError
            The folder is not empty, or cannot be written.
        """
        counts = SentCounts()
        with appearing(folder) as draft:
            for batch in self._batches():
                for named in self._identified(batch, {}):
                    if isinstance(named, Unidentified):
                        counts.unidentified.append(named)
                        continue
                    with new_file(draft / self._name(named)) as file:
                        file.write(self.written_as.content(named))
                    counts.count(named.status)
                counts.seen += len(batch)
            self._write_code_system(draft)
        return counts

    def send(self, destination: Destination) -> SentCounts:
        """Send what a destination has not, or has otherwise; and what was withdrawn since.

        Of other model versions, whose results were sent before, only what changed is sent: what is
        wrong must not stay because another version scores now. What the destination may have after
        a failure the next export tells as withdrawn, as changed if a sending of it had arrived
        before, else as new once more.

        Raises
        ------
        SendingError
            The destination does not take a result, or another export is sending there.
        """
        version = self.selection.model_version
        with Deliveries.to(
            self.database, version, self.written_as, destination.location
        ) as deliveries:
            counts = self._send(destination, deliveries)
            for former in deliveries.other_versions():
                selection = replace(self.selection, model_version=former)
                export = replace(self, selection=selection, is_former=True)
                counts.add(export._send(destination, replace(deliveries, model_version=former)))  # noqa: SLF001 - its own
        return counts

    def _send(self, destination: Destination, deliveries: Deliveries) -> SentCounts:
        counts = SentCounts()
        recipient = Recipient(deliveries.destination_id, may_have_all=self.resends)
        for batch in self._batches(recipient):
            known = deliveries.of([report.report_id for report in batch])
            for named in self._identified(self._news(batch, known), known):
                if isinstance(named, Unidentified):
                    counts.unidentified.append(named)
                    continue
                result = SentResult(named.report_id, named.film.image_id, named.sent_sha256)
                send = partial(destination.send, self._name(named), self.written_as.content(named))
                if deliveries.deliver(result, send):
                    counts.count(named.status)
            counts.seen += len(batch)
        return counts

    def _batches(self, recipient: Recipient | None = None) -> Iterator[list[Report]]:
        """Yield the reports of valid films, and of others that the destination has."""
        for films in film_batches(
            self.database, self.selection, size=_AT_ONCE, recipient=recipient
        ):
            yield [
                Report(
                    self.result_id(film.image_uid, film.model_version),
                    film,
                    is_identified=self.identities is not None,
                )
                for film in films
            ]

    def _identified(
        self, reports: Iterable[Report], known: Mapping[UUID, Delivery]
    ) -> Iterator[Report | Unidentified]:
        """Yield reports with their subjects, if those are to be carried.

        What was withdrawn goes by the pseudonym where its film is gone, rather than not at all.
        """
        if self.identities is None:
            yield from reports
            return
        reports = list(reports)
        subjects = self.identities.of([report.film.image_id for report in reports])
        for report, subject in zip(reports, subjects, strict=True):
            if isinstance(subject, Subject):
                yield replace(report, subject=subject)
            else:
                yield self._unnamed(report, subject, known.get(report.report_id))

    def _unnamed(
        self, report: Report, why: Unidentified, delivery: Delivery | None
    ) -> Report | Unidentified:
        """Return what is told of a film whose patient cannot be named: at most its withdrawal.

        So is a result that a destination has of a patient whom its film names, and whose it is not.
        """
        if report.status is Status.ENTERED_IN_ERROR:
            return report
        withdrawn = replace(report, status=Status.ENTERED_IN_ERROR)
        is_there = delivery is not None and delivery.content_sha256 != withdrawn.sent_sha256
        return withdrawn if why.names_another and (is_there or self.resends) else why

    def _write_code_system(self, folder: Path) -> None:
        if self.written_as is Written.FHIR:
            from flows.exports import fhir  # noqa: PLC0415 - see `Written.content`

            with new_file(folder / CODE_SYSTEM) as file:
                file.write(fhir.code_system())

    def _news(self, batch: Sequence[Report], known: Mapping[UUID, Delivery]) -> Iterator[Report]:
        """Yield what a destination has not or has otherwise, with what that is to it."""
        for report in batch:
            delivery = known.get(report.report_id)
            if self.is_former and delivery is None:
                continue
            is_there = delivery is not None and delivery.content_sha256 == report.content_sha256
            if is_there and not self.resends:
                continue
            if not report.film.is_valid:
                # Only those are read that the destination may have, or all that are to be told.
                yield replace(report, status=Status.ENTERED_IN_ERROR)
            elif delivery is not None and delivery.has_arrived:
                yield replace(report, status=Status.CORRECTED)
            else:
                yield report

    def _name(self, report: Report) -> str:
        digest = report.content_sha256[:12]
        return f"{report.report_id}-{digest}.{self.written_as.ending}"
