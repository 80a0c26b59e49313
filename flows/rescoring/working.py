"""Working on requests of rescoring: whose images are enlisted, and the runs that score them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from db.ledger.presence import RunKind
from db.rescoring import enlisting, progress, requests
from db.rescoring.progress import Rescoring
from db.rescoring.requests import OpenRequest
from flows.errors import InboxError
from flows.orchestration.server import calling_flows
from flows.resources import Opened, Resources, using
from flows.scoring.run import ScoringRun, under_way
from flows.sources import open_inbox
from severity.errors import ModelUnavailable

_AT_ONCE = 10_000  # images that are looked at in one transaction


async def work_on_requests(resources: Resources) -> list[Rescoring]:
    """Work on all open requests until nothing of them waits; safe to kill and to start twice.

    Returns
    -------
    What became of the requests that were open. Prefect is started only if there are any.

    Raises
    ------
    FlowsError, DatabaseError, SeverityError
        A request, or a source of it, failed. All others were worked on.
    """
    open_requests = open_now(resources)
    if open_requests:
        with using(resources):
            async with calling_flows():
                # Imported here: Prefect takes a second, and its temporary server several.
                from flows.rescoring.flow import rescore  # noqa: PLC0415

                await rescore()
    ids = {entry.id for entry in open_requests}
    with resources.open_database().transaction() as session:
        return [entry for entry in progress.rescorings(session) if entry.id in ids]


def open_now(resources: Resources) -> list[OpenRequest]:
    """List the open requests, once images that had gone and are back wait again."""
    with resources.open_database().transaction() as session:
        enlisting.call_back(session)
        return requests.open_requests(session)


def enlist(resources: Resources, request_id: int) -> None:
    """Enlist all images of a request, in portions of one transaction each."""
    is_behind = True
    while is_behind:
        with resources.open_database().transaction() as session:
            is_behind = enlisting.enlist(session, request_id, limit=_AT_ONCE)


def places(resources: Resources, request_id: int) -> list[str]:
    """List the locations of the sources where images of a request wait or are claimed."""
    with resources.open_database().transaction() as session:
        return requests.places(session, request_id)


def of_request(request: OpenRequest, resources: Resources) -> Resources:
    """Return resources whose model is the one of a request, on the same database."""
    model = {"model": request.model, "precision": request.precision}
    settings = resources.settings.model_copy(update=model)
    return Resources(settings, resources.progress, Opened(resources.open_database()))


@asynccontextmanager
async def run_of(
    request: OpenRequest, location: str, resources: Resources
) -> AsyncIterator[ScoringRun]:
    """Begin a run that scores the images of a request in one source, and gives way to passes.

    Parameters
    ----------
    resources
        Of `of_request`.

    Raises
    ------
    InboxError
        The source cannot be opened, or its path leads elsewhere by now.
    ModelUnavailable
        The model here is another version than the request's.
    """
    if open_inbox(location, settle=timedelta(0)).location != location:
        raise InboxError(f"{location} is a link to another place by now: its images wait")
    async with under_way(location, resources, RunKind.RESCORE) as run:
        if run.queue.model_version_id != request.model_version_id:
            raise ModelUnavailable(
                f"the model {request.model} is {run.version.key} here, and {request.model_version} "
                "is asked for"
            )
        yield run
