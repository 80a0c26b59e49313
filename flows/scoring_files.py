"""Scores of single files, without a database."""

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, tzinfo
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.resources import Resources
from severity.domain import RESEARCH_USE_ONLY, ModelVersion, Reason, Score, View
from severity.errors import RejectedImage, UnreadableImage, UnreadableSidecar
from severity.limits import check_bytes
from severity.radiograph import Radiograph
from severity.reading import read_radiograph
from severity.sidecar import SIDECAR_NAMES, SidecarRecord, parse_sidecar

_NOBODY = SidecarRecord(patient_id="unnamed")


@dataclass(frozen=True)
class FileResult:
    """One file's score, or why it has none."""

    file: str
    score: Score | None
    view: View | None = None
    acquired_at: datetime | None = None
    simulated: bool = False
    reason: Reason | None = None
    detail: str = ""


def score_files(files: Sequence[Path], have: Resources) -> list[FileResult]:
    """Score files one by one, in their order; nothing is stored.

    Raises
    ------
    ModelUnavailable
        Nothing can be scored.
    """
    model = have.model
    results = []
    for file in files:
        try:
            radiograph = _read(file, have.settings.zone)
            score = model.score(radiograph.model_input()[None])[0]
        except RejectedImage as rejected:
            results.append(
                FileResult(str(file), None, reason=rejected.reason, detail=str(rejected))
            )
        else:
            record = radiograph.record
            results.append(
                FileResult(str(file), score, record.view, record.acquired.at, record.simulated)
            )
    return results


def _read(file: Path, zone: tzinfo) -> Radiograph:
    try:
        check_bytes(file.stat().st_size)
        content = file.read_bytes()
    except OSError as error:
        raise UnreadableImage(Reason.VANISHED, f"cannot be read: {error.strerror}") from error
    # Without a record a PNG or JPEG is still an image; only whose it is stays unknown.
    record = _sidecar_record(file) or _NOBODY
    sha256 = hashlib.sha256(content).hexdigest()
    return read_radiograph(content, record, content_sha256=sha256, zone=zone)


def _sidecar_record(file: Path) -> SidecarRecord | None:
    for name in SIDECAR_NAMES:
        try:
            record = parse_sidecar(name, (file.parent / name).read_bytes()).get(file.name)
        except (OSError, UnreadableSidecar):
            continue
        if record is not None:
            return record
    return None


def print_table(results: Sequence[FileResult], version: ModelVersion, console: Console) -> None:
    """Show results to a person."""
    table = Table(box=box.SIMPLE_HEAD, title=f"Model version {version.key}", title_justify="left")
    table.add_column("file", overflow="fold")
    table.add_column("view")
    table.add_column(f"extent 0-{version.geographic_extent.highest:g}", justify="right")
    table.add_column(f"opacity 0-{version.opacity.highest:g}", justify="right")
    table.add_column("note", overflow="fold")
    for result in results:
        table.add_row(*(Text(cell) for cell in _cells(result)))
    console.print(table)
    console.print(RESEARCH_USE_ONLY)


def _cells(result: FileResult) -> tuple[str, ...]:
    if result.score is None:
        return result.file, "-", "-", "-", f"rejected: {result.reason}: {result.detail}"
    return (
        result.file,
        str(result.view),
        f"{result.score.geographic_extent:.1f}",
        f"{result.score.opacity:.1f}",
        "SIMULATED" if result.simulated else "",
    )


def to_json(results: Sequence[FileResult], version: ModelVersion) -> str:
    """Write results for programs, with the model version that they belong to."""
    document = {
        "notice": RESEARCH_USE_ONLY,
        "model_version": version.key,
        "results": [_row(result, version) for result in results],
    }
    return json.dumps(document, indent=2) + "\n"


def to_csv(results: Sequence[FileResult], version: ModelVersion) -> str:
    """Write results as CSV, one line a file."""
    lines = io.StringIO()
    rows = [_row(result, version) | {"notice": RESEARCH_USE_ONLY} for result in results]
    writer = csv.DictWriter(lines, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return lines.getvalue()


def _row(result: FileResult, version: ModelVersion) -> dict[str, object]:
    points = asdict(result.score) if result.score else dict.fromkeys(Score.__annotations__)
    return {
        "file": result.file,
        "model_version": version.key,
        **points,
        "view": result.view,
        "acquired_at": result.acquired_at.isoformat() if result.acquired_at else None,
        "simulated": result.simulated,
        "reason": result.reason,
        "detail": result.detail,
    }
