"""The films themselves beside each other, where the site allows it: names may be burned in."""

from http import HTTPStatus
from importlib.util import find_spec

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import Response

from db.reading import image_files
from db.reading.image_files import ImageFile
from flows.dashboard.film_images import FilmImages
from flows.dashboard.reading import Read
from flows.dashboard.security.looks import Look
from flows.resources import Resources
from severity.errors import ModelUnavailable, RejectedImage

router = APIRouter(prefix="/patients/{patient_key}/films/{image_id}", include_in_schema=False)
"""No answer of it exists unless ``SEVERITY_DASHBOARD_FILMS`` is set."""


def has_saliency() -> bool:
    """Whether saliency maps can be made: torch is installed."""
    return find_spec("torch") is not None


@router.get("/film.png", dependencies=[Depends(Look("film"))])
def film(request: Request, patient_key: str, image_id: int) -> Response:
    """Return a film as a small picture."""
    images, file = _images(request), _file(request, patient_key, image_id)
    try:
        return Response(images.thumbnail(file), media_type="image/png")
    except RejectedImage as error:
        raise HTTPException(HTTPStatus.NOT_FOUND, str(error)) from error


@router.get("/saliency.png", dependencies=[Depends(Look("saliency map"))])
def saliency(request: Request, reading: Read, patient_key: str, image_id: int) -> Response:
    """Return the saliency map of a film; the first one loads the model, which takes seconds."""
    images, file = _images(request), _file(request, patient_key, image_id)
    try:
        return Response(images.saliency(file, reading.version), media_type="image/png")
    except (RejectedImage, ModelUnavailable) as error:
        raise HTTPException(HTTPStatus.NOT_FOUND, str(error)) from error


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
    resources: Resources = request.app.state.resources
    with resources.read_database().transaction() as session:
        file = image_files.of_images(session, [image_id]).get(image_id)
    if file is None or patient_key not in {file.patient_key, file.person_key}:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return file
