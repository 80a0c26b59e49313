"""Fetch films from a real Orthanc in each way, lose one on purpose, and see it found and fetched.

``python -m benchmarks.pacs --films 1000``, as root: Orthanc runs in a network of its own. It ends
with exit code 1 if the film that was lost is not the one that is found, or if any stays missing.
docs/how-to/fetch-from-a-pacs.md has the figures.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console

from flows.arrivals.receiving import receiver
from flows.library_messages import mute_libraries
from flows.orchestration.environment import configure_prefect
from flows.pacs.comparison import DayReport
from flows.pacs.fetching import fetch_new, reconcile_all
from flows.pacs.text import reports_table
from flows.resources import Progress, Resources, using
from flows.scoring.inbox_pass import score_new
from flows.settings import Settings
from tests.builders.archived_films import archived_film, by_dicomweb, by_dimse
from tests.builders.dicom_nodes import ORTHANC_SENDS_TO, RECEIVER, Orthanc, orthanc
from tests.builders.network_namespaces import relay_to

_DAYS = 3
_DIGITAL = "1.2.840.10008.5.1.4.1.1.1.1"
_SHAPE = (104, 120)
_CONSOLE = Console(width=100)
_WAYS: Mapping[str, Callable[[Orthanc], dict[str, object]]] = {
    "web": by_dicomweb,
    "get": by_dimse,
    "move": lambda archive: by_dimse(archive) | {"pacs_move_to": RECEIVER},
}


@dataclass(frozen=True)
class Site:
    """A site of its own: home, drop folder and settings."""

    resources: Resources
    folder: Path

    @classmethod
    def at(cls, home: Path, settings: Mapping[str, object]) -> "Site":
        """Make a site with an empty folder."""
        folder = home / "inbox"
        folder.mkdir(parents=True)
        chosen: dict[str, object] = {
            "home": home,
            "inbox": str(folder),
            "pacs_rate": 1e6,
            "pacs_days": _DAYS,
            "settle_seconds": 0,
            "receiver_port": 0,
            "device": "cpu",
        }
        made = Settings(**chosen | dict(settings))  # type: ignore[arg-type] # pydantic checks them
        return cls(Resources(made, Progress()), folder)

    def files(self) -> list[Path]:
        """List what lies in the drop folder."""
        return sorted(self.folder.glob("??/*.dcm"))


def main() -> None:
    """Run the whole of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=1000)
    parser.add_argument("--ways", nargs="+", choices=_WAYS, default=list(_WAYS))
    options = parser.parse_args()
    mute_libraries()
    with TemporaryDirectory() as folder, ExitStack() as stack:
        (Path(folder) / "orthanc").mkdir()
        archive = stack.enter_context(orthanc(Path(folder) / "orthanc"))
        archive.store(*_films(options.films))
        sites = {way: Site.at(Path(folder) / way, _WAYS[way](archive)) for way in options.ways}
        if "move" in sites:
            stack.enter_context(_receiving(sites["move"], archive))
        for way, site in sites.items():
            _timed(f"{way}: fetch", fetch_new, site)
            _timed(f"{way}: ask again", fetch_new, site)
        sys.exit(0 if _is_found(sites[options.ways[0]], options.films) else 1)


def _films(count: int) -> Iterator[bytes]:
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 4000, _SHAPE).astype(np.uint16)
        kind = {"Modality": "DX", "SOPClassUID": _DIGITAL} if number % 2 else {}
        yield archived_film(f"{number:04}", days_ago=number % _DAYS, pixels=pixels, **kind)


@contextmanager
def _receiving(site: Site, archive: Orthanc) -> Iterator[None]:
    with (
        receiver(site.resources).serving() as port,
        relay_to(archive.process.pid, port, at=ORTHANC_SENDS_TO),
    ):
        yield


def _is_found(site: Site, films: int) -> bool:
    """Lose a film before a pass sees it; return whether it is found, fetched and scored."""
    lost = site.files()[films // 3]
    lost.unlink()
    _score(site)
    found = _timed("one is lost: reconcile", reconcile_all, site)
    _score(site)
    after = _timed("and again", reconcile_all, site)
    fetched = [instance for report in found for instance in report.fetched]
    known = sum(report.accepted + report.rejected for report in after)
    return (
        [lost.name.startswith(instance) for instance in fetched] == [True]
        and known == films
        and not any(report.fetched or report.missing for report in after)
    )


def _score(site: Site) -> None:
    configure_prefect(site.resources.settings.home, quiet=True)
    with using(site.resources):
        summary = asyncio.run(score_new(str(site.folder), site.resources))
    _CONSOLE.print(f"scored {summary.scored}, rejected {summary.rejected}")


def _timed(
    what: str, ask: Callable[[Resources], Iterator[DayReport]], site: Site
) -> Sequence[DayReport]:
    begin = time.perf_counter()
    reports = list(ask(site.resources))
    seconds = time.perf_counter() - begin
    films = sum(report.in_pacs for report in reports)
    _CONSOLE.print(f"{what}: {seconds:.1f} s, {films / seconds:.0f} films a second")
    _CONSOLE.print(reports_table(reports))
    return reports


if __name__ == "__main__":
    main()
