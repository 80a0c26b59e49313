"""Retention as Prefect runs it: in the database, in the home folder and at Prefect's server."""

import asyncio
from dataclasses import asdict
from datetime import timedelta

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Failed

from db.errors import DatabaseError
from flows.errors import FlowsError, quoting_nothing
from flows.operations.retention import UNDELETABLE, apply_retention
from flows.orchestration.supervision import end_with_parent
from flows.resources import current
from flows.retention.prefect_runs import delete_old_runs


@flow(name="delete-what-expired", validate_parameters=False, persist_result=False)
@quoting_nothing
async def delete_what_expired() -> dict[str, int] | State[dict[str, int]]:
    """Delete what is older than the settings say; return how much that was, by what it is."""
    end_with_parent()
    resources, log = current(), get_run_logger()
    runs = await delete_old_runs(timedelta(days=resources.settings.prefect_days))
    try:
        # In a thread: Prefect's heartbeat needs this event loop.
        removed = await asyncio.to_thread(apply_retention, resources)
    except (FlowsError, DatabaseError) as error:
        log.error("retention failed: %s", error)  # noqa: TRY400 - one line that says it all
        return Failed(message=str(error), data=error)
    except OSError as error:  # whose message names a file
        log.error("retention failed: %s", error.strerror)  # noqa: TRY400
        return Failed(message=f"retention failed: {error.strerror}")
    if removed.undeletable:
        log.warning(UNDELETABLE, removed.undeletable)
    counts = {"prefect_runs": runs, **asdict(removed)}
    log.info("deleted: %s", ", ".join(f"{name} {count}" for name, count in counts.items()))
    return counts
