"""What a run leaves on Prefect's page: its progress, its counts, a link to the dashboard."""

from dataclasses import asdict
from uuid import UUID

from prefect.artifacts import (
    acreate_link_artifact,
    acreate_markdown_artifact,
    acreate_progress_artifact,
    aupdate_progress_artifact,
)

from flows.reports import balance_text
from flows.scoring.naming import artifact_key
from flows.scoring.run import ScoringRun
from flows.scoring.summary import RunSummary
from flows.settings import Settings
from severity.domain import RESEARCH_USE_ONLY


class ProgressArtifact:
    """The share of a run's images that are finished, brought up to date after each share."""

    def __init__(self, run: ScoringRun) -> None:
        self._key = f"{artifact_key(run.label)}-progress"
        self._id: UUID | None = None

    async def show(self, *, finished: int, waiting: int) -> None:
        """Show how many images are finished, and how many wait."""
        percent = 100 * finished / max(finished + waiting, 1)
        if self._id is None:
            self._id = await acreate_progress_artifact(percent, key=self._key)
        else:
            await aupdate_progress_artifact(self._id, percent)


async def leave_artifacts(summary: RunSummary, label: str, settings: Settings) -> None:
    """Store a run's counts and the balance as a table, and a link to the dashboard if it is set.

    Parameters
    ----------
    label
        What tells its source from others.
    """
    key = artifact_key(label)
    await acreate_markdown_artifact(
        key=key,
        markdown=f"| | |\n|---|---|\n{_table(summary)}\n\n{RESEARCH_USE_ONLY}\n",
        description=str(balance_text(summary.balance)),  # shown with the run
    )
    if settings.operations_url:
        await acreate_link_artifact(
            settings.operations_url,
            link_text="The dashboard's page Operations",
            key=f"{key}-dashboard",
            description=RESEARCH_USE_ONLY,
        )


def _table(summary: RunSummary) -> str:
    rows = asdict(summary)
    balance = rows.pop("balance")
    rows["other_versions"] = ", ".join(summary.other_versions) or "none"
    versions = {version.pop("model_version"): version for version in balance.pop("versions")}
    del balance["source"], balance["name"]
    for of, counts in {"balance": balance, **versions}.items():
        rows |= {f"{of}: {name}": value for name, value in counts.items()}
    return "\n".join(f"| {name} | {value} |" for name, value in rows.items())
