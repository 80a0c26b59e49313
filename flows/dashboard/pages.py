"""Pages as HTML: the templates, and what the head and foot of each page show."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from db.reading.courses import Response
from flows.dashboard.addresses import address
from flows.dashboard.texts import texts
from flows.reports.courses.text import event_days
from flows.reports.courses.words import percent, probability
from flows.resources import SOFTWARE
from severity.domain import RESEARCH_USE_ONLY, Verdict


@dataclass(frozen=True)
class Link:
    """A link of the navigation; ``is_current`` on the page itself and on those below it."""

    href: str
    label: str
    is_current: bool = False


def page(
    request: Request, template: str, values: Mapping[str, object], *, status: int = 200
) -> HTMLResponse:
    """Return a page of a template, with the head and foot that all pages share."""
    shared = {
        "research_use_only": RESEARCH_USE_ONLY,
        "software": SOFTWARE,
        "links": _links(request),
        "user": getattr(request.state, "user", None),  # none on the page to sign in
        "can_sign_out": getattr(request.state, "can_sign_out", False),
        "reading": getattr(request.state, "reading", None),
        "query": request.query_params,
        "path": request.url.path,
        # Where the page is shown again: what answers a form has no address of its own.
        "shown_at": request.url.path if request.method == "GET" else "/",
    }
    content = _environment().get_template(template).render(shared | dict(values))
    return HTMLResponse(content, status_code=status)


def _links(request: Request) -> list[Link]:
    """Return the navigation, which keeps the model version that was chosen.

    A patient's page is below the worklist.
    """
    names = texts().frame
    labels = {
        "/": names.worklist,
        "/cohort": names.cohort,
        "/operations": names.operations,
        "/about": names.about,
    }
    current = "/" + request.url.path.split("/")[1]
    current = "/" if current == "/patients" else current
    model = request.query_params.get("model")
    return [
        Link(address(path, model=model), label, path == current) for path, label in labels.items()
    ]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("flows.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        t=texts(),
        static=_static,
        address=address,
        scores=vars(texts().scores),
        probability=probability,
        event_days=event_days,
    )
    environment.filters.update(percent=percent, mark=_mark, by_day=_by_day, signed=_signed)
    return environment


def _mark(verdict: Verdict | None) -> str:
    """Return the name of a verdict's style; its shape differs too, for any eyes."""
    return "none" if verdict is None else verdict.value.replace(" ", "-")


def _signed(points: float) -> str:
    """Return a change in points with its sign; never -0.0."""
    return f"{round(points, 1) + 0.0:+.1f}"


def _by_day(responses: Iterable[Response]) -> dict[int, Response]:
    return {response.day: response for response in responses}


@cache
def _static(name: str) -> str:
    """Return the address of a file of ``static``, which changes with its content."""
    content = files("flows.dashboard").joinpath("static", name).read_bytes()
    return f"/static/{name}?v={sha256(content).hexdigest()[:12]}"
