"""The application behind the dashboard: its pages, its files and its answers to failures."""

from importlib.resources import files

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from flows.dashboard.failures import answer_failures
from flows.dashboard.films.images import FilmImages
from flows.dashboard.films.turns import Turns
from flows.dashboard.routes import (
    about,
    api,
    cohort,
    films_shown,
    monitoring,
    operations,
    patient,
    rejected,
    search,
    worklist,
)
from flows.dashboard.security import sign_in
from flows.dashboard.security.access import Access
from flows.operations.metrics import CachedMetrics
from flows.resources import Resources
from severity.domain import RESEARCH_USE_ONLY

ROUTERS = (
    worklist.router,
    search.router,
    patient.router,
    films_shown.router,
    cohort.router,
    operations.router,
    monitoring.router,
    rejected.router,
    about.router,
    sign_in.router,
    api.router,
    api.description,
)
"""All pages and answers, by the parts that they belong to."""


def create_app(resources: Resources) -> FastAPI:
    """Return the dashboard on a database that is opened with the first request.

    Until then, and whenever the database is away, each page says so. To be served behind a
    `flows.dashboard.security.guard.Guard` alone, which knows who asks.

    Raises
    ------
    UsageError
        By its settings strangers could read it.
    """
    app = FastAPI(
        title="cxr-severity",
        version=api.VERSION,
        description=RESEARCH_USE_ONLY,
        openapi_url=f"{api.PREFIX}/openapi.json",
        docs_url=None,  # FastAPI's own load a script from the internet
        redoc_url=None,
    )
    app.state.resources = resources
    app.state.access = Access.of(resources.settings)
    app.state.film_images = FilmImages(resources)
    app.state.film_turns = Turns()
    app.state.metrics = CachedMetrics(resources)
    for router in ROUTERS:
        app.include_router(router)
    folder = files("flows.dashboard") / "static"
    app.mount("/static", StaticFiles(directory=str(folder)), name="static")
    answer_failures(app)
    return app
