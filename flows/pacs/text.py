"""What a PACS has and what is here, as a table, as JSON and in one line."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from rich import box
from rich.table import Table

from flows.pacs.comparison import DayReport
from flows.pacs.pacs import NotGiven
from severity.domain import RESEARCH_USE_ONLY

_COLUMNS = ("PACS has", "accepted", "rejected", "waiting", "fetched", "missing")


def counts(report: DayReport) -> tuple[int, ...]:
    """Return the counts of a day in the order of the columns of all tables."""
    return (
        report.in_pacs,
        report.accepted,
        report.rejected,
        report.waiting,
        len(report.fetched),
        len(report.missing),
    )


def reports_table(reports: Sequence[DayReport]) -> Table:
    """Return a table with a line for each study date and modality, and their sum."""
    table = Table(box=box.SIMPLE_HEAD, show_footer=len(reports) > 1)
    table.add_column("study date", footer="all")
    table.add_column("modality")
    sums = [sum(column) for column in zip(*map(counts, reports), strict=True)]
    for name, total in zip(_COLUMNS, sums or [0] * len(_COLUMNS), strict=True):
        table.add_column(name, footer=str(total), justify="right")
    for report in reports:
        table.add_row(str(report.day), report.modality, *map(str, counts(report)))
    return table


def reports_markdown(reports: Sequence[DayReport]) -> str:
    """Return the same table as Markdown, for the page of a run."""
    lines = [
        f"| study date | modality | {' | '.join(_COLUMNS)} |",
        f"|---|---|{'---:|' * len(_COLUMNS)}",
        *(
            f"| {report.day} | {report.modality} | {' | '.join(map(str, counts(report)))} |"
            for report in reports
        ),
    ]
    return "\n".join([*lines, "", f"{RESEARCH_USE_ONLY}\n"])


def reports_json(reports: Sequence[DayReport]) -> str:
    """Return the reports as JSON, with the keyed digests of what was fetched and is missing."""
    content = {"days": [asdict(report) for report in reports], "note": RESEARCH_USE_ONLY}
    return json.dumps(content, indent=2, default=str) + "\n"


def attention_text(reports: Sequence[DayReport]) -> str:
    """Return in one line what a person must see to; empty if there is nothing.

    How many films are missing and why, wait for more than a day, or are named no more.
    """
    overdue = sum(report.overdue for report in reports)
    texts = [
        _missing_text([film.reason for report in reports for film in report.missing]),
        f"{overdue} waiting for more than a day: is the drop folder a source?" if overdue else "",
        _unnamed_text(sum(len(report.unnamed) for report in reports)),
    ]
    return "; ".join(filter(None, texts))


def _unnamed_text(films: int) -> str:
    if not films:
        return ""
    return (
        f"{films} no longer named by the PACS: seen no more, or deleted there (what that was meant "
        "for is to be withdrawn here too)"
    )


def _missing_text(reasons: Sequence[NotGiven]) -> str:
    if not reasons:
        return ""
    listed = ", ".join(f"{reasons.count(reason)} {reason}" for reason in sorted(set(reasons)))
    are = "film of the PACS is" if len(reasons) == 1 else "films of the PACS are"
    return f"{len(reasons)} {are} missing: {listed}"
