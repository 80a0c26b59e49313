"""The summary of an evaluation: one row for each system and score."""

import math
from collections.abc import Iterable, Iterator, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.evaluation.comparison import Evaluation
from severity.domain import RESEARCH_USE_ONLY
from severity.evaluation.agreement import MeanSd
from severity.evaluation.protocol import METRICS, Measured

_TITLES = {"pearson": "Pearson", "spearman": "Spearman", "r2": "R²", "mae": "MAE", "mse": "MSE"}


def summary_markdown(evaluation: Evaluation) -> str:
    """Return the summary as one Markdown table for each score; no image is named."""
    tables = []
    for score, scale in evaluation.scales.items():
        columns = ("system", "images", *_TITLES.values(), "MAE, averaged [95 %]", "bias [limits]")
        rows = [(name, *_cells(measured)) for name, measured in _measured(evaluation, score)]
        title = f"### {score.capitalize()}, {scale.lowest:g} to {scale.highest:g} points"
        tables.append(f"{title}\n\n{markdown(columns, rows)}")
    return "\n\n".join(tables)


def _measured(evaluation: Evaluation, score: str) -> Iterator[tuple[str, Measured]]:
    """Yield each system's name, with its caution, and its results."""
    for result in evaluation.results:
        caution = evaluation.caution(result.name)
        yield result.name + (f" ({caution})" if caution else ""), result.measured[score]


def _cells(measured: Measured) -> tuple[str, ...]:
    mae, limits = measured.mae, measured.limits
    return (
        str(measured.images),
        *(_mean_sd(measured.metrics[name]) for name in METRICS),
        f"{mae.value:.2f} [{mae.low:.2f}, {mae.high:.2f}]",
        f"{limits.bias:+.2f} [{limits.low:+.2f}, {limits.high:+.2f}]",
    )


def _mean_sd(spread: MeanSd) -> str:
    return "-" if math.isnan(spread.mean) else f"{spread.mean:.2f} ± {spread.sd:.2f}"


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def summary_rows(evaluation: Evaluation) -> list[dict[str, object]]:
    """List one row for each system and score, for programs."""
    rows: list[dict[str, object]] = []
    for score, scale in evaluation.scales.items():
        for result in evaluation.results:
            measured = result.measured[score]
            spread = {
                f"{metric}_{part}": number(getattr(measured.metrics[metric], part))
                for metric in METRICS
                for part in ("mean", "sd")
            }
            rows.append(
                {
                    "system": result.name,
                    "caution": evaluation.caution(result.name),
                    "score": score,
                    "lowest": scale.lowest,
                    "highest": scale.highest,
                    "images": measured.images,
                    "groups": measured.groups,
                    **spread,
                    "averaged_mae": number(measured.mae.value),
                    "averaged_mae_low": number(measured.mae.low),
                    "averaged_mae_high": number(measured.mae.high),
                    "bias": number(measured.limits.bias),
                    "limit_low": number(measured.limits.low),
                    "limit_high": number(measured.limits.high),
                }
            )
    return rows


def number(value: float) -> float | None:
    """Round to four decimals; None, so empty in CSV and null in JSON, if it is not finite."""
    return round(value, 4) if math.isfinite(value) else None


def print_summary(evaluation: Evaluation, console: Console) -> None:
    """Print the summary, what was left out, and the notes, for a person."""
    for score, scale in evaluation.scales.items():
        title = f"{score.capitalize()}, {scale.lowest:g} to {scale.highest:g} points"
        table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
        table.add_column("system")
        for name in ("images", *_TITLES.values(), "MAE averaged [95 %]"):
            table.add_column(name, justify="right")
        for name, measured in _measured(evaluation, score):
            table.add_row(*(Text(cell) for cell in (name, *_cells(measured)[:-1])))
        console.print(table)
    for name in evaluation.missing:
        console.print(Text(f"missing: {name}", style="yellow"))
    for name, reason in evaluation.rejected.items():
        console.print(Text(f"rejected: {name}: {reason}", style="yellow"))
    for note in evaluation.notes:
        console.print(Text(note, style="bold red" if note.startswith("WARNING") else ""))
    console.print(
        f"{len(evaluation.images)} images of {len(set(evaluation.groups))} groups of patients, "
        f"{evaluation.splits} splits, model version {evaluation.version.key}"
    )
    console.print(RESEARCH_USE_ONLY)
