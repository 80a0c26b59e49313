"""How one file was read, as text: which decision came from which attribute."""

import json
from dataclasses import asdict, dataclass

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from severity.domain import RESEARCH_USE_ONLY, Decision, Reason


@dataclass(frozen=True)
class Explanation:
    """What was decided about a file, in order; why it is rejected, or what is to be looked at."""

    file: str
    decisions: tuple[Decision, ...]
    reason: Reason | None = None
    detail: str = ""

    @property
    def doubts(self) -> tuple[str, ...]:
        """What a person should look at, one line each."""
        doubtful = (decision for decision in self.decisions if decision.doubt)
        return tuple(f"{decision.subject}: {decision.doubt}" for decision in doubtful)


def explanation_table(explanation: Explanation) -> RenderableType:
    """Return a table of what was read, then what became of the file."""
    table = Table(
        box=box.SIMPLE_HEAD, title=explanation.file, title_justify="left", show_edge=False
    )
    for column in ("decision", "outcome", "from", "as written"):
        table.add_column(column, overflow="fold")
    for decision in explanation.decisions:
        cells = (decision.subject, decision.outcome, decision.source, decision.written)
        table.add_row(*map(Text, cells))
    lines = [_verdict(explanation), *(f"Flagged: {doubt}" for doubt in explanation.doubts)]
    return Group(table, Text(), *map(Text, lines), Text(RESEARCH_USE_ONLY))


def explanation_json(explanation: Explanation) -> str:
    """Return how a file was read as JSON."""
    document = {**asdict(explanation), "doubts": explanation.doubts, "notice": RESEARCH_USE_ONLY}
    return json.dumps(document, indent=2)


def _verdict(explanation: Explanation) -> str:
    if explanation.reason is None:
        return "It is scored."
    return f"It is rejected: {explanation.reason}: {explanation.detail}"
