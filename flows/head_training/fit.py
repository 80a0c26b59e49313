"""Fit a head on a backbone's outputs for labelled images, and measure it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from flows.errors import UsageError
from flows.evaluation.comparison import EXTENT, OPACITY, grouped
from flows.head_training.record import (
    Fitted,
    HeadChoice,
    ImagesUsed,
    cautions,
    measured_record,
    training_record,
)
from flows.labelled_images.features import FeaturesOrRejection, ImageFeatures, outputs_of
from flows.labelled_images.folder import READERS_EXTENT_SCALE, LabelKind, LabelledFolder
from flows.models.store import StoredModel
from flows.scoring.pipeline import Rejection
from severity.domain import MeasurementError, ModelVersion, Scale
from severity.evaluation.agreement import Numbers
from severity.evaluation.auxiliary_images import AuxiliaryImages, with_auxiliary_images
from severity.evaluation.conformal import margins, out_of_fold
from severity.evaluation.head_fitting import (
    Basis,
    bases,
    columns,
    expand_to_all_logits,
    fitting,
    predicting,
    usual_basis,
)
from severity.evaluation.protocol import LEAST_GROUPS, Measured, measure
from severity.evaluation.regressions import Fit
from severity.evaluation.systems import System
from severity.heads.head import Chain, Head, HeadInput
from severity.models.backbone import Precision
from severity.models.feature_extractor import FeatureExtractor
from severity.reliability.calibration import Calibration, ScoreCalibration

_SCORES = (EXTENT, OPACITY)


@dataclass(frozen=True, eq=False)
class Trained:
    """A fitted head as a stored model, its version, and the images that were left out."""

    model: StoredModel
    version: ModelVersion
    calibration: Calibration
    missing: Sequence[str]
    rejected: Mapping[str, Rejection]


@dataclass(frozen=True, eq=False)
class _Labelled:
    """N images: the head's inputs, shape (N, F), and the points by score, shape (N,) each."""

    images: Sequence[ImageFeatures]
    groups: Sequence[str]
    inputs: Numbers
    points: Mapping[str, Numbers]

    def only(self, *, readers: bool) -> "_Labelled":
        """Return only the images with readers' scores, or only those without."""
        places = [
            place
            for place, image in enumerate(self.images)
            if (image.labelled.label is LabelKind.READERS) is readers
        ]
        return _Labelled(
            images=[self.images[place] for place in places],
            groups=[self.groups[place] for place in places],
            inputs=self.inputs[places],
            points={score: points[places] for score, points in self.points.items()},
        )


def settled_basis(choice: HeadChoice, findings: Sequence[str]) -> Basis:
    """Return the kind of outputs that the head is fitted on.

    Raises
    ------
    UsageError
        The backbone has no such outputs.
    """
    basis = choice.basis or usual_basis(choice.kind, findings)
    if basis not in bases(findings):
        raise UsageError(f"the backbone has no {basis}, only {', '.join(bases(findings))}")
    return basis


def train(
    choice: HeadChoice,
    folder: LabelledFolder,
    features: Sequence[FeaturesOrRejection],
    network: FeatureExtractor,
) -> Trained:
    """Fit a head on all images, and measure the same kind of head on images it was not fitted on.

    Deterministic: one thread for each sum, and every draw is seeded.

    Parameters
    ----------
    features
        The backbone's outputs for each of the folder's images, in their order, or its rejection.
    network
        The feature extractor that computed them, in fp32.

    Raises
    ------
    UsageError
        Too few images remain, or their labels are all equal.
    """
    rejected = {
        image.name: result
        for image, result in zip(folder.images, features, strict=True)
        if isinstance(result, Rejection)
    }
    images = [image for image in features if isinstance(image, ImageFeatures)]
    basis = settled_basis(choice, network.backbone.findings)
    labelled = _labelled(images, basis, network.backbone.findings) if images else None
    measurable = _measurable(labelled) if labelled else None
    groups = len(set(measurable.groups)) if measurable else 0
    if labelled is None or measurable is None or groups < LEAST_GROUPS:
        raise UsageError(
            f"{len(measurable.images) if measurable else 0} images of {groups} patients are too "
            f"few to measure a head: {LEAST_GROUPS} patients are needed, and many more for a good "
            f"one ({len(folder.missing)} images are missing, {len(rejected)} were rejected)"
        )
    _check_labels_differ(measurable)
    scales = {EXTENT: READERS_EXTENT_SCALE, OPACITY: folder.opacity}
    with threadpool_limits(limits=1, user_api="blas"):
        measured, calibration = _measure(choice, labelled, measurable, scales)
        fit = fitting(choice.kind, seed=choice.seed)
        chains = {
            score: fit(labelled.inputs, labelled.points[score], labelled.groups)
            for score in _SCORES
        }
    extent, opacity = (_on_all_outputs(chains[score].chain, basis, network) for score in _SCORES)
    head = Head(
        name=choice.name,
        backbone=network.name,
        takes=HeadInput.FEATURES if basis is Basis.FEATURES else HeadInput.LOGITS,
        layers=(extent, opacity),
        geographic_extent=READERS_EXTENT_SCALE,
        opacity=folder.opacity,
    )
    used = ImagesUsed(folder, labelled.images, labelled.groups, rejected)
    fitted = Fitted(choice, basis, {score: chains[score].chosen for score in _SCORES})
    model = StoredModel(
        head=head,
        source=choice.source or "trained on this machine (cxr-severity train)",
        licence=choice.licence,
        weights_sha256=network.weights_sha256,
        measured=measured_record(measured, measurable.images, measurable.groups),
        training=training_record(used, fitted, cautions(used, fitted, head)),
        calibration=calibration,
    )
    version = head.version(weights_sha256=network.weights_sha256, precision=Precision.FP32)
    return Trained(model, version, calibration, folder.missing, rejected)


def with_errors(trained: Trained, extent: MeasurementError, opacity: MeasurementError) -> Trained:
    """Add the measurement errors of both scores to a model's calibration."""
    before = trained.calibration
    calibration = Calibration(
        replace(before.geographic_extent, error=extent), replace(before.opacity, error=opacity)
    )
    return replace(
        trained,
        model=replace(trained.model, calibration=calibration),
        calibration=calibration,
    )


def _labelled(images: Sequence[ImageFeatures], basis: Basis, findings: Sequence[str]) -> _Labelled:
    groups, _ = grouped(images)
    outputs = outputs_of(images)
    inputs = (
        outputs[HeadInput.FEATURES]
        if basis is Basis.FEATURES
        else outputs[HeadInput.LOGITS][:, columns(basis, findings)]
    )
    points = {
        EXTENT: np.array([image.labelled.extent for image in images]),
        OPACITY: np.array([image.labelled.opacity for image in images]),
    }
    return _Labelled(images, groups, inputs.astype(float), points)


def _measurable(labelled: _Labelled) -> _Labelled:
    """Return the images that a head is measured on: those that readers scored, if any were."""
    scored = labelled.only(readers=True)
    return scored if scored.images else labelled


def _check_labels_differ(measurable: _Labelled) -> None:
    """Refuse labels that are one number: the head would say it of any image, and be sure."""
    for score, points in measurable.points.items():
        if points.min() == points.max():
            raise UsageError(
                f"all {len(points)} labels of {score} are {points[0]:g} points: a head can learn "
                "nothing from them"
            )


def _measure(
    choice: HeadChoice, labelled: _Labelled, measurable: _Labelled, scales: Mapping[str, Scale]
) -> tuple[dict[str, Measured], Calibration]:
    """Measure this kind of head on images of patients that it was not fitted on."""
    measured, calibrated = {}, {}
    for score in _SCORES:
        fit = _fit(choice, labelled, measurable, score)
        inputs, points = measurable.inputs, measurable.points[score]
        system = System(choice.name, inputs, inputs, fit, np.ones(len(inputs), bool))
        groups, scale = measurable.groups, scales[score]
        measured[score] = measure(
            system, points, groups=groups, scale=scale, opacity=score == OPACITY
        )
        predicted = out_of_fold(fit, inputs, points, groups=groups, scale=scale)
        # Measurement errors are measured on the finished model: see `with_errors`.
        unknown = MeasurementError(repeats=None, perturbations=None)
        calibrated[score] = ScoreCalibration(margins(predicted, scale), unknown)
    return measured, Calibration(calibrated[EXTENT], calibrated[OPACITY])


def _fit(choice: HeadChoice, labelled: _Labelled, measurable: _Labelled, score: str) -> Fit:
    """Return the fit of this kind of head; images that are not measured join it."""
    fit = predicting(fitting(choice.kind, seed=choice.seed))
    if measurable is labelled:
        return fit
    proxies = labelled.only(readers=False)
    images = AuxiliaryImages(proxies.inputs, proxies.points[score], proxies.groups)
    return with_auxiliary_images(fit, images, measured=measurable.groups)


def _on_all_outputs(chain: Chain, basis: Basis, network: FeatureExtractor) -> Chain:
    """Expand a head fitted on selected logits to all logits; the others get weight zero."""
    if basis is Basis.FEATURES:
        return chain
    findings = network.backbone.findings
    return expand_to_all_logits(chain, columns(basis, findings), width=len(findings))
