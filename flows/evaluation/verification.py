"""Recompute the published predictions, to verify an installation."""

import os
from pathlib import Path

from flows.errors import UsageError
from flows.models.catalogue import describe
from flows.resources import Progress, Resources
from flows.scoring.single_files import score_files
from flows.settings import Settings
from severity.domain import ModelVersion
from severity.evaluation.published_predictions import (
    EXTENT_SCALE,
    OPACITY_SCALE,
    Origin,
    Prediction,
    UnreadableReference,
    Verdict,
    compare,
    parse_predictions,
)

_IMAGES = Path("cidc/images")
_REFERENCES = {
    Origin.NOTEBOOK: Path("reference/published_geographic_extent.csv"),
    Origin.README: Path("reference/published_readme_examples.csv"),
}


def verify(name: str, settings: Settings, data: Path) -> tuple[ModelVersion, Verdict]:
    """Score the images of the published predictions, as `score` does, and compare.

    Parameters
    ----------
    name
        The model.
    settings
        The settings of the installation that is verified.
    data
        Folder with ``cidc/images`` and ``reference``.

    Raises
    ------
    UsageError
        A table or the folder of images is absent, or the model is on other scales.
    ModelUnavailable
        The model cannot be loaded.
    """
    predictions = _predictions(data)
    _check_scales(name, settings)
    if not (data / _IMAGES).is_dir():
        raise UsageError(f"there is no folder {data / _IMAGES}")
    images = {prediction.image: data / _IMAGES / prediction.image for prediction in predictions}
    # Of a name that is too long `Path.is_file` raises.
    present = [path for path in images.values() if os.path.isfile(path)]  # noqa: PTH113
    resources = Resources(
        settings.model_copy(update={"model": name, "precision": "fp32"}), Progress()
    )
    results = score_files(present, resources)
    scores = {
        Path(result.file).name: result.score for result in results if result.score is not None
    }
    rejected = {
        Path(result.file).name: f"{result.reason}: {result.detail}"
        for result in results
        if result.score is None
    }
    return resources.load_model().version, compare(predictions, scores, rejected)


def _predictions(data: Path) -> list[Prediction]:
    predictions = []
    for origin, place in _REFERENCES.items():
        try:
            content = (data / place).read_text(encoding="utf-8-sig")
            predictions += parse_predictions(content, origin)
        except (OSError, UnicodeDecodeError, UnreadableReference) as error:
            raise UsageError(f"{data / place} is not the published table: {error}") from error
    return predictions


def _check_scales(name: str, settings: Settings) -> None:
    model = describe(name, settings)
    if (model.geographic_extent, model.opacity) != (EXTENT_SCALE, OPACITY_SCALE):
        raise UsageError(
            f"{name} scores opacity from {model.opacity.lowest:g} to {model.opacity.highest:g} "
            f"points; the published predictions are from {OPACITY_SCALE.lowest:g} to "
            f"{OPACITY_SCALE.highest:g}, and none is published for this model"
        )
