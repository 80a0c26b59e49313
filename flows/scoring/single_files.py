"""Scores of single files, without a database."""

import asyncio
import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import chain, repeat
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.concurrency import at_once, in_batches
from flows.reports.trend_text import score_text
from flows.resources import Resources
from flows.scoring.pipeline import Lanes, ReadyImage, Rejection
from flows.scoring.saliency_maps import MapPlace, write_map
from severity.domain import RESEARCH_USE_ONLY, ModelVersion, Reason, Score, View
from severity.errors import UnreadableImage, UnreadableSidecar
from severity.files.sidecar import SIDECAR_NAMES, SidecarRecord, parse_sidecar
from severity.images.limits import check_bytes

_NOBODY = SidecarRecord(patient_id="unnamed")
_CACHED_FOLDERS = 64
_NO_IDENTITY = ""  # of a PNG or JPEG: nothing is stored, so its content need not be hashed

SidecarsOf = Callable[[Path], Mapping[str, SidecarRecord]]


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
    saliency: str | None = None


def score_files(
    files: Iterable[Path], have: Resources, *, maps: Iterable[MapPlace] | None = None
) -> list[FileResult]:
    """Score files and keep their order; nothing is stored.

    Parameters
    ----------
    files
        Any number; they are taken as they are scored, and only a few are in memory at once.
    maps
        Where the saliency map of each file goes, if it is not rejected.

    Raises
    ------
    ModelUnavailable
        Nothing can be scored.
    UsageError
        A saliency map cannot be written.
    """
    given = zip(files, repeat(None)) if maps is None else zip(files, maps, strict=True)
    return asyncio.run(_score_files(given, have))


async def _score_files(
    given: Iterable[tuple[Path, MapPlace | None]], have: Resources
) -> list[FileResult]:
    sidecars = lru_cache(_CACHED_FOLDERS)(_sidecars)
    with Lanes(have.settings, have.model) as lanes:

        async def ready(given: tuple[Path, MapPlace | None]) -> ReadyImage:
            return await lanes.decode(_ready_image, given[0], sidecars, lanes)

        async def score(batch: Sequence[tuple[Path, MapPlace | None]]) -> list[FileResult]:
            answers = await lanes.push(batch, ready, have.model.score)
            for (_, place), answer in zip(batch, answers, strict=True):
                if place is not None and not isinstance(answer, Rejection):
                    await lanes.infer(write_map, answer[0], place, have.model)
            rejected = sum(isinstance(answer, Rejection) for answer in answers)
            have.progress.advanced(scored=len(batch) - rejected, rejected=rejected)
            return list(map(_result, batch, answers))

        batches = in_batches(given, have.settings.batch_size)
        return list(chain.from_iterable(await at_once(lanes.count, score, batches)))


def _ready_image(file: Path, sidecars: SidecarsOf, lanes: Lanes) -> ReadyImage:
    try:
        check_bytes(file.stat().st_size)
        content = file.read_bytes()
    except OSError as error:
        raise UnreadableImage(Reason.VANISHED, f"cannot be read: {error.strerror}") from error
    # Without a record a PNG or JPEG is still an image; only whose it is stays unknown.
    record = sidecars(file.parent).get(file.name, _NOBODY)
    radiograph = lanes.read(content, record, content_sha256=_NO_IDENTITY)
    return ReadyImage(radiograph.record, lanes.network.prepare(radiograph.grey))


def _sidecars(folder: Path) -> Mapping[str, SidecarRecord]:
    """Read what the sidecars of a folder say of its files; of two, the first one counts."""
    records: dict[str, SidecarRecord] = {}
    for name in reversed(SIDECAR_NAMES):
        try:
            records |= parse_sidecar(name, (folder / name).read_bytes())
        except (OSError, UnreadableSidecar):
            continue
    return records


def _result(
    given: tuple[Path, MapPlace | None], answer: tuple[ReadyImage, Score] | Rejection
) -> FileResult:
    file, place = given
    if isinstance(answer, Rejection):
        return FileResult(str(file), None, reason=answer.reason, detail=answer.detail)
    image, score = answer
    return FileResult(
        file=str(file),
        score=score,
        view=image.record.view,
        acquired_at=image.record.acquired.at,
        simulated=image.record.simulated,
        saliency=str(place.picture) if place else None,
    )


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
        score_text(result.score.geographic_extent, result.score.geographic_extent_interval),
        score_text(result.score.opacity, result.score.opacity_interval),
        _note(result, result.score),
    )


def _note(result: FileResult, score: Score) -> str:
    notes = ["SIMULATED"] if result.simulated else []
    if score.unlike:
        notes.append(f"unlike known films: {score.unlike}")
    return "; ".join(notes)


def to_json(results: Sequence[FileResult], version: ModelVersion) -> str:
    """Write results for programs, with the model version that they belong to."""
    document = {
        "notice": RESEARCH_USE_ONLY,
        "model_version": version.key,
        "results": [_row(result, version) for result in results],
    }
    return json.dumps(document, indent=2) + "\n"


def to_csv(results: Sequence[FileResult], version: ModelVersion) -> str:
    """Write results as CSV, one line a file, with a column for each finding and triage class."""
    lines = io.StringIO()
    rows = [_flat(_row(result, version)) | {"notice": RESEARCH_USE_ONLY} for result in results]
    columns = dict.fromkeys(column for row in rows for column in row)
    writer = csv.DictWriter(lines, fieldnames=list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return lines.getvalue()


def _row(result: FileResult, version: ModelVersion) -> dict[str, object]:
    return {
        "file": result.file,
        "model_version": version.key,
        **_columns(result.score),
        "view": result.view,
        "acquired_at": result.acquired_at.isoformat() if result.acquired_at else None,
        "simulated": result.simulated,
        "saliency": result.saliency,
        "reason": result.reason,
        "detail": result.detail,
    }


def _columns(score: Score | None) -> dict[str, object]:
    """Name all that a score says; the names are the same where there is none."""
    extent = score.geographic_extent_interval if score else None
    opacity = score.opacity_interval if score else None
    likeness = score.likeness if score else None
    return {
        "geographic_extent": score and score.geographic_extent,
        "opacity": score and score.opacity,
        "geographic_extent_raw": score and score.geographic_extent_raw,
        "opacity_raw": score and score.opacity_raw,
        "geographic_extent_low": extent and extent.low,
        "geographic_extent_high": extent and extent.high,
        "opacity_low": opacity and opacity.low,
        "opacity_high": opacity and opacity.high,
        "likeness_reference": likeness and likeness.reference,
        "likeness_distance": likeness and likeness.distance,
        "unlike": score and score.unlike,
        "findings": score and dict(score.findings),
        "triage": score and dict(score.triage),
    }


def _flat(row: dict[str, object]) -> dict[str, object]:
    for name, prefix in (("findings", "finding"), ("triage", "triage")):
        numbers = row.pop(name)
        if isinstance(numbers, Mapping):
            row |= {f"{prefix}: {one}": number for one, number in numbers.items()}
    return row
