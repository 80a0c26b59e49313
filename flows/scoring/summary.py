"""The counts of a run, and its summary. No patient data."""

from dataclasses import dataclass

from db.engine import Transaction
from db.reading import model_versions
from db.reading.site import balances
from db.reading.site.balances import SourceBalance
from flows.scoring.run import ScoringRun


@dataclass(frozen=True)
class Counts:
    """What became of claimed objects; ``out_of_distribution`` counts a part of the scored ones."""

    scored: int = 0
    rejected: int = 0
    failed: int = 0
    vanished: int = 0
    out_of_distribution: int = 0

    @property
    def finished(self) -> int:
        """How many wait no more."""
        return self.scored + self.rejected + self.failed + self.vanished

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.scored + other.scored,
            self.rejected + other.rejected,
            self.failed + other.failed,
            self.vanished + other.vanished,
            self.out_of_distribution + other.out_of_distribution,
        )


@dataclass(frozen=True)
class RunSummary:
    """The counts of one run, in images, and the balance of its source after it.

    ``missed`` counts the files that were there before, where most of them or all are gone at once,
    and ``archived`` those that were moved to the archive; ``archive_fault`` says why others were
    not, or which archive is away in which images wait. ``other_versions`` are model versions that
    also scored images of this database. ``read_in_zone`` is the time zone that the source's times
    were read in so far, if the settings name another.
    """

    model_version: str
    enlisted: int
    scored: int
    rejected: int
    failed: int
    vanished: int
    out_of_distribution: int
    deferred: int
    unreadable_sidecars: int
    seems_unmounted: bool
    missed: int
    balance: SourceBalance
    other_versions: tuple[str, ...]
    read_in_zone: str = ""
    archived: int = 0
    archive_fault: str = ""

    @property
    def notes(self) -> list[str]:
        """What a person must see to, or should know, one line each."""
        notes = []
        if self.unreadable_sidecars:
            notes.append(
                f"{self.unreadable_sidecars} sidecars are unreadable; their images wait. "
                "`cxr-severity rejected unread` names them, with the line and the cause."
            )
        if self.missed:
            notes.append(self.fault)
        if self.archive_fault:
            notes.append(self.archive_fault)
        if self.read_in_zone:
            notes.append(
                f"Times of this source were read in {self.read_in_zone} so far; new ones are read "
                "as SEVERITY_TIMEZONE says. `cxr-severity source zone` corrects those before."
            )
        return notes

    @property
    def fault(self) -> str:
        """Why the pass failed although all that is there was scored; empty if it did not."""
        if not self.balance.holds:
            return "The balance does not hold: please report this."
        if not self.missed:
            return self.archive_fault
        seen = (
            "The source is empty, although images lay there before: is it mounted?"
            if self.seems_unmounted
            else f"{self.missed} files are gone at once, nine of ten or more: is it mounted?"
        )
        return f"{seen} If that was done on purpose, run once with --emptied."

    @property
    def needs_attention(self) -> bool:
        """Whether something was lost, cannot be read or archived, or the source cannot be seen."""
        return (
            not self.balance.holds
            or self.balance.obstacles > 0
            or self.unreadable_sidecars > 0
            or self.missed > 0
            or bool(self.archive_fault)
        )


async def summarised(run: ScoringRun, counts: Counts) -> RunSummary:
    """Return the counts of a run, with the balance as it is now."""
    return await run.transact(_summary, run, counts)


def _summary(session: Transaction, run: ScoringRun, counts: Counts) -> RunSummary:
    version, discovery, zone = run.version.key, run.discovery, run.settings.timezone
    return RunSummary(
        model_version=version,
        enlisted=discovery.enlisted,
        scored=counts.scored,
        rejected=counts.rejected,
        failed=counts.failed,
        vanished=counts.vanished,
        out_of_distribution=counts.out_of_distribution,
        deferred=discovery.deferred,
        unreadable_sidecars=discovery.unreadable_sidecars,
        seems_unmounted=discovery.seems_unmounted,
        missed=discovery.missed,
        balance=balances.balance(session, run.inbox.location),
        other_versions=tuple(model_versions.with_scores(session, excluding=version)),
        archive_fault=run.archives_away,
        read_in_zone=run.source.zone if run.source.zone != zone else "",
    )
