"""The search by the hospital's identifier, which is hashed at once and never kept."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from db.reading import model_versions, trends
from flows.dashboard.addresses import address
from flows.dashboard.pages import page
from flows.dashboard.reading import Read
from flows.resources import Resources
from severity.domain import PatientId

router = APIRouter(include_in_schema=False)

_LONGEST = 10_000  # bytes of a form


async def form(request: Request) -> dict[str, str]:
    """Return the fields of a form that was sent, the first value of each."""
    body = await request.body()
    fields = parse_qs(body[:_LONGEST].decode(errors="replace"), keep_blank_values=True)
    return {name: values[0] for name, values in fields.items()}


@router.post("/search")
def search(
    request: Request, fields: Annotated[dict[str, str], Depends(form)], reading: Read
) -> Response:
    """Lead to the page of the patient with this identifier, or of this key."""
    resources: Resources = request.app.state.resources
    named = fields.get("identifier", "").strip()
    patient = PatientId(named, fields.get("issuer", "").strip())
    key = named if named.startswith("p-") else resources.pseudonym(patient)
    person = trends.person(reading.session, key)
    if model_versions.of_patient(reading.session, person):
        return RedirectResponse(address(f"/patients/{person}"), HTTPStatus.SEE_OTHER)
    unissued = resources.unissued_pseudonym(patient)
    others = trends.known_otherwise(reading.session, key, unissued)
    return page(request, "not_found.html", {"others": others}, status=HTTPStatus.NOT_FOUND)
