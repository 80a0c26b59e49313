"""The deployments as a prefect.yaml, for sites that deploy by `prefect deploy`."""

from datetime import timedelta
from importlib.metadata import version
from typing import Any

import yaml

from flows.deployments.plan import Due, PlannedDeployment
from flows.orchestration.naming import TAG

_HEAD = """\
# The deployments of cxr-severity, as `cxr-severity deploy --yaml` writes them. They need the work
# pools cpu and gpu, from the templates in flows/deployments/base_jobs; `cxr-severity deploy` makes
# pools, deployments and automations at once: docs/how-to/deploy-with-prefect.md.
# Research use only. Not for diagnosis.
"""


def prefect_yaml(jobs: list[PlannedDeployment], zone: str) -> str:
    """Return the text of a prefect.yaml with these deployments.

    Parameters
    ----------
    zone
        The time zone of schedules.
    """
    content = {
        "name": TAG,
        "prefect-version": version("prefect"),
        "pull": [],  # the program is installed where a worker runs it
        "deployments": [_entry(job, zone) for job in jobs],
    }
    return _HEAD + yaml.safe_dump(content, sort_keys=False, width=100)


def _entry(job: PlannedDeployment, zone: str) -> dict[str, Any]:
    return {
        "name": job.name,
        "description": job.description,
        "entrypoint": job.entrypoint,
        "tags": [TAG],
        "schedules": [_schedule(due, zone) for due in job.due],
        "concurrency_limit": {"limit": job.most_runs, "collision_strategy": "CANCEL_NEW"},
        "work_pool": {"name": str(job.pool), "work_queue_name": job.queue},
    }


def _schedule(due: Due, zone: str) -> dict[str, Any]:
    match due:
        case timedelta() as interval:
            return {"interval": interval.total_seconds()}
        case str() as line:
            return {"cron": line, "timezone": zone}
