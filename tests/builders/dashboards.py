"""A dashboard that is served for tests, and what a browser and axe say of its pages."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from flows.resources import Resources
from tests.builders.course_archive import CourseArchive

# Read before the tests take the settings of whoever runs them away.
_SCREENSHOTS = os.environ.get("SEVERITY_SCREENSHOTS")

# What WCAG 2.2 AA asks for, as far as a program can judge it.
_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}


Asking = Callable[..., httpx.AsyncClient]
"""Returns a client of a dashboard under settings; the fixture `asking` is one."""
HOME = "http://127.0.0.1:4220"
"""Where such a client finds it."""


@dataclass(frozen=True)
class Dashboard:
    """A dashboard at an address, and the films that its pages show.

    ``identifier`` is one of the hospital, of a patient who has a film.
    """

    url: str
    resources: Resources
    archive: CourseArchive
    identifier: str


async def violations(page: Page) -> list[str]:
    """Return what axe finds against a page: the rule, and where."""
    found = await Axe().run(page, options=_RULES)
    return [
        f"{violation['id']}: {node['target']}"
        for violation in found.response["violations"]
        for node in violation["nodes"]
    ]


async def sideways(page: Page, width: int = 390) -> int:
    """Return by how many pixels a page is wider than a phone."""
    await page.set_viewport_size({"width": width, "height": 844})
    overflow: int = await page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return overflow


async def keep_screenshots(page: Page, name: str) -> None:
    """Write pictures of a page into the folder ``SEVERITY_SCREENSHOTS``, if that is set."""
    if not _SCREENSHOTS:
        return
    for width in (1280, 390):
        await page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            path = Path(_SCREENSHOTS) / f"{name}-{width}-{scheme}.png"
            await page.screenshot(path=path, full_page=True)
    await page.emulate_media(color_scheme="light")
