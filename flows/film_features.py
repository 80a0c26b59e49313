"""What a model sees of labelled films: features, outputs and points, read as they are scored."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray

from flows.at_once import at_once, in_batches
from flows.labelled import LabelledFilm
from flows.lanes import Lanes, ReadyImage, Rejection
from flows.resources import Resources
from severity.domain import Reason, View
from severity.errors import RejectedImage, UnreadableImage
from severity.evaluation.duplicates import Hash, perceptual_hash
from severity.heads import HeadInput
from severity.limits import check_bytes
from severity.sidecar import SidecarRecord

_NOBODY = "unnamed"


@dataclass(frozen=True)
class ReadyFilm(ReadyImage):
    """A labelled film that can be scored."""

    sha256: str
    perceptual: Hash


@dataclass(frozen=True, eq=False)
class SeenFilm:
    """A labelled film without its pixels.

    ``features`` and ``logits`` are what the backbone gives, shape (F,) each, the latter None
    where it has none. ``points`` are its head's, shape (2,), before clipping.
    """

    film: LabelledFilm
    view: View
    patient: str
    sha256: str
    perceptual: Hash
    features: NDArray[np.float32]
    logits: NDArray[np.float32] | None
    points: NDArray[np.float32]


Seen = SeenFilm | Rejection


async def look_at(films: Sequence[LabelledFilm], have: Resources) -> list[Seen]:
    """Read films, prepare them and push them through the backbone, in their order.

    Only a few are in memory at once.

    Raises
    ------
    ModelUnavailable
        Nothing can be scored.
    """
    have.progress.waiting(len(films))
    with Lanes(have) as lanes:

        async def look(batch: Sequence[LabelledFilm]) -> list[Seen]:
            ready = [await lanes.decode(_ready, film, lanes) for film in batch]
            seen = await lanes.infer(_seen, batch, ready, have)
            rejected = sum(isinstance(one, Rejection) for one in seen)
            have.progress.advanced(scored=len(seen) - rejected, rejected=rejected)
            return seen

        batches = in_batches(films, have.settings.batch_size)
        return list(chain.from_iterable(await at_once(lanes.count, look, batches)))


def _ready(film: LabelledFilm, lanes: Lanes) -> ReadyFilm | Rejection:
    try:
        return _readable(film, lanes)
    except RejectedImage as rejected:
        return Rejection(rejected.reason, str(rejected))


def _readable(film: LabelledFilm, lanes: Lanes) -> ReadyFilm:
    try:
        check_bytes(film.path.stat().st_size)
        content = film.path.read_bytes()
    except OSError as error:
        raise UnreadableImage(Reason.VANISHED, f"cannot be read: {error.strerror}") from error
    sha256 = hashlib.sha256(content).hexdigest()
    record = SidecarRecord(patient_id=film.patient or _NOBODY, view=film.view)
    radiograph = lanes.read(content, record, content_sha256=sha256)
    model_input = lanes.model.prepare(radiograph.grey)
    seen = torch.as_tensor(model_input).numpy(force=True)
    return ReadyFilm(radiograph.record, model_input, sha256, perceptual_hash(seen))


def _seen(
    films: Sequence[LabelledFilm], ready: Sequence[ReadyFilm | Rejection], have: Resources
) -> list[Seen]:
    """Push what can be scored through the network, in one batch."""
    inputs = [one.model_input for one in ready if isinstance(one, ReadyFilm)]
    if not inputs:
        return [one for one in ready if isinstance(one, Rejection)]
    model = have.model
    given = model.outputs(inputs)
    points = model.head.points(given[model.head.takes])
    number = iter(range(len(inputs)))
    return [
        one if isinstance(one, Rejection) else _one(film, one, given, points, next(number))
        for film, one in zip(films, ready, strict=True)
    ]


def _one(
    film: LabelledFilm,
    ready: ReadyFilm,
    given: Mapping[HeadInput, NDArray[np.float32]],
    points: NDArray[np.float32],
    number: int,
) -> SeenFilm:
    logits = given.get(HeadInput.LOGITS)
    return SeenFilm(
        film=film,
        view=ready.record.view,
        patient=film.patient or _named(ready.record.patient.value),
        sha256=ready.sha256,
        perceptual=ready.perceptual,
        features=given[HeadInput.FEATURES][number],
        logits=None if logits is None else logits[number],
        points=points[number],
    )


def _named(patient: str) -> str:
    """Return what a DICOM file says; nobody is no patient that two films could share."""
    return "" if patient == _NOBODY else patient
