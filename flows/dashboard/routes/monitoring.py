"""What machines ask: metrics, and whether the program lives and can answer pages."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from db.errors import Cause, DatabaseError
from flows.dashboard.request import resources_of
from flows.errors import FlowsError
from flows.operations.metrics import CONTENT_TYPE, CachedMetrics

router = APIRouter(include_in_schema=False)


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """Return the metrics of the site in Prometheus' text format."""
    cached: CachedMetrics = request.app.state.metrics
    return Response(cached.text(), media_type=CONTENT_TYPE)


@router.head("/health/live")
@router.get("/health/live")
def live() -> JSONResponse:
    """Return that the program answers; asked for by whatever starts it anew if it does not."""
    return JSONResponse({"status": "live"})


@router.head("/health")
@router.get("/health")
@router.head("/health/ready")
@router.get("/health/ready")
def ready(request: Request) -> JSONResponse:
    """Return whether pages can be answered, and else the kind of failure, in a word."""
    cause = _cause(request)
    if cause is None:
        return JSONResponse({"status": "ready"})
    return JSONResponse({"status": "not ready", "cause": cause}, HTTPStatus.SERVICE_UNAVAILABLE)


def _cause(request: Request) -> Cause | None:
    """Return why the database cannot be used; None if it can."""
    try:
        resources_of(request).read_database().check_schema()
    except DatabaseError as error:
        return error.cause
    except FlowsError:
        return Cause.SETTINGS
    return None
