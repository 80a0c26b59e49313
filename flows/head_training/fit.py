"""Fitting a head on what a backbone saw of labelled images, and measuring it."""

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
from flows.labelled_images.features import ImageFeatures, SeenOrRejected, outputs_of
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
    """A head that was fitted, the version that it makes, and the images that took no part."""

    model: StoredModel
    version: ModelVersion
    calibration: Calibration
    missing: Sequence[str]
    rejected: Mapping[str, Rejection]


@dataclass(frozen=True, eq=False)
class _Labelled:
    """N images: what is given of each, shape (N, F), and its points by score, shape (N,) each."""

    seen: Sequence[ImageFeatures]
    groups: Sequence[str]
    given: Numbers
    points: Mapping[str, Numbers]

    def only(self, *, readers: bool) -> "_Labelled":
        """Take those with readers' scores, or those without."""
        kept = [
            place
            for place, one in enumerate(self.seen)
            if (one.image.label is LabelKind.READERS) is readers
        ]
        return _Labelled(
            seen=[self.seen[place] for place in kept],
            groups=[self.groups[place] for place in kept],
            given=self.given[kept],
            points={score: points[kept] for score, points in self.points.items()},
        )


def settled_basis(choice: HeadChoice, findings: Sequence[str]) -> Basis:
    """Settle what the head is fitted on.

    Raises
    ------
    UsageError
        The backbone does not give that.
    """
    basis = choice.basis or usual_basis(choice.kind, findings)
    if basis not in bases(findings):
        raise UsageError(f"the backbone gives no {basis}, only {', '.join(bases(findings))}")
    return basis


def train(
    choice: HeadChoice,
    folder: LabelledFolder,
    seen: Sequence[SeenOrRejected],
    network: FeatureExtractor,
) -> Trained:
    """Fit a head on all images, and measure the same kind of head on images it was not fitted on.

    Deterministic: one thread for each sum, and every draw is seeded.

    Parameters
    ----------
    seen
        What was seen of each of the folder's images, in their order.
    network
        That saw them, in fp32.

    Raises
    ------
    UsageError
        Too few images remain.
    """
    rejected = {
        image.name: one
        for image, one in zip(folder.images, seen, strict=True)
        if isinstance(one, Rejection)
    }
    images = [one for one in seen if isinstance(one, ImageFeatures)]
    basis = settled_basis(choice, network.backbone.findings)
    known = _labelled(images, basis, network.backbone.findings) if images else None
    judged = _judged(known) if known else None
    groups = len(set(judged.groups)) if judged else 0
    if known is None or judged is None or groups < LEAST_GROUPS:
        raise UsageError(
            f"{len(judged.seen) if judged else 0} images of {groups} patients do not tell how good "
            f"a head is: {LEAST_GROUPS} patients are needed, and many more for a good one "
            f"({len(folder.missing)} images are missing, {len(rejected)} were rejected)"
        )
    scales = {EXTENT: READERS_EXTENT_SCALE, OPACITY: folder.opacity}
    with threadpool_limits(limits=1, user_api="blas"):
        measured, calibration = _judge(choice, known, judged, scales)
        fit = fitting(choice.kind, seed=choice.seed)
        chains = {score: fit(known.given, known.points[score], known.groups) for score in _SCORES}
    extent, opacity = (_whole(chains[score].chain, basis, network) for score in _SCORES)
    head = Head(
        name=choice.name,
        backbone=network.name,
        takes=HeadInput.FEATURES if basis is Basis.FEATURES else HeadInput.LOGITS,
        layers=(extent, opacity),
        geographic_extent=READERS_EXTENT_SCALE,
        opacity=folder.opacity,
    )
    used = ImagesUsed(folder, known.seen, known.groups, rejected)
    fitted = Fitted(choice, basis, {score: chains[score].chosen for score in _SCORES})
    model = StoredModel(
        head=head,
        source=choice.source or "trained on this machine (cxr-severity train)",
        licence=choice.licence,
        weights_sha256=network.weights_sha256,
        measured=measured_record(measured, judged.seen, judged.groups),
        training=training_record(used, fitted, cautions(used, fitted, head)),
        calibration=calibration,
    )
    version = head.version(
        weights_sha256=network.weights_sha256,
        precision=Precision.FP32,
        calibration_sha256=calibration.sha256,
    )
    return Trained(model, version, calibration, folder.missing, rejected)


def with_errors(trained: Trained, extent: MeasurementError, opacity: MeasurementError) -> Trained:
    """Add what is known of how scores move although the patient does not."""
    before = trained.calibration
    calibration = Calibration(
        replace(before.geographic_extent, error=extent), replace(before.opacity, error=opacity)
    )
    return replace(
        trained,
        model=replace(trained.model, calibration=calibration),
        version=replace(trained.version, calibration_sha256=calibration.sha256),
        calibration=calibration,
    )


def _labelled(images: Sequence[ImageFeatures], basis: Basis, findings: Sequence[str]) -> _Labelled:
    groups, _ = grouped(images)
    outputs = outputs_of(images)
    given = (
        outputs[HeadInput.FEATURES]
        if basis is Basis.FEATURES
        else outputs[HeadInput.LOGITS][:, columns(basis, findings)]
    )
    points = {
        EXTENT: np.array([one.image.extent for one in images]),
        OPACITY: np.array([one.image.opacity for one in images]),
    }
    return _Labelled(images, groups, given.astype(float), points)


def _judged(known: _Labelled) -> _Labelled:
    """Take the images that a head is measured on: those that readers scored, if any were."""
    scored = known.only(readers=True)
    return scored if scored.seen else known


def _judge(
    choice: HeadChoice, known: _Labelled, judged: _Labelled, scales: Mapping[str, Scale]
) -> tuple[dict[str, Measured], Calibration]:
    """Measure this kind of head on images of patients that it was not fitted on."""
    measured, calibrated = {}, {}
    for score in _SCORES:
        fit, given, points = _fit(choice, known, judged, score), judged.given, judged.points[score]
        system = System(choice.name, given, given, fit, np.ones(len(given), bool))
        groups, scale = judged.groups, scales[score]
        measured[score] = measure(
            system, points, groups=groups, scale=scale, opacity=score == OPACITY
        )
        predicted = out_of_fold(fit, given, points, groups=groups, scale=scale)
        # How scores move although the patient does not is measured on a model: `with_errors`.
        unknown = MeasurementError(repeats=None, perturbations=None)
        calibrated[score] = ScoreCalibration(margins(predicted, scale), unknown)
    return measured, Calibration(calibrated[EXTENT], calibrated[OPACITY])


def _fit(choice: HeadChoice, known: _Labelled, judged: _Labelled, score: str) -> Fit:
    """Return the fit of the kind of head; images that are not measured join it."""
    fit = predicting(fitting(choice.kind, seed=choice.seed))
    if judged is known:
        return fit
    others = known.only(readers=False)
    images = AuxiliaryImages(others.given, others.points[score], others.groups)
    return with_auxiliary_images(fit, images, measured=judged.groups)


def _whole(chain: Chain, basis: Basis, network: FeatureExtractor) -> Chain:
    """Let a chain on some outputs take all that the backbone gives."""
    if basis is Basis.FEATURES:
        return chain
    findings = network.backbone.findings
    return expand_to_all_logits(chain, columns(basis, findings), width=len(findings))
