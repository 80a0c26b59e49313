"""The pages of rejected files: listed without names; operators see these, and decide again."""

import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, Field, ValidationError

from db import corrections
from db.corrections import Author
from db.engine import Transaction
from db.errors import RefusedCorrection
from db.reading.site import rejections
from db.reading.site.rejections import RejectionFilter
from flows.dashboard.addresses import address
from flows.dashboard.clock import clock_of
from flows.dashboard.failures import failure
from flows.dashboard.pages import page
from flows.dashboard.reading import ReadSite
from flows.dashboard.request import OPTIONAL, resources_of
from flows.dashboard.security.forms import form_fields
from flows.dashboard.security.user import operator_of
from flows.dashboard.texts import texts
from severity.domain import Reason

router = APIRouter(prefix="/operations/rejected", include_in_schema=False)
PAGE = 50
"""Files on each page of the list."""
_NUMBER = re.compile(r"[0-9]{1,18}")  # which PostgreSQL's bigint holds
_LONGEST_REASON = 500  # characters
_DECISIONS: dict[str, Callable[[Transaction, Author, Sequence[int]], list[int]]] = {
    "release": corrections.release,
    "dismiss": corrections.dismiss,
    "undismiss": corrections.undismiss,
}
Fields = Annotated[list[tuple[str, str]], Depends(form_fields)]


class Choices(BaseModel):
    """Which rejected files are listed, and what was just done with some."""

    reason: Annotated[Reason | None, OPTIONAL] = None
    dismissed: bool = False
    page: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    done: Annotated[str | None, Field(pattern="^(release|dismiss|undismiss)$"), OPTIONAL] = None
    count: Annotated[int, Field(ge=0)] = 0

    def address(self, **changed: object) -> str:
        """Return the address of the list with these choices, some of them changed."""
        chosen = self.model_dump(mode="json", exclude={"done", "count"}) | changed
        chosen["dismissed"] = chosen["dismissed"] or None
        return address("/operations/rejected", **chosen)


@router.get("")
def rejected_list(
    request: Request, reading: ReadSite, choices: Annotated[Choices, Query()]
) -> HTMLResponse:
    """Return the list of rejected files, which names none."""
    chosen = RejectionFilter(choices.reason, with_dismissed=choices.dismissed)
    count = rejections.count(reading.session, chosen)
    offset = (choices.page - 1) * PAGE
    values = {
        "choices": choices,
        "reasons": list(Reason),
        "shown": rejections.rejected(reading.session, chosen, limit=PAGE, offset=offset),
        "count": count,
        "has_more": choices.page * PAGE < count,
        "at": clock_of(request),
        "done": _done(choices),
    }
    return page(request, "rejected.html", values)


@router.get("/{object_id}")
def rejected_file(request: Request, object_id: Annotated[int, Path(ge=1, lt=10**18)]) -> Response:
    """Return where a file lies and what was decided about it, to an operator.

    Raises
    ------
    HTTPException
        403: it is no operator who asks, as a file's name may name a patient; 404: no such file.
    """
    operator_of(request)
    resources = resources_of(request)
    with resources.read_database().transaction() as session:
        stored = rejections.stored_object(session, object_id)
    if stored is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return page(request, "rejected_file.html", {"file": stored, "at": clock_of(request)})


@router.post("/{decision}")
def decide(request: Request, decision: str, fields: Fields) -> Response:
    """Let an operator release or dismiss files, or list them again; the person is recorded.

    Raises
    ------
    HTTPException
        403: it is no operator who asks; 404: there is no such decision; 400: no files, no
        reason, or no such list.
    """
    operator = operator_of(request)
    if decision not in _DECISIONS:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    ids, why = _ids(fields), dict(fields).get("why", "").strip()
    back = _listed_before(fields)
    if back is None or not ids or not why or len(why) > _LONGEST_REASON:
        return _refused(request, HTTPStatus.BAD_REQUEST, texts().rejected.incomplete)
    resources = resources_of(request)
    try:
        with resources.open_database().transaction() as session:
            decided = _DECISIONS[decision](session, Author(operator.name, why), ids)
    except RefusedCorrection as error:
        return _refused(request, HTTPStatus.CONFLICT, str(error))
    return RedirectResponse(back.address(done=decision, count=len(decided)), HTTPStatus.SEE_OTHER)


def _listed_before(fields: Sequence[tuple[str, str]]) -> Choices | None:
    """Return the choices of the list that a form is from; None if there is no such list."""
    try:
        return Choices.model_validate({"reason": dict(fields).get("reason", "")})
    except ValidationError:
        return None


def _ids(fields: Sequence[tuple[str, str]]) -> list[int]:
    """Return the numbers of the files that a form names; other values are none."""
    values = [value for name, value in fields if name == "id"]
    return [int(value) for value in values if _NUMBER.fullmatch(value)][:PAGE]


def _done(choices: Choices) -> str:
    """Return in a sentence what was just done; empty if nothing was."""
    if choices.done is None:
        return ""
    files = texts().rejected.file if choices.count == 1 else texts().rejected.files
    sentence: str = vars(texts().decisions)[choices.done]
    return sentence.format(files=files.format(count=choices.count))


def _refused(request: Request, status: HTTPStatus, why: str) -> Response:
    return failure(request, status, texts().rejected.refused, why)
