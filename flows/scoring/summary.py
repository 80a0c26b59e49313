"""The counts of a run, and its summary. No patient data."""

from dataclasses import dataclass

from db.engine import Transaction
from db.reading import balances, model_versions
from db.reading.balances import Balance
from flows.scoring.run import ScoringRun


@dataclass(frozen=True)
class Counts:
    """What became of images; ``out_of_distribution`` counts a part of the scored ones."""

    scored: int = 0
    rejected: int = 0
    out_of_distribution: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.scored + other.scored,
            self.rejected + other.rejected,
            self.out_of_distribution + other.out_of_distribution,
        )


@dataclass(frozen=True)
class RunSummary:
    """The counts of one run, in images, and the balance after it.

    ``other_versions`` are model versions that also scored images of this database.
    """

    model_version: str
    enlisted: int
    scored: int
    rejected: int
    out_of_distribution: int
    deferred: int
    unreadable_sidecars: int
    balance: Balance
    other_versions: tuple[str, ...]


async def summarised(run: ScoringRun, counts: Counts) -> RunSummary:
    """Return the counts of a run, with the balance as it is now."""
    return await run.transact(_summary, run, counts)


def _summary(session: Transaction, run: ScoringRun, counts: Counts) -> RunSummary:
    version, discovery = run.version.key, run.discovery
    return RunSummary(
        model_version=version,
        enlisted=discovery.enlisted,
        scored=counts.scored,
        rejected=counts.rejected,
        out_of_distribution=counts.out_of_distribution,
        deferred=discovery.deferred,
        unreadable_sidecars=discovery.unreadable_sidecars,
        balance=balances.balance(session, version),
        other_versions=tuple(model_versions.with_scores(session, excluding=version)),
    )
