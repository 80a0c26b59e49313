"""The update of courses as Prefect runs it, for corrections that no pass follows soon."""

import asyncio

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Failed

from db.errors import DatabaseError
from flows.courses.update import update_courses
from flows.errors import FlowsError, quoting_nothing
from flows.orchestration.supervision import end_with_parent
from flows.resources import current


@flow(name="update-due-courses", validate_parameters=False, persist_result=False)
@quoting_nothing
async def update_due_courses() -> int | State[int]:
    """Compute the courses of all patients who are due; return of how many that was."""
    end_with_parent()
    log = get_run_logger()
    try:
        # In a thread: Prefect's heartbeat needs this event loop.
        updated = await asyncio.to_thread(lambda: update_courses(current().open_database()))
    except (FlowsError, DatabaseError) as error:
        log.error("the update failed: %s", error)  # noqa: TRY400 - one line that says it all
        return Failed(message=str(error), data=error)
    log.info("courses of %d patients computed", updated.persons)
    return updated.persons
