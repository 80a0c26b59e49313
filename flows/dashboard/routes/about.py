"""The page about the program: what a score means, and the card of the model that made it."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from db.reading import model_versions
from db.reading.site import operations
from db.reading.site.operations import Version
from flows.dashboard.pages import page
from flows.dashboard.reading import Reading, ReadSite
from flows.dashboard.request import resources_of
from flows.dashboard.texts import texts
from flows.models.catalogue import describe
from flows.models.text import ListedModel, model_facts
from flows.resources import Resources
from severity.errors import ModelUnavailable

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Score:
    """What one score of a model version means, in words and points.

    Numbers are None where they are not known: without a calibration, or without parameters.
    """

    name: str
    meaning: str
    lowest: float
    highest: float
    smallest_detectable_change: float | None
    margin: float | None


@router.get("/about")
def about_page(request: Request, reading: ReadSite) -> HTMLResponse:
    """Return the page about the program and the model."""
    resources = resources_of(request)
    known = {version.model_version: version for version in operations.versions(reading.session)}
    shown = known.get(reading.version)
    name = shown.name if shown else resources.settings.model
    values = {
        "version": shown,
        "scores": _scores(reading, shown),
        "model": name,
        "facts": _facts(name, resources),
    }
    return page(request, "about.html", values)


def _scores(reading: Reading, version: Version | None) -> list[Score]:
    if version is None:
        return []
    changes = {
        "geographic_extent": version.extent_smallest_detectable_change,
        "opacity": version.opacity_smallest_detectable_change,
    }
    margins = {"geographic_extent": version.extent_margin, "opacity": version.opacity_margin}
    return [
        Score(
            vars(texts().scores)[score],
            vars(texts().meanings)[score],
            scale.lowest,
            scale.highest,
            changes[score],
            margins[score],
        )
        for score, scale in model_versions.scales(reading.session, version.model_version).items()
    ]


def _facts(name: str, resources: Resources) -> dict[str, str]:
    """Return what the model's card says, without where its files lie; a line if it is not here."""
    try:
        described = describe(name, resources.settings)
    except ModelUnavailable as error:
        return {texts().about.absent: str(error)}
    facts = model_facts(ListedModel(name, described, None))
    left_out = {"model version", "preprocessing", "precision", "weights"}
    return {fact: value for fact, value in facts.items() if fact not in left_out and value != "-"}
