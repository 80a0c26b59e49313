"""The search by the hospital's identifier, which is hashed at once and never kept."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from db.reading import model_versions, trends
from flows.dashboard.addresses import address
from flows.dashboard.pages import page
from flows.dashboard.reading import open_reading
from flows.dashboard.request import resources_of
from flows.dashboard.security.forms import form
from flows.dashboard.security.looks import record_looks
from severity.domain import PatientId

router = APIRouter(include_in_schema=False)


@router.post("/search")
def search(request: Request, fields: Annotated[dict[str, str], Depends(form)]) -> Response:
    """Lead to the page of the patient with this identifier, or of this key; record who asked."""
    resources = resources_of(request)
    named = fields.get("identifier", "").strip()
    patient = PatientId(named, fields.get("issuer", "").strip())
    key = resources.named_patient(patient)
    unissued = resources.unissued_pseudonym(patient)
    with open_reading(request) as reading:
        person = trends.person(reading.session, key)
        is_scored = bool(model_versions.of_patient(reading.session, person))
        others = [] if is_scored else trends.known_otherwise(reading.session, key, unissued)
    record_looks(request, [key, *others], page="search")
    if is_scored:
        target = address(f"/patients/{person}", model=fields.get("model"))
        return RedirectResponse(target, HTTPStatus.SEE_OTHER)
    return page(request, "not_found.html", {"others": others}, status=HTTPStatus.NOT_FOUND)
