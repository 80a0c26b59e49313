"""The films themselves beside each other, where the site allows it: names may be burned in."""

from collections.abc import Callable
from http import HTTPStatus
from importlib.util import find_spec
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from db.reading import image_files
from db.reading.image_files import ImageFile
from flows.dashboard.films.images import FilmImages
from flows.dashboard.films.turns import RETRY_SECONDS, TooManyWait, Turns
from flows.dashboard.reading import open_reading
from flows.dashboard.request import resources_of
from flows.dashboard.security.looks import Look
from flows.dashboard.texts import texts
from severity.errors import ModelUnavailable, RejectedImage

router = APIRouter(prefix="/patients/{patient_key}/films/{image_id}", include_in_schema=False)
"""No answer of it exists unless ``SEVERITY_DASHBOARD_FILMS`` is set."""

ImageId = Annotated[int, Path(ge=1, lt=2**63)]
"""The type of an image's number in an address: what PostgreSQL's bigint holds."""


def has_saliency() -> bool:
    """Whether saliency maps can be made: torch is installed."""
    return find_spec("torch") is not None


@router.get("/film.png", dependencies=[Depends(Look("film"))])
async def film(request: Request, patient_key: str, image_id: ImageId) -> Response:
    """Return a film as a small picture."""
    images = _images(request)
    return await _picture(request, lambda: images.thumbnail(_file(request, patient_key, image_id)))


@router.get("/saliency.png", dependencies=[Depends(Look("saliency map"))])
async def saliency(
    request: Request, patient_key: str, image_id: ImageId, model: str | None = None
) -> Response:
    """Return the saliency map of a film; the first one loads the model, which takes seconds."""
    images = _images(request)

    def picture() -> bytes:
        with open_reading(request, model) as reading:  # no longer than it is read
            version = reading.version
        return images.saliency(_file(request, patient_key, image_id), version)

    return await _picture(request, picture)


async def _picture(request: Request, make: Callable[[], bytes]) -> Response:
    """Return a picture once it is this request's turn.

    Raises
    ------
    HTTPException
        404: it cannot be made; 503: too many wait.
    """
    turns: Turns = request.app.state.film_turns
    try:
        async with turns.turn():
            return Response(await run_in_threadpool(make), media_type="image/png")
    except (RejectedImage, ModelUnavailable) as error:
        raise HTTPException(HTTPStatus.NOT_FOUND, str(error)) from error
    except TooManyWait as error:
        advice, later = texts().failures.busy, {"Retry-After": str(RETRY_SECONDS)}
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, advice, later) from error


def _images(request: Request) -> FilmImages:
    """Return what makes pictures.

    Raises
    ------
    HTTPException
        404: the site does not show films.
    """
    images: FilmImages = request.app.state.film_images
    if not images.resources.settings.dashboard_films:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return images


def _file(request: Request, patient_key: str, image_id: int) -> ImageFile:
    """Return where a film lies, which views do not say: read with the rights of the login.

    Raises
    ------
    HTTPException
        404: there is no such film of this patient.
    """
    resources = resources_of(request)
    with resources.read_database().transaction() as session:
        file = image_files.of_images(session, [image_id]).get(image_id)
    if file is None or patient_key not in {file.patient_key, file.person_key}:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return file
