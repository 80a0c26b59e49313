"""A fitted head as text for a person and as JSON for programs."""

import json

import numpy as np

from flows.head_training.fit import Trained
from flows.models.fit_record import FITTED_ON
from flows.models.text import errors_text
from severity.domain import RESEARCH_USE_ONLY, Scale
from severity.reliability.calibration import COVERAGE, ScoreCalibration

_SCORES = ("geographic_extent", "opacity")


def trained_lines(trained: Trained) -> list[str]:
    """Return lines on the head, its images and its errors; no image is named."""
    model, training = trained.model, trained.model.training
    head = training["head"]
    labels = ", ".join(f"{count} {kind}" for kind, count in training["images_by_label"].items())
    images = (
        f"{training['images']} images of {training['groups']} groups of patients ({labels}); "
        f"{len(trained.missing)} missing, {len(trained.rejected)} rejected"
    )
    return [
        f"{model.head.name}: {head['kind']} on {head['on']} of {model.head.backbone}",
        images,
        *(_measured(trained, score) for score in _SCORES),
        f"{model.measured['n_images']} images measured: {model.measured['protocol']}",
        *(f"CAUTION: {caution}" for caution in training["cautions"]),
        f"head SHA-256 {model.head.sha256}",
        f"model version {trained.version.key}",
        RESEARCH_USE_ONLY,
    ]


def left_out_lines(trained: Trained) -> list[str]:
    """Return a line for each image that was left out, with the reason."""
    missing = [f"{name}: missing" for name in trained.missing]
    return missing + [
        f"{name}: rejected: {rejection.reason}: {rejection.detail}"
        for name, rejection in trained.rejected.items()
    ]


def trained_json(trained: Trained) -> str:
    """Return the model, its measurements and what was left out as JSON for programs."""
    model = trained.model
    document = {
        "notice": RESEARCH_USE_ONLY,
        "name": model.head.name,
        "model_version": trained.version.key,
        "backbone": model.head.backbone,
        "weights_sha256": model.weights_sha256,
        "head_sha256": model.head.sha256,
        "calibration_sha256": trained.calibration.sha256,
        "measured": model.measured,
        "training": {k: v for k, v in model.training.items() if k != FITTED_ON},
        "missing": list(trained.missing),
        "rejected": {
            name: f"{rejection.reason}: {rejection.detail}"
            for name, rejection in trained.rejected.items()
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _measured(trained: Trained, score: str) -> str:
    calibration: ScoreCalibration = getattr(trained.calibration, score)
    width = _width(calibration, getattr(trained.version, score))
    change = calibration.error.smallest_detectable_change
    # Altered images do not breathe: without repeats the change is larger than is known.
    least = "" if calibration.error.repeats else "at least "
    parts = [
        errors_text(trained.model.measured[score]),
        f"{COVERAGE * 100:.0f} % intervals {width:.1f} points wide at the middle of the scale",
        "smallest detectable change "
        + ("not known" if change is None else f"{least}{change:.1f} points"),
    ]
    return f"{score.replace('_', ' ')}: {'; '.join(parts)}"


def _width(calibration: ScoreCalibration, scale: Scale) -> float:
    middle = np.array([(scale.lowest + scale.highest) / 2])
    (interval,) = calibration.margins.around(middle, scale)
    return interval.high - interval.low
