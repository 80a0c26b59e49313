"""Exporting results film by film: into a new folder, or to a destination that may have some."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from uuid import UUID

from db import sent
from db.engine import Database
from db.reading.exports import Selection
from db.reading.results import FilmResult, results
from db.sent import SentResult
from flows.exports.destinations import Destination
from flows.exports.new_folder import appearing, new_file
from flows.exports.observations import Report, Status

CODE_SYSTEM = "code-system.json"
"""The file beside results in FHIR that says what their codes mean."""

_AT_ONCE = 200  # films that are read together, which bounds the memory


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
    """How many results a destination got: new, changed, withdrawn; and had already, unchanged."""

    new: int = 0
    changed: int = 0
    withdrawn: int = 0
    unchanged: int = 0

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
    UID and the version's key.
    """

    database: Database
    selection: Selection
    written_as: Written
    result_id: Callable[[str, str], UUID]

    def write(self, folder: Path) -> int:
        """Write a file for each valid film into a new folder; return how many.

        Raises
        ------
        UsageError
            The folder is not empty, or cannot be written.
        """
        count = 0
        with appearing(folder) as draft:
            for report in self.reports():
                with new_file(draft / self._name(report)) as file:
                    file.write(self.written_as.content(report))
                count += 1
            self._write_code_system(draft)
        return count

    def send(self, destination: Destination) -> SentCounts:
        """Send what a destination has not, or has otherwise; and what was withdrawn since.

        Each result is recorded once it is there: after a failure the next export goes on.

        Raises
        ------
        SendingError
            The destination does not take a result.
        """
        counts = SentCounts()
        with self.database.transaction() as session:
            destination_id = sent.destination(session, self.written_as, destination.location)
        for report in self.reports(destination_id):
            news = self._news(report, destination_id)
            if news is None:
                counts.unchanged += 1
                continue
            destination.send(self._name(news), self.written_as.content(news))
            self._record(news, destination_id)
            counts.count(news.status)
        return counts

    def reports(self, destination_id: int | None = None) -> Iterator[Report]:
        """Yield the report of each valid film, and of others that the destination has."""
        after = 0
        while films := self._films(after, destination_id):
            for film in films:
                yield Report(self.result_id(film.image_uid, film.model_version), film)
            after = films[-1].image_id

    def _films(self, after: int, destination_id: int | None) -> list[FilmResult]:
        with self.database.transaction() as session:
            return results(
                session,
                self.selection,
                after=after,
                limit=_AT_ONCE,
                destination_id=destination_id,
            )

    def _write_code_system(self, folder: Path) -> None:
        if self.written_as is Written.FHIR:
            from flows.exports import fhir  # noqa: PLC0415 - see `Written.content`

            with new_file(folder / CODE_SYSTEM) as file:
                file.write(fhir.code_system())

    def _news(self, report: Report, destination_id: int) -> Report | None:
        """Return a report with what it is to the destination; None if that has it as it is."""
        with self.database.transaction() as session:
            known = sent.digests(session, destination_id, [report.report_id])
        is_valid = report.film.is_valid
        if report.report_id not in known:
            return report if is_valid else None
        if known[report.report_id] == report.content_sha256:
            return None
        return replace(report, status=Status.CORRECTED if is_valid else Status.ENTERED_IN_ERROR)

    def _record(self, report: Report, destination_id: int) -> None:
        result = SentResult(report.report_id, report.film.image_id, report.content_sha256)
        with self.database.transaction() as session:
            sent.record(session, destination_id, report.film.model_version, [result])

    def _name(self, report: Report) -> str:
        digest = report.content_sha256[:12]
        return f"{report.report_id}-{digest}.{self.written_as.ending}"
