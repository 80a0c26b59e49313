"""The pages to sign in and out, where a password is set."""

import re
from http import HTTPStatus
from urllib.parse import urlsplit

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from flows.dashboard.pages import page
from flows.dashboard.security.access import COOKIE, Access, address_of
from flows.dashboard.security.attempts import TooManyAttempts
from flows.dashboard.security.forms import form
from flows.dashboard.texts import texts

router = APIRouter(include_in_schema=False)
# Not `//host` nor `/\host`, which browsers take for another machine, and no sign that they drop.
_OF_OURS = re.compile(r"/(?![/\\])[!-\[\]-~]*")


@router.get("/sign-in")
def sign_in_page(request: Request, next: str = "/") -> Response:  # noqa: A002 - in the address
    """Return the page that asks for a name and a password."""
    _with_password(request)
    return _page(request, wanted=local_path(next))


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Begin a session and go on to the page that was wanted."""
    access, fields = _with_password(request), await form(request)
    wanted = local_path(fields.get("next", "/"))
    try:
        user = access.signed_in(
            address_of(request), fields.get("name", ""), fields.get("password", "")
        )
    except TooManyAttempts as error:
        return _page(request, wanted=wanted, seconds=error.seconds)
    if user is None:
        return _page(request, wanted=wanted, is_wrong=True)
    access.sessions.end(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse(wanted, HTTPStatus.SEE_OTHER)
    answer.set_cookie(
        COOKIE,
        access.sessions.begin(user),
        httponly=True,
        samesite="strict",
        # The browser says how it reached us, with a proxy between that ends TLS or without.
        secure=urlsplit(request.headers["origin"]).scheme == "https",
    )
    return answer


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    """End the session."""
    access = _with_password(request)
    access.sessions.end(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


def local_path(wanted: str) -> str:
    """Return where to go after signing in: what was wanted if that is a page of ours, else /."""
    return wanted if _OF_OURS.fullmatch(wanted) else "/"


def _with_password(request: Request) -> Access:
    """Return the dashboard's access, if it asks for a password.

    Raises
    ------
    HTTPException
        It does not: there is no such page.
    """
    access: Access = request.app.state.access
    if access.password is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return access


def _page(
    request: Request, *, wanted: str, is_wrong: bool = False, seconds: int | None = None
) -> Response:
    words = texts().sign_in
    problem = words.wrong if is_wrong else ""
    status = HTTPStatus.FORBIDDEN if is_wrong else HTTPStatus.OK
    if seconds is not None:
        problem, status = words.wait.format(seconds=seconds), HTTPStatus.TOO_MANY_REQUESTS
    answer = page(
        request, "sign_in.html", {"wanted": wanted, "problem": problem}, status=int(status)
    )
    if seconds is not None:
        answer.headers["Retry-After"] = str(seconds)
    return answer
