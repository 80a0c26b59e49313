"""The balance as text: what became of all objects, and why some were rejected."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from db.courses.due import CourseCounts
from db.reading.site.balances import Discrepancy, SourceBalance, VersionBalance
from db.reading.site.monitoring import SourceRuns
from db.reading.site.operations import Waiting
from severity.domain import RESEARCH_USE_ONLY

_LOST = "  THE BALANCE DOES NOT HOLD: please report this"


def source_text(balance: SourceBalance) -> Text:
    """Return the heading of a source's balance: its name, and where it is."""
    return Text.assemble((balance.name, "bold"), f" {balance.source}" if balance.source else "")


def balance_text(balance: SourceBalance) -> Text:
    """Return a source's balance, a line for what was seen and one for each model version."""
    line = Text(
        f"Balance: {balance.seen} seen = {balance.accepted} accepted + {balance.rejected} rejected "
        f"+ {balance.unread} unread"
    )
    if balance.copies:
        files = "file is an exact copy" if balance.copies == 1 else "files are exact copies"
        line.append(f" ({balance.copies} further {files})")
    if balance.seen != balance.accepted + balance.rejected + balance.unread:
        line.append(_LOST, style="bold red")
    for version in balance.versions:
        line.append("\n").append_text(_version_text(balance, version))
    if balance.obstacles:
        line.append(f"\n{_obstacles_text(balance.obstacles)}", style="yellow")
    return line


def _version_text(balance: SourceBalance, version: VersionBalance) -> Text:
    line = Text(
        f"  {version.model_version}: {balance.accepted} accepted = {version.scored} scored "
        f"+ {version.waiting} waiting + {version.failed} failed + {balance.withdrawn} withdrawn"
    )
    if not version.is_enlisted:
        line.append(" (more wait: they are being enlisted)")
    if not balance.holds_for(version):
        line.append(_LOST, style="bold red")
    if version.out_of_distribution:
        line.append(f"\n  {_flagged_text(version.out_of_distribution)}", style="yellow")
    return line


def _flagged_text(images: int) -> str:
    if images == 1:
        return "1 scored image is out of distribution; do not rely on its score"
    return f"{images} scored images are out of distribution; do not rely on their scores"


def _obstacles_text(places: int) -> str:
    """Return a note on files and folders that cannot be opened."""
    cannot = (
        "1 file or folder cannot be read"
        if places == 1
        else (f"{places} files or folders cannot be read")
    )
    return f"{cannot}: `cxr-severity rejected unread` names them"


@dataclass(frozen=True)
class Status:
    """The balances of all sources, and what else a monitoring system asks `status --json` for."""

    sources: Sequence[SourceBalance]
    rejections: Mapping[str, int]
    discrepancies: Sequence[Discrepancy]
    courses: CourseCounts
    oldest_waiting: Sequence[Waiting]
    runs: Sequence[SourceRuns]


STATUS_SCHEMA = "cxr-severity.status/1"
"""The names and meanings of the fields: within a version some are added, and none is changed."""


def status_json(status: Status) -> str:
    """Return the balances of all sources as JSON, with rejections by reason and the last runs."""
    content = {
        "schema": STATUS_SCHEMA,
        "sources": [{**asdict(balance), "holds": balance.holds} for balance in status.sources],
        "rejections": dict(status.rejections),
        "courses": asdict(status.courses),
        "oldest_waiting": [asdict(entry) for entry in status.oldest_waiting],
        "runs": [asdict(entry) for entry in status.runs],
        "discrepancies": [asdict(each) for each in status.discrepancies],
        "note": RESEARCH_USE_ONLY,
    }
    return json.dumps(content, indent=2, sort_keys=True, default=datetime.isoformat) + "\n"


def discrepancies_text(discrepancies: Sequence[Discrepancy]) -> Text:
    """Return the counters that differ from the rows that they count, one in a line."""
    if not discrepancies:
        return Text("Verified: every counter agrees with the rows.")
    lines = [
        f"{found.source} {found.model_version} {found.what} {found.reason}: "
        f"{found.counted} counted, {found.rows} rows"
        for found in discrepancies
    ]
    return Text("\n".join(["THE COUNTERS ARE WRONG: please report this", *lines]), style="bold red")


def rejections_table(rejections: Mapping[str, int]) -> RenderableType:
    """Return a table of the number of rejections by reason."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("rejected for")
    table.add_column("files", justify="right")
    for reason, count in rejections.items():
        table.add_row(reason, str(count))
    return table


_PLAIN = {"scored", "copy", "waiting", "claimed", "withdrawn", "vanished"}


def fates_table(fates: Sequence[tuple[str, str, str]]) -> RenderableType:
    """Return a table of files that were not scored: name, state or reason, detail."""
    table = Table(box=box.SIMPLE_HEAD, title="Files that were not scored", title_justify="left")
    table.add_column("file", overflow="fold")
    table.add_column("became")
    table.add_column("because", overflow="fold")
    for key, fate, detail in fates:
        style = {"copy": "dim"}.get(fate, "yellow")
        became = fate if fate in _PLAIN else f"rejected: {fate}"
        table.add_row(Text(key), Text(became, style=style), Text(detail))
    return table


def other_versions_text(versions: Sequence[str]) -> str:
    """Return a note on other model versions that scored images of this database."""
    return f"Scores by other model versions exist ({', '.join(versions)}); they are not shown here"
