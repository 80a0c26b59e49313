"""Rescoring as Prefect runs it: a flow over all open requests, and tasks of minutes of work."""

import asyncio
from itertools import count

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from db.errors import DatabaseError
from db.rescoring import requests
from db.rescoring.requests import OpenRequest
from flows.errors import FlowsError, InboxError, quoting_nothing
from flows.home import locked, private_home
from flows.library_messages import mute_libraries
from flows.orchestration.supervision import end_with_parent
from flows.rescoring.priority import low_priority
from flows.rescoring.working import enlist, of_request, open_now, places, run_of
from flows.resources import Resources, current
from flows.scoring.flow import score_share, update_courses
from flows.scoring.summary import Counts
from severity.errors import SeverityError

_MOST_IDLE = 2  # shares in which nothing was done: what waits cannot be claimed here


@flow(name="rescore", validate_parameters=False, persist_result=False)
@quoting_nothing
async def rescore() -> Counts | State[Counts]:
    """Score the images of all open requests again, while no pass is at work.

    Killed at any moment, it goes on where it was; each image is scored once by each version.
    """
    end_with_parent()
    mute_libraries()
    resources, log = current(), get_run_logger()
    with locked(private_home(resources.settings.home) / "rescore.lock") as free, low_priority():
        if not free:
            log.info("another rescoring is at work; this one leaves the requests to it")
            return Completed(name="Skipped", message="another rescoring is at work")
        return await _all_requests(resources)


async def _all_requests(resources: Resources) -> Counts | State[Counts]:
    """Work on each request and source; one that fails keeps no other from its turn."""
    log, counts = get_run_logger(), Counts()
    failures: list[Exception] = []
    for request in await asyncio.to_thread(open_now, resources):
        try:
            counts += await _work_on(request, of_request(request, resources), failures)
        except (FlowsError, DatabaseError, SeverityError) as error:
            failures.append(error)
    for failure in failures:
        log.error("rescoring failed: %s", failure)
    if failures:
        return Failed(message=str(failures[0]), data=failures[0])
    return counts


async def _work_on(request: OpenRequest, resources: Resources, failures: list[Exception]) -> Counts:
    """Enlist a request's images and score them, in one source after another."""
    await enlist_images(request.id)
    counts = Counts()
    for location in await asyncio.to_thread(places, resources, request.id):
        try:
            counts += await _score_in(location, request, resources)
        except (FlowsError, DatabaseError, SeverityError) as error:
            failures.append(error)
    get_run_logger().info(
        "request %d: %d scored, %d gone, %d failed by %s",
        request.id,
        counts.scored,
        counts.vanished,
        counts.failed,
        request.model_version,
    )
    return counts


async def _score_in(location: str, request: OpenRequest, resources: Resources) -> Counts:
    """Score what waits for a request in one source, in shares, and update the courses.

    A share ends once a pass is at work; the next one begins when that has nothing left to do.
    """
    shares, counts, idle = count(1), Counts(), 0
    async with run_of(request, location, resources) as run:
        await run.release_abandoned()
        while waiting := await run.transact(requests.count_waiting, request.id, location):
            await run.give_way()
            run.progress.waiting(waiting)
            done = await score_share(next(shares))
            counts += done
            idle = 0 if done.finished else idle + 1
            if idle == _MOST_IDLE:
                break
        await update_courses()
        if run.archives_away:
            raise InboxError(run.archives_away)
    return counts


@task(
    name="enlist-images",
    task_run_name="enlist request {request_id}",
    cache_policy=NO_CACHE,
    persist_result=False,
)
@quoting_nothing
async def enlist_images(request_id: int) -> None:
    """Let all images of a request wait for its model version."""
    await asyncio.to_thread(enlist, current(), request_id)
