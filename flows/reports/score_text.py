"""Scores of single files as text: a table for a person; JSON and CSV for programs."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from flows.reports.csv_table import write_csv
from severity.domain import (
    RESEARCH_USE_ONLY,
    Acquired,
    Interval,
    ModelVersion,
    ProcessingCheck,
    Reason,
    Scale,
    Score,
    View,
)
from severity.vocabulary.times import local_date


@dataclass(frozen=True)
class FileResult:
    """One file's score, or why it has none."""

    file: str
    score: Score | None
    view: View | None = None
    acquired: Acquired | None = None
    simulated: bool = False
    reason: Reason | None = None
    detail: str = ""
    saliency: str | None = None


def scale_text(name: str, scale: Scale) -> str:
    """Return the name of a score with its range of points."""
    return f"{name} {scale.lowest:g}-{scale.highest:g}"


def score_text(points: float, interval: Interval | None) -> str:
    """Return a score as text, with its interval if it has one."""
    return f"{points:.1f}" + (f" ({interval.low:.1f}-{interval.high:.1f})" if interval else "")


def scores_table(results: Sequence[FileResult], version: ModelVersion) -> RenderableType:
    """Return results as a table, with the model version that they belong to."""
    table = Table(box=box.SIMPLE_HEAD, title=f"Model version {version.key}", title_justify="left")
    table.add_column("file", overflow="fold")
    table.add_column("view")
    table.add_column(scale_text("extent", version.geographic_extent), justify="right")
    table.add_column(scale_text("opacity", version.opacity), justify="right")
    table.add_column("note", overflow="fold")
    for result in results:
        table.add_row(*(Text(cell) for cell in _cells(result)))
    return Group(table, Text(RESEARCH_USE_ONLY))


def _cells(result: FileResult) -> tuple[str, ...]:
    if result.score is None:
        return result.file, "-", "-", "-", f"rejected: {result.reason}: {result.detail}"
    return (
        result.file,
        str(result.view),
        score_text(result.score.geographic_extent, result.score.geographic_extent_interval),
        score_text(result.score.opacity, result.score.opacity_interval),
        _note(result, result.score),
    )


def _note(result: FileResult, score: Score) -> str:
    notes = ["SIMULATED"] if result.simulated else []
    if result.view is View.UNKNOWN:
        notes.append("the view is not known")
    if score.out_of_distribution:
        notes.append(f"out of distribution: {score.out_of_distribution}")
    if score.unlike_processing:
        notes.append(f"processed unlike the training films: {score.unlike_processing}")
    return "; ".join(notes)


def scores_json(results: Sequence[FileResult], version: ModelVersion) -> str:
    """Return results as JSON, with the model version that they belong to."""
    document = {
        "notice": RESEARCH_USE_ONLY,
        "model_version": version.key,
        "results": [_row(result, version) for result in results],
    }
    return json.dumps(document, indent=2) + "\n"


def scores_csv(results: Sequence[FileResult], version: ModelVersion) -> str:
    """Return results as CSV, one line a file, with a column for each finding and triage class."""
    lines = io.StringIO()
    rows = [_flat(_row(result, version)) | {"notice": RESEARCH_USE_ONLY} for result in results]
    write_csv(lines, rows)
    return lines.getvalue()


def _row(result: FileResult, version: ModelVersion) -> dict[str, object]:
    return {
        "file": result.file,
        "model_version": version.key,
        **_columns(result.score),
        "view": result.view,
        "acquired_at": _time_text(result.acquired),
        "acquired_source": result.acquired and result.acquired.source,
        "simulated": result.simulated,
        "saliency": result.saliency,
        "reason": result.reason,
        "detail": result.detail,
    }


def _time_text(acquired: Acquired | None) -> str | None:
    """Return the time, or the date where only that is known; None where neither is."""
    if acquired is None or acquired.at is None:
        return None
    if acquired.source.is_date_alone:
        return local_date(acquired.at, acquired.zone).isoformat()
    return acquired.at.isoformat()


def _columns(score: Score | None) -> dict[str, object]:
    """Return all values of a score by column; without a score, the same columns are empty."""
    extent = score.geographic_extent_interval if score else None
    opacity = score.opacity_interval if score else None
    distribution_check = score.distribution_check if score else None
    return {
        "geographic_extent": score and score.geographic_extent,
        "opacity": score and score.opacity,
        "geographic_extent_raw": score and score.geographic_extent_raw,
        "opacity_raw": score and score.opacity_raw,
        "geographic_extent_low": extent and extent.low,
        "geographic_extent_high": extent and extent.high,
        "opacity_low": opacity and opacity.low,
        "opacity_high": opacity and opacity.high,
        "distribution_reference": distribution_check and distribution_check.reference,
        "distribution_distance": distribution_check and distribution_check.distance,
        "out_of_distribution": score and score.out_of_distribution,
        **_processing_columns(score.processing_check if score else None),
        "findings": score and dict(score.findings),
        "triage": score and dict(score.triage),
        "lungs": score and score.lungs and asdict(score.lungs),
    }


def _processing_columns(check: ProcessingCheck | None) -> dict[str, object]:
    return {
        "processing_reference": check and check.reference,
        "processing_distance": check and check.distance,
        "unlike_processing": check and check.unlike_processing,
    }


def _flat(row: dict[str, object]) -> dict[str, object]:
    for name, prefix in (("findings", "finding"), ("triage", "triage")):
        numbers = row.pop(name)
        if isinstance(numbers, Mapping):
            row |= {f"{prefix}: {label}": number for label, number in numbers.items()}
    lungs = row.pop("lungs")
    if isinstance(lungs, Mapping):
        for side in ("right", "left"):
            row[f"{side}_extent"] = lungs[side]["geographic_extent"]
            row[f"{side}_opacity"] = lungs[side]["opacity"]
        row |= lungs["zones"]
    return row
