"""Scores of single files, without a database."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain, repeat
from pathlib import Path

from flows.concurrency import at_once, in_batches
from flows.reports import FileResult
from flows.resources import Resources
from flows.scoring.pipeline import Lanes, ReadyImage, Rejection
from flows.scoring.saliency_maps import MapPlace, write_map
from flows.sources import read_local_file
from severity.domain import Score
from severity.errors import UnreadableSidecar
from severity.files.sidecar import SIDECAR_NAMES, SidecarRecord, parse_sidecar

_NOBODY = SidecarRecord(patient_id="unnamed")
_CACHED_FOLDERS = 64
_NO_IDENTITY = ""  # of a PNG or JPEG: nothing is stored, so its content need not be hashed

SidecarsOf = Callable[[Path], Mapping[str, SidecarRecord]]


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
    content = read_local_file(file)
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
