"""A model version that is loaded and ready to score."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from severity.domain import DistributionCheck, ModelVersion, ProcessingCheck, Score
from severity.heads.head import Head, HeadInput
from severity.heads.lungs import Division, Drawn
from severity.heads.triage import Triage
from severity.images.grey_image import GreyImage
from severity.models.backbone import Backbone, Precision
from severity.models.network import Output
from severity.models.optional_torch import require_torch
from severity.models.runtimes.runtime import CpuRuntime, ModelInput, Runtime
from severity.reliability.calibration import Calibration
from severity.reliability.out_of_distribution import ReferenceDistribution, frontal_distribution
from severity.reliability.processing import ProcessingReference, known_processing

if TYPE_CHECKING:
    from severity.models.runtimes.extent_gradient import ExtentGradient


@dataclass(frozen=True)
class Placement:
    """Where and how a network runs.

    ``device`` is ``cpu``, ``cuda`` or ``cuda:N``. ``streams`` is how many batches run at the same
    time on a CPU, one for each core if None.
    """

    device: str = "cpu"
    precision: Precision = Precision.FP32
    streams: int | None = None


@dataclass(frozen=True)
class ScoringModel:
    """A backbone, its head, the version that scores carry, and where it runs.

    ``calibration`` is None where the scores' errors were not measured. ``triage`` is computed from
    the backbone's features, and None for a model without. ``division`` divides scores between the
    lungs that the backbone draws, and is None for one that draws none. ``reference`` decides which
    images are out of distribution, ``processing`` which are processed unlike known ones; they are
    the same for every model and no part of the version, since they move no score.
    """

    version: ModelVersion
    backbone: Backbone
    head: Head
    runtime: Runtime
    calibration: Calibration | None = None
    triage: Triage | None = None
    division: Division | None = None
    reference: ReferenceDistribution = field(default_factory=frontal_distribution)
    processing: ProcessingReference = field(default_factory=known_processing)

    @property
    def streams(self) -> int:
        """The number of calls of `score` that may usefully run at the same time."""
        return self.runtime.streams

    def prepare(self, grey: GreyImage) -> ModelInput:
        """Preprocess a decoded image into the network's input: (224, 224) on [-1024, 1024]."""
        return self.runtime.prepare(grey)

    def score(self, inputs: Sequence[ModelInput]) -> list[Score]:
        """Score a batch; safe to call from several threads.

        Parameters
        ----------
        inputs
            N images as from `prepare`.

        Returns
        -------
        N scores in the order of ``inputs``; each is the score of the image alone. An image that
        is out of distribution is scored and flagged.
        """
        if not len(inputs):
            return []
        outputs = self._outputs(inputs)
        points = self.head.points(outputs[self.head.takes])
        findings = self._findings(outputs.get(HeadInput.LOGITS), count=len(inputs))
        maps = self.runtime.maps(inputs)
        checks = zip(self.reference.checks_of(maps), self.processing.checks_of(maps), strict=True)
        scores = [
            self._to_score(image_points, image_findings, *both)
            for image_points, image_findings, both in zip(points, findings, checks, strict=True)
        ]
        scores = self._with_triage(self._with_intervals(scores, points), outputs)
        return self._with_lungs(scores, outputs)

    def outputs(self, inputs: Sequence[ModelInput]) -> dict[HeadInput, NDArray[np.float32]]:
        """Compute what heads are applied to for a batch, shape (N, width) each."""
        outputs = self._outputs(inputs)
        return {kind: outputs[kind] for kind in outputs if isinstance(kind, HeadInput)}

    def _outputs(self, inputs: Sequence[ModelInput]) -> dict[Output, NDArray[np.float32]]:
        return dict(zip(self.backbone.outputs, self.runtime.run(inputs), strict=True))

    def gradient(self, inputs: Sequence[ModelInput]) -> NDArray[np.float32]:
        """Compute the gradient of the geographic extent with respect to each pixel.

        Parameters
        ----------
        inputs
            N images as from `prepare`.

        Returns
        -------
        Shape (N, 224, 224): points, before clipping to the scale, per unit of the input.

        Raises
        ------
        NeedsTorch
            torch is not installed.
        """
        return self._extent_gradient(inputs)

    @cached_property
    def _extent_gradient(self) -> "ExtentGradient":
        require_torch("a saliency map")
        from severity.models.runtimes.extent_gradient import ExtentGradient  # noqa: PLC0415

        return ExtentGradient(self.backbone, self.head, device=self.runtime.device)

    def _findings(
        self, logits: NDArray[np.float32] | None, *, count: int
    ) -> list[dict[str, float]]:
        if logits is None:
            return [{} for _ in range(count)]
        return [
            {name: float(z) for name, z in zip(self.backbone.findings, row, strict=True) if name}
            for row in logits
        ]

    def _with_intervals(self, scores: Sequence[Score], points: NDArray[np.float32]) -> list[Score]:
        if self.calibration is None:
            return list(scores)
        scales = (self.version.geographic_extent, self.version.opacity)
        intervals = self.calibration.intervals(points, scales)
        return [
            replace(score, geographic_extent_interval=extent, opacity_interval=opacity)
            for score, (extent, opacity) in zip(scores, intervals, strict=True)
        ]

    def _with_triage(
        self, scores: list[Score], outputs: Mapping[Output, NDArray[np.float32]]
    ) -> list[Score]:
        if self.triage is None:
            return scores
        probabilities = self.triage.by_class(outputs[HeadInput.FEATURES])
        return [
            replace(score, triage=by_class)
            for score, by_class in zip(scores, probabilities, strict=True)
        ]

    def _with_lungs(
        self, scores: list[Score], outputs: Mapping[Output, NDArray[np.float32]]
    ) -> list[Score]:
        if self.division is None or Drawn.MAPS not in outputs:
            return scores
        scales = (self.version.geographic_extent, self.version.opacity)
        return [
            replace(
                score,
                lungs=self.division.lungs((score.geographic_extent, score.opacity), scales, maps),
            )
            for score, maps in zip(scores, outputs[Drawn.MAPS], strict=True)
        ]

    def _to_score(
        self,
        points: NDArray[np.float32],
        findings: dict[str, float],
        distribution_check: DistributionCheck,
        processing_check: ProcessingCheck,
    ) -> Score:
        extent, opacity = points
        return Score(
            geographic_extent=self.version.geographic_extent.clip(float(extent)),
            opacity=self.version.opacity.clip(float(opacity)),
            geographic_extent_raw=float(extent),
            opacity_raw=float(opacity),
            findings=findings,
            distribution_check=distribution_check,
            processing_check=processing_check,
        )


def placed(
    weights_sha256: str,
    backbone: Backbone,
    head: Head,
    placement: Placement,
    calibration: Calibration | None = None,
) -> ScoringModel:
    """Load a model onto the device on which it is to run.

    Parameters
    ----------
    weights_sha256
        The hash of the backbone's file.
    calibration
        Prediction intervals and measurement errors, where they were measured.

    Raises
    ------
    ModelUnavailable
        The device does not support the precision.
    """
    runtime = runtime_for(backbone, placement)
    version = head.version(weights_sha256=weights_sha256, precision=placement.precision)
    return ScoringModel(version, backbone, head, runtime, calibration)


def runtime_for(backbone: Backbone, placement: Placement) -> Runtime:
    """Load a backbone onto the device on which it is to run.

    Raises
    ------
    ModelUnavailable
        The device does not support the precision.
    NeedsTorch
        The device is a GPU, and torch is not installed.
    """
    if placement.device == "cpu":
        return CpuRuntime(backbone, precision=placement.precision, streams=placement.streams)
    require_torch(f"the device {placement.device}")
    from severity.models.runtimes.gpu_runtime import GpuRuntime  # noqa: PLC0415

    return GpuRuntime(backbone, precision=placement.precision, device=placement.device)
