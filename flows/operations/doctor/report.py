"""The examination as text and as JSON."""

import json
from dataclasses import asdict

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from flows.operations.doctor.examination import Examination
from flows.operations.doctor.finding import Level
from severity.domain import RESEARCH_USE_ONLY

SCHEMA = "cxr-severity.doctor/1"
"""The names and meanings of the fields: within a version some are added, and none is changed."""
_STYLES = {Level.OK: "green", Level.NOTICE: "yellow", Level.PROBLEM: "bold red"}


def examination_text(examination: Examination) -> RenderableType:
    """Return all findings as a table, and the one thing to do first."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("", "examined", "found"):
        table.add_column(heading, overflow="fold")
    for finding in examination.findings:
        level = Text(finding.level.value, style=_STYLES[finding.level])
        table.add_row(level, Text(finding.check), Text(finding.text))
    return Group(table, _first(examination))


def _first(examination: Examination) -> Text:
    finding = examination.first
    if finding is None:
        return Text("All is well.", style="green")
    words = f"Do this first: {finding.advice}. ({finding.check}: {finding.text})"
    return Text(words, style=_STYLES[finding.level])


def examination_json(examination: Examination) -> str:
    """Return all findings, the worst level and the first thing to do as JSON."""
    first = examination.first
    content = {
        "schema": SCHEMA,
        "level": examination.level,
        "first": None if first is None else asdict(first),
        "findings": [asdict(finding) for finding in examination.findings],
        "note": RESEARCH_USE_ONLY,
    }
    return json.dumps(content, indent=2) + "\n"
