"""What a site deploys to its Prefect server: each job with its schedule and its work pool."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from flows.settings import Settings

_DISCOVER_EVERY = timedelta(minutes=5)


Due = timedelta | str
"""When a job is due: at an interval, or by a line of cron in the site's time zone."""


class Pool(StrEnum):
    """A work pool, by the device that its workers have."""

    CPU = "cpu"
    GPU = "gpu"


class Infrastructure(StrEnum):
    """Where the workers of a pool start a run: a process, a container or a pod."""

    PROCESS = "process"
    DOCKER = "docker"
    KUBERNETES = "kubernetes"


@dataclass(frozen=True)
class PlannedDeployment:
    """A job that Prefect starts: the flow, when it is due, and where it runs.

    A job that is never due starts only when it is asked for. Of ``most_runs`` at once, a further
    one is cancelled. Runs in the ``background`` wait where a worker has too few places for all.
    The flow is named, and not imported: that takes seconds.
    """

    name: str
    entrypoint: str
    flow_name: str
    description: str
    due: tuple[Due, ...] = ()
    pool: Pool = Pool.CPU
    most_runs: int = 1
    background: bool = False

    @property
    def full_name(self) -> str:
        """What Prefect calls it, and `prefect deployment run` takes."""
        return f"{self.flow_name}/{self.name}"

    @property
    def schedule_text(self) -> str:
        """When it is due, in words."""
        lines = [
            f"every {due.total_seconds():g} s" if isinstance(due, timedelta) else due
            for due in self.due
        ]
        return ", ".join(lines) or "when it is asked for"

    @property
    def queue(self) -> str:
        """The work queue; Prefect's own is served before those that are made later."""
        return "background" if self.background else "default"


def planned(settings: Settings, *, workers: int = 1) -> list[PlannedDeployment]:
    """Return the deployments of a site, on the schedules that it set.

    Parameters
    ----------
    workers
        How many runs may score at once.
    """
    return list(_jobs(settings, workers))


def _jobs(settings: Settings, workers: int) -> Iterator[PlannedDeployment]:
    def schedule(name: str, usual: Due) -> tuple[Due, ...]:
        due = settings.schedules.get(name, usual)
        return (due,) if due else ()

    pacs = settings.pacs is not None
    every = timedelta(seconds=settings.poll_seconds) if settings.poll_seconds else _DISCOVER_EVERY
    networks = Pool.GPU if settings.device.startswith("cuda") else Pool.CPU
    yield PlannedDeployment(
        "discover",
        "flows.discovery.flow.discover",
        "discover",
        "Enlists what is new, starts scoring if much waits, and tells alerts. Loads no network.",
        schedule("discover", every),
    )
    yield PlannedDeployment(
        "score",
        "flows.scoring.flow.score_inbox",
        "score-inbox",
        "Scores each new image once.",
        schedule("score", settings.cron),
        pool=networks,
        most_runs=workers,
    )
    yield PlannedDeployment(
        "rescore",
        "flows.rescoring.flow.rescore",
        "rescore",
        "Scores what was scored before by another model version, as far as it is asked for.",
        schedule("rescore", "30 * * * *"),
        pool=networks,
        background=True,
    )
    yield PlannedDeployment(
        "courses",
        "flows.courses.flow.update_due_courses",
        "update-due-courses",
        "Computes the courses of all patients who are due.",
        schedule("courses", "15 * * * *"),
    )
    yield PlannedDeployment(
        "reconcile",
        "flows.pacs.flow.reconcile",
        "reconcile",
        "Asks the PACS what it has, and fetches what the ledger has not.",
        schedule("reconcile", "0 1 * * *" if pacs else ""),
    )
    yield PlannedDeployment(
        "fetch",
        "flows.pacs.flow.fetch",
        "fetch",
        "Fetches the new films of the PACS into the drop folder.",
        schedule("fetch", every if pacs else ""),
    )
    yield PlannedDeployment(
        "retention",
        "flows.retention.flow.delete_what_expired",
        "delete-what-expired",
        "Deletes runs, lookups, logs and temporary files that are older than the site keeps them.",
        schedule("retention", "30 5 * * *"),
    )
    yield PlannedDeployment(
        "evaluate",
        "flows.evaluation.scheduled.evaluate_site_model",
        "evaluate-site-model",
        "Measures the model on the site's labelled images.",
        schedule("evaluate", "0 6 * * 0" if settings.evaluation_data else ""),
        pool=networks,
        background=True,
    )
