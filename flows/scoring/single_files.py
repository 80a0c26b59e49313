"""Scores of single files, without a database."""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from pathlib import Path

from flows.concurrency import at_once, in_batches
from flows.reports import FileResult
from flows.resources import Resources
from flows.scoring.pipeline import FileContent, Pipeline, PreparedImage, Rejection, prepared_image
from flows.scoring.saliency_maps import MapPlace, write_map
from flows.sources import SidecarsAbove, read_local_file
from severity.domain import Score
from severity.files.sidecar import UNNAMED

FileAndPlace = tuple[Path, MapPlace | None]
"""A file, and where its saliency map goes."""


def score_files(
    files: Iterable[Path], resources: Resources, *, maps: Iterable[MapPlace] | None = None
) -> list[FileResult]:
    """Score files; return results in their order, and store nothing.

    Parameters
    ----------
    files
        Any number; they are drawn as they are scored, and only a few are in memory at once.
    maps
        Where the saliency map of each file goes; a rejected file has none.

    Raises
    ------
    ModelUnavailable
        Nothing can be scored.
    UsageError
        A saliency map cannot be written.
    """
    places = zip(files, repeat(None)) if maps is None else zip(files, maps, strict=True)
    return asyncio.run(_score_files(places, resources))


async def _score_files(places: Iterable[FileAndPlace], resources: Resources) -> list[FileResult]:
    model, sidecars = resources.load_model(), SidecarsAbove(resources.settings.all_sources)
    with Pipeline(resources.settings, model) as pipeline:

        async def prepare(item: FileAndPlace) -> PreparedImage:
            content = await asyncio.to_thread(file_content, item[0], sidecars)
            return await pipeline.decode(content, prepared_image)

        async def score(batch: Sequence[FileAndPlace]) -> list[FileResult]:
            images = await pipeline.prepare(batch, prepare)
            results = await pipeline.infer(images, model.score)
            for (_, place), image in zip(batch, images, strict=True):
                if place is not None and not isinstance(image, Rejection):
                    await pipeline.in_stream(write_map, image, place, model)
            rejected = sum(isinstance(image, Rejection) for image in images)
            resources.progress.advanced(scored=len(batch) - rejected, rejected=rejected)
            return list(map(_file_result, batch, results))

        batches = in_batches(places, resources.settings.batch_size)
        return list(chain.from_iterable(await at_once(pipeline.batches, score, batches)))


def file_content(file: Path, sidecars: SidecarsAbove) -> FileContent:
    """Read a file, and its record in the sidecars above it.

    Raises
    ------
    RejectedImage
        It cannot be read.
    """
    # Without a record a PNG or JPEG is still an image; only its patient stays unknown.
    return FileContent(read_local_file(file), sidecars.record(file) or UNNAMED)


def _file_result(item: FileAndPlace, result: tuple[PreparedImage, Score] | Rejection) -> FileResult:
    file, place = item
    if isinstance(result, Rejection):
        return FileResult(str(file), None, reason=result.reason, detail=result.detail)
    image, score = result
    return FileResult(
        file=str(file),
        score=score,
        view=image.record.view,
        acquired=image.record.acquired,
        simulated=image.record.simulated,
        saliency=str(place.picture) if place else None,
    )
