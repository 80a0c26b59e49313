"""Take the pictures of the dashboard, of the demonstration's patients: ``make dashboard-pictures``.

Needs Chromium. The pictures of courses are drawn by `training.course_pictures`.
"""

import argparse
import asyncio
import io
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.async_api import Browser, Page, async_playwright
from rich.console import Console

from flows.dashboard import server
from flows.demo.run import run_demo
from flows.demo.summary import what_to_click
from flows.resources import Progress, Resources

_COLOURS = 256
_DESK, _PHONE = 1280, 390  # pixels wide


async def take(address: str, patient: str, out: Path) -> None:
    """Take a picture of the worklist, and two of a patient's page, of which one is a phone's."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    async with async_playwright() as tool:
        browser = await tool.chromium.launch(executable_path=program, args=["--no-sandbox"])
        worklist = await _page(browser, address, _DESK, 660)
        _keep(await worklist.screenshot(), out / "dashboard-worklist-page.png")
        page = await _page(browser, patient, _DESK, 1040)
        await page.locator("#course .film").nth(1).hover()
        _keep(await page.screenshot(), out / "dashboard-patient-page.png")
        phone = await _page(browser, patient, _PHONE, 900)
        await phone.emulate_media(color_scheme="dark")
        _keep(await phone.screenshot(), out / "dashboard-phone.png")
        await browser.close()


async def _page(browser: Browser, address: str, width: int, height: int) -> Page:
    page = await browser.new_page(viewport={"width": width, "height": height})
    await page.goto(address)
    return page


def _keep(picture: bytes, file: Path) -> None:
    """Keep a picture in few colours, which takes a third of the room."""
    drawn = Image.open(io.BytesIO(picture)).convert("RGB")
    drawn.quantize(_COLOURS).save(file, optimize=True)


def main() -> None:
    """Run the demonstration, and take the pictures of its dashboard."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    with TemporaryDirectory() as folder:
        # The embedded server's own user must be able to reach it.
        Path(folder).chmod(0o755)
        told = run_demo(None, Path(folder) / "demo", console=Console(stderr=True))
        settings = told.model_copy(update={"dashboard_port": 0})
        resources = Resources(settings, Progress())
        with server.serving(resources) as address:
            *_, patient = what_to_click(resources, address).split()
            asyncio.run(take(address, patient, out))
        resources.read_database().dispose()


if __name__ == "__main__":
    main()
