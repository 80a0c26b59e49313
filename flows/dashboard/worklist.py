"""The worklist: patients by the probability that they are worse than at their baseline."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from flows.dashboard.pages import page
from flows.dashboard.reading import Read

router = APIRouter(include_in_schema=False)


@router.get("/")
def worklist_page(request: Request, reading: Read) -> HTMLResponse:
    """Return the worklist."""
    return page(request, "worklist.html", {"version": reading.version})
