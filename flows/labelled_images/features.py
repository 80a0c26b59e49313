"""What a backbone sees of labelled images, read as they are when they are scored."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from flows.concurrency import at_once, in_batches
from flows.labelled_images.folder import LabelledImage
from flows.resources import Resources
from flows.scoring.pipeline import FileContent, Network, Pipeline, PreparedImage, Rejection
from flows.sources import read_local_file
from severity.domain import View
from severity.evaluation.duplicates import Hash, perceptual_hash
from severity.files.sidecar import SidecarRecord
from severity.heads.head import Head, HeadInput
from severity.images.radiograph import Radiograph
from severity.models.runtime import ModelInput, in_memory

_NOBODY = "unnamed"

BackboneOutputs = Mapping[HeadInput, NDArray[np.float32]]
"""What a backbone gives for one image, shape (width,) each."""


class FeatureNetwork(Network, Protocol):
    """A network that tells what its backbone gives."""

    def outputs(self, inputs: Sequence[ModelInput]) -> Mapping[HeadInput, NDArray[np.float32]]:
        """Return what the backbone gives for a batch, shape (N, width) each."""


@dataclass(frozen=True)
class PreparedLabelledImage(PreparedImage):
    """A labelled image that can be scored."""

    sha256: str
    perceptual: Hash


@dataclass(frozen=True, eq=False)
class ImageFeatures:
    """A labelled image without its pixels, and what the backbone gives for it."""

    image: LabelledImage
    view: View
    patient: str
    sha256: str
    perceptual: Hash
    outputs: BackboneOutputs


SeenOrRejected = ImageFeatures | Rejection


def outputs_of(images: Sequence[ImageFeatures]) -> dict[HeadInput, NDArray[np.float32]]:
    """Stack what a backbone gives for N images, at least one: shape (N, width) each."""
    return {given: np.array([one.outputs[given] for one in images]) for given in images[0].outputs}


def points_of(images: Sequence[ImageFeatures], head: Head) -> NDArray[np.float64]:
    """Compute a head's points for N images, at least one: shape (N, 2), not clipped."""
    return head.points(outputs_of(images)[head.takes]).astype(float)


async def extract_features(
    images: Sequence[LabelledImage], resources: Resources, network: FeatureNetwork
) -> list[SeenOrRejected]:
    """Read images, prepare them and push them through the backbone, in their order.

    Only a few are in memory at once.
    """
    resources.progress.waiting(len(images))

    def through(inputs: Sequence[ModelInput]) -> list[BackboneOutputs]:
        given = network.outputs(inputs)
        return [{name: rows[place] for name, rows in given.items()} for place in range(len(inputs))]

    with Pipeline(resources.settings, network) as pipeline:

        async def prepare(image: LabelledImage) -> PreparedLabelledImage:
            content = await asyncio.to_thread(_read, image)
            return await pipeline.decode(content, partial(_prepared, sha256=content.sha256))

        async def look(batch: Sequence[LabelledImage]) -> list[SeenOrRejected]:
            images = await pipeline.prepare(batch, prepare)
            answers = await pipeline.infer(images, through)
            rejected = sum(isinstance(image, Rejection) for image in images)
            resources.progress.advanced(scored=len(batch) - rejected, rejected=rejected)
            return [
                answer if isinstance(answer, Rejection) else _seen(image, *answer)
                for image, answer in zip(batch, answers, strict=True)
            ]

        batches = in_batches(images, resources.settings.batch_size)
        return list(chain.from_iterable(await at_once(pipeline.batches, look, batches)))


def _read(image: LabelledImage) -> FileContent:
    content = read_local_file(image.path)
    record = SidecarRecord(patient_id=image.patient or _NOBODY, view=image.view)
    return FileContent(content, record, hashlib.sha256(content).hexdigest())


def _prepared(radiograph: Radiograph, network: Network, *, sha256: str) -> PreparedLabelledImage:
    model_input = network.prepare(radiograph.grey)
    perceptual = perceptual_hash(in_memory(model_input))
    return PreparedLabelledImage(radiograph.record, model_input, sha256, perceptual)


def _seen(
    image: LabelledImage, prepared: PreparedLabelledImage, outputs: BackboneOutputs
) -> ImageFeatures:
    return ImageFeatures(
        image=image,
        view=prepared.record.view,
        patient=image.patient or _named(prepared.record.patient.value),
        sha256=prepared.sha256,
        perceptual=prepared.perceptual,
        outputs=outputs,
    )


def _named(patient: str) -> str:
    """Return what a DICOM file says; nobody is no patient that two images could share."""
    return "" if patient == _NOBODY else patient
