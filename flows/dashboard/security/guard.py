"""The guard before all pages: who asks, whether a stranger's page made them, and what is logged."""

import re
from http import HTTPStatus
from time import perf_counter
from urllib.parse import quote, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flows.dashboard.failures import failure
from flows.dashboard.log import log
from flows.dashboard.security.access import Access
from flows.dashboard.security.attempts import TooManyAttempts
from flows.dashboard.security.forms import LARGEST_FORM
from flows.dashboard.security.headers import add_headers
from flows.dashboard.texts import texts
from severity.domain import RESEARCH_USE_ONLY

SIGN_IN = "/sign-in"
METRICS = "/metrics"
HEALTH = frozenset({"/health", "/health/live", "/health/ready"})
"""What anybody may ask who reaches the port: it answers with a word, and names nothing."""
_FILES = "/static/"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_LENGTH = re.compile("[0-9]{1,9}")


class Guard:
    """Lets requests through to an application, or answers them itself; adds the headers."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; nothing but HTTP is let in."""
        if scope["type"] != "http":
            return
        begun, status = perf_counter(), HTTPStatus.INTERNAL_SERVER_ERROR.value

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                is_file = scope["path"].startswith(_FILES) and status == HTTPStatus.OK
                add_headers(MutableHeaders(scope=message), is_file=is_file)
            await send(message)

        request = Request(scope)
        request.state.can_sign_out = self._access.password is not None
        answer = self._refusal(request) or self._app
        try:
            await answer(scope, receive, send_guarded)
        finally:
            _note(scope, status, perf_counter() - begun)

    def _refusal(self, request: Request) -> Response | None:
        """Return the answer to a request that must not reach a page; None if it may."""
        if self._is_of_a_monitor(request):
            return None
        if not self._access.is_asked_by_name(request):
            # Nothing of ours, and no page: the browser would show it under a stranger's name.
            content = {"error": "the dashboard has another name", "note": RESEARCH_USE_ONLY}
            return JSONResponse(content, HTTPStatus.MISDIRECTED_REQUEST)
        if (reason := _strange(request)) is not None:
            return _refused(request, *reason)
        path: str = request.scope["path"]
        if path == SIGN_IN or path.startswith(_FILES):
            return None
        return self._unknown(request)

    def _is_of_a_monitor(self, request: Request) -> bool:
        """Whether a machine asks what machines may, by whatever name it knows this one."""
        path = request.scope["path"]
        return request.method in _SAFE and (
            path in HEALTH or (path == METRICS and self._access.is_monitor(request))
        )

    def _unknown(self, request: Request) -> Response | None:
        """Return the answer to somebody who is not known; None to somebody who is."""
        try:
            user = self._access.user(request)
        except TooManyAttempts as error:
            answer = _refused(request, HTTPStatus.TOO_MANY_REQUESTS, "too_many")
            answer.headers["Retry-After"] = str(error.seconds)
            return answer
        if user is not None:
            request.state.user = user
            return None
        if self._access.password is None:
            return _refused(request, HTTPStatus.FORBIDDEN, "proxy")
        path: str = request.scope["path"]
        if path == METRICS or path.startswith("/api/"):
            return _refused(request, HTTPStatus.UNAUTHORIZED, "password")
        is_page = request.method in _SAFE
        wanted = f"{path}?{request.url.query}".removesuffix("?") if is_page else "/"
        return RedirectResponse(f"{SIGN_IN}?next={quote(wanted, safe='')}", HTTPStatus.SEE_OTHER)


def _strange(request: Request) -> tuple[HTTPStatus, str] | None:
    """Return why no page of ours makes such a request; None if one may have."""
    if "\0" in request.scope["path"] or b"%00" in request.scope["query_string"]:
        # Which no text of the database holds, so that each question with one would fail.
        return HTTPStatus.BAD_REQUEST, "zero"
    if request.method in _SAFE:
        is_ours = not _is_built_into_a_strangers_page(request)
    elif not _is_small(request):
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large"
    else:
        is_ours = _is_of_our_page(request)
    return None if is_ours else (HTTPStatus.FORBIDDEN, "other_site")


def _is_small(request: Request) -> bool:
    """Whether a request says how large it is, and that is not much."""
    if "transfer-encoding" in request.headers:
        return False
    length = request.headers.get("content-length", "")
    return _LENGTH.fullmatch(length) is not None and int(length) <= LARGEST_FORM


def _is_of_our_page(request: Request) -> bool:
    """Whether a page of ours sent a form, as the browser says, which no page can forge."""
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    origins = request.headers.getlist("origin")
    if len(origins) != 1:
        return False
    try:
        return urlsplit(origins[0]).netloc.lower() == request.headers["host"].lower()
    except ValueError:  # half an address of IPv6
        return False


def _is_built_into_a_strangers_page(request: Request) -> bool:
    """Whether a page of another site asks for a part of itself; it may lead here by a link.

    It could read nothing, but would have each look at a patient recorded as this person's
    ("resource isolation policy", web.dev/articles/fetch-metadata).
    """
    headers = request.headers
    if headers.get("sec-fetch-site", "none") in {"same-origin", "none"}:
        return False
    purpose = headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")
    return purpose != ("navigate", "document")


def _refused(request: Request, status: HTTPStatus, why: str) -> Response:
    words = vars(texts().refusals)
    return failure(request, status, words[why], words[f"{why}_advice"])


def _note(scope: Scope, status: int, seconds: float) -> None:
    """Log a request by its route: an address may name a patient's key."""
    route = getattr(scope.get("route"), "path", "-")
    log.info("%s %s %d %.0f ms", scope["method"], route, status, seconds * 1000)
