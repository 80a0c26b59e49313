"""What a request that fails is answered: a page that says what to do, or JSON below ``/api/v1``."""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from db.errors import Cause, DatabaseError
from flows.dashboard.log import log
from flows.dashboard.pages import page
from flows.dashboard.reading import NoScores, UnknownVersion
from flows.dashboard.texts import texts


def answer_failures(app: FastAPI) -> None:
    """Let an application answer all failures; no answer quotes what was asked for."""
    app.add_exception_handler(NoScores, _no_scores)
    app.add_exception_handler(UnknownVersion, _unknown_version)
    app.add_exception_handler(DatabaseError, _database_away)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Exception, _fault)


def failure(request: Request, status: int, title: str, advice: str) -> Response:
    """Return the answer to a request that failed: what happened, and what to do."""
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": title, "advice": advice}, status_code=status)
    values = {"title": title, "advice": advice, "status": status}
    return page(request, "failure.html", values, status=status)


def _no_scores(request: Request, _: Exception) -> Response:
    """Answer that nothing was scored yet: on a page no error, but how to begin."""
    if request.url.path.startswith("/api/"):
        return failure(request, HTTPStatus.NOT_FOUND, texts().empty.title, texts().empty.advice)
    return page(request, "empty.html", {"title": texts().empty.title})


def _unknown_version(request: Request, _: Exception) -> Response:
    words = texts().failures
    return failure(request, HTTPStatus.NOT_FOUND, words.version, words.version_advice)


def _database_away(request: Request, error: Exception) -> Response:
    """Answer why, but the server's address and login to the log alone; neither quotes a value.

    A value that PostgreSQL cannot take was asked for: that is no reason to ask again later.
    """
    if isinstance(error, DatabaseError) and error.cause is Cause.VALUE:
        return _not_understood(request, error)
    why = error.summary if isinstance(error, DatabaseError) else ""
    log.error("the database cannot be read: %s", error)
    return failure(request, HTTPStatus.SERVICE_UNAVAILABLE, texts().failures.database, why)


def _not_understood(request: Request, _: Exception) -> Response:
    words = texts().failures
    return failure(request, HTTPStatus.BAD_REQUEST, words.invalid, words.invalid_advice)


def _refused(request: Request, error: Exception) -> Response:
    """Answer what this program refuses with the reason that it states, if it states one."""
    refusal = error if isinstance(error, HTTPException) else HTTPException(HTTPStatus.NOT_FOUND)
    words, phrase = texts().failures, HTTPStatus(refusal.status_code).phrase
    title = words.not_found if refusal.status_code == HTTPStatus.NOT_FOUND else phrase
    advice = words.not_found_advice if refusal.detail == phrase else refusal.detail
    answer = failure(request, refusal.status_code, title, advice)
    answer.headers.update(refusal.headers or {})
    return answer


def _fault(request: Request, _: Exception) -> Response:
    words = texts().failures
    return failure(request, HTTPStatus.INTERNAL_SERVER_ERROR, words.fault, words.fault_advice)
