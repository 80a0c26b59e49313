"""A backbone's outputs for labelled images, which are read as they are for scoring."""

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
from flows.scoring.pipeline import FileContent, InferenceNetwork, Pipeline, PreparedImage, Rejection
from flows.sources import read_local_file
from severity.domain import View
from severity.evaluation.duplicates import Hash, perceptual_hash
from severity.files.sidecar import SidecarRecord
from severity.heads.head import Head, HeadInput
from severity.images.radiograph import Radiograph
from severity.models.runtimes.runtime import ModelInput, in_memory

_NO_PATIENT = "unnamed"

BackboneOutputs = Mapping[HeadInput, NDArray[np.float32]]
"""A backbone's outputs for one image, shape (width,) each."""


class FeatureNetwork(InferenceNetwork, Protocol):
    """A network that also returns its backbone's outputs."""

    def outputs(self, inputs: Sequence[ModelInput]) -> Mapping[HeadInput, NDArray[np.float32]]:
        """Return the backbone's outputs for a batch, shape (N, width) each."""


@dataclass(frozen=True)
class PreparedLabelledImage(PreparedImage):
    """A labelled image that can be scored."""

    sha256: str
    perceptual: Hash


@dataclass(frozen=True, eq=False)
class ImageFeatures:
    """A labelled image without its pixels, with the backbone's outputs for it."""

    labelled: LabelledImage
    view: View
    patient: str
    sha256: str
    perceptual: Hash
    outputs: BackboneOutputs


FeaturesOrRejection = ImageFeatures | Rejection


def outputs_of(images: Sequence[ImageFeatures]) -> dict[HeadInput, NDArray[np.float32]]:
    """Stack a backbone's outputs for N images, at least one: shape (N, width) each."""
    return {name: np.array([image.outputs[name] for image in images]) for name in images[0].outputs}


def points_of(images: Sequence[ImageFeatures], head: Head) -> NDArray[np.float64]:
    """Compute a head's points for N images, at least one: shape (N, 2), not clipped."""
    return head.points(outputs_of(images)[head.takes]).astype(float)


async def extract_features(
    images: Sequence[LabelledImage], resources: Resources, network: FeatureNetwork
) -> list[FeaturesOrRejection]:
    """Compute the backbone's outputs for labelled images, in their order.

    Only a few images are in memory at once.
    """
    resources.progress.waiting(len(images))

    def outputs_by_image(inputs: Sequence[ModelInput]) -> list[BackboneOutputs]:
        outputs = network.outputs(inputs)
        return [
            {name: rows[place] for name, rows in outputs.items()} for place in range(len(inputs))
        ]

    with Pipeline(resources.settings, network) as pipeline:

        async def prepare(image: LabelledImage) -> PreparedLabelledImage:
            content, sha256 = await asyncio.to_thread(_read, image)
            return await pipeline.decode(content, partial(_prepared, sha256=sha256))

        async def extract(batch: Sequence[LabelledImage]) -> list[FeaturesOrRejection]:
            prepared = await pipeline.prepare(batch, prepare)
            results = await pipeline.infer(prepared, outputs_by_image)
            rejected = sum(isinstance(image, Rejection) for image in prepared)
            resources.progress.advanced(scored=len(batch) - rejected, rejected=rejected)
            return [
                result if isinstance(result, Rejection) else _features(image, *result)
                for image, result in zip(batch, results, strict=True)
            ]

        batches = in_batches(images, resources.settings.batch_size)
        return list(chain.from_iterable(await at_once(pipeline.batches, extract, batches)))


def _read(image: LabelledImage) -> tuple[FileContent, str]:
    content = read_local_file(image.path)
    record = SidecarRecord(patient_id=image.patient or _NO_PATIENT, view=image.view)
    return FileContent(content, record), hashlib.sha256(content).hexdigest()


def _prepared(
    radiograph: Radiograph, network: InferenceNetwork, *, sha256: str
) -> PreparedLabelledImage:
    model_input = network.prepare(radiograph.grey)
    perceptual = perceptual_hash(in_memory(model_input))
    return PreparedLabelledImage(radiograph.record, model_input, sha256, perceptual)


def _features(
    image: LabelledImage, prepared: PreparedLabelledImage, outputs: BackboneOutputs
) -> ImageFeatures:
    return ImageFeatures(
        labelled=image,
        view=prepared.record.view,
        patient=image.patient or _named_patient(prepared.record.patient.value),
        sha256=prepared.sha256,
        perceptual=prepared.perceptual,
        outputs=outputs,
    )


def _named_patient(patient: str) -> str:
    """Return the patient of a DICOM file; two images without one do not share a patient."""
    return "" if patient == _NO_PATIENT else patient
