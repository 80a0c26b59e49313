"""The documentation as a site: it builds strictly, is complete, and needs no internet."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Page, sync_playwright

from severity.domain import RESEARCH_USE_ONLY

ROOT = Path(__file__).parents[1]
PAGES = sorted(path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md"))
# What a browser fetches by itself: not the links that a reader may follow.
FETCHED = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src"}
NOT_FETCHED = {"canonical", "next", "prev"}
CHROMIUM = shutil.which("chromium")


def build(folder: Path, **added: str) -> subprocess.CompletedProcess[str]:
    """Build the site of a copy of the documents, each with what is added to it."""
    shutil.copytree(ROOT / "docs", folder / "docs")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    for page, text in added.items():
        with (folder / f"docs/{page}.md").open("a", encoding="utf-8") as file:
            file.write(text)
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    built = build(folder)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder / "build/docs"


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of Debian's Chromium."""
    if not CHROMIUM:
        pytest.skip("no chromium")
    with sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


def listed(entries: object) -> list[str]:
    """Return the pages of a navigation, in its order."""
    match entries:
        case str(page):
            return [page]
        case dict() as titled:
            return [page for below in titled.values() for page in listed(below)]
        case list() as several:
            return [page for entry in several for page in listed(entry)]
    raise TypeError(type(entries))


def test_every_page_is_in_the_navigation_once() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    navigation = yaml.safe_load(text[text.index("\nnav:") :])["nav"]

    assert sorted(listed(navigation)) == sorted(str(page) for page in PAGES)


def test_links_that_lead_nowhere_end_the_build(tmp_path: Path) -> None:
    built = build(tmp_path, architecture="\n[a](no-such-page.md) [b](glossary.md#no-heading)\n")

    assert built.returncode != 0
    assert "2 issues found" in built.stdout + built.stderr


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_what_belongs_to_an_entry_of_a_list_is_indented_as_far_as_it_must(page: Path) -> None:
    """By four: GitHub takes less, and the site would begin the list anew after it."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert re.findall(r"\n\n {1,3}\S.*", text) == []


def test_no_page_fetches_anything_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert fetched_from_elsewhere(page.read_text(encoding="utf-8")) == [], page.name
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(\W?(https?:)?//", style.read_text(encoding="utf-8")), style.name


def fetched_from_elsewhere(text: str) -> list[str]:
    """Return the addresses of other servers that a browser contacts for a page."""
    seen = []

    class Fetched(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            named = dict(attrs)
            address = named.get(FETCHED.get(tag, ""))
            if address and "//" in address and named.get("rel") not in NOT_FETCHED:
                seen.append(address)

    Fetched().feed(text)
    return seen


def test_every_page_says_what_it_is_for(site: Path) -> None:
    for page in PAGES:
        assert RESEARCH_USE_ONLY in (site / page.with_suffix(".html")).read_text(encoding="utf-8")


def test_pages_can_be_read_and_searched_without_a_server(site: Path, page: Page) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto((site / "index.html").as_uri())

    page.get_by_role("button", name="Search").click()
    page.keyboard.type("repeatability")
    page.get_by_role("option", name="Errors and comparisons").click()
    page.get_by_role("heading", name="Glossary").wait_for()

    assert any("glossary.html" in url for url in requests)
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
