"""The record that is stored with a fitted head: its images, how it was fitted, and its errors."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.evaluation.comparison import EXTENT, OPACITY, data_fingerprint
from flows.evaluation.notes import learned_by_backbone, patient_notes
from flows.labelled_images.features import ImageFeatures
from flows.labelled_images.folder import BRIXIA_LABELS, LabelKind, LabelledFolder
from flows.models.fit_record import FITTED_ON
from flows.models.store import short_hashes
from flows.resources import SOFTWARE
from flows.scoring.pipeline import Rejection
from severity.evaluation import brixia
from severity.evaluation.conformal import LEAST_GROUPS_FOR_MARGINS
from severity.evaluation.head_fitting import Basis, HeadKind, fixed_settings
from severity.evaluation.protocol import Measured
from severity.evaluation.splits import SPLITS
from severity.heads.head import Head
from severity.images.preprocessing import PREPROCESSING
from severity.models.backbone import Precision
from severity.models.bundled_cards import BUNDLED, bundled_card

_NAMES = {EXTENT: "geographic_extent", OPACITY: "opacity"}


@dataclass(frozen=True)
class HeadChoice:
    """The head to fit; a ``basis`` of None follows from the kind and the backbone."""

    name: str
    kind: HeadKind = HeadKind.RIDGE
    basis: Basis | None = None
    seed: int = 0
    source: str = ""
    licence: str = ""


@dataclass(frozen=True, eq=False)
class ImagesUsed:
    """The images that a head was fitted on, their groups, and what was left out."""

    folder: LabelledFolder
    images: Sequence[ImageFeatures]
    groups: Sequence[str]
    rejected: Mapping[str, Rejection]

    @property
    def measured_groups(self) -> int:
        """Count the groups of the images that readers scored, if they scored any; else of all."""
        kinds = {LabelKind.READERS} if self.labelled(LabelKind.READERS) else set(LabelKind)
        pairs = zip(self.images, self.groups, strict=True)
        return len({group for image, group in pairs if image.labelled.label in kinds})

    def labelled(self, kind: LabelKind) -> int:
        """Count the images whose labels are of this kind."""
        return sum(image.labelled.label is kind for image in self.images)


@dataclass(frozen=True)
class Fitted:
    """How a head was fitted; ``chosen`` has the hyperparameters that the fit chose, by score."""

    choice: HeadChoice
    basis: Basis
    chosen: Mapping[str, Mapping[str, float]]


def measured_record(
    measured: Mapping[str, Measured], images: Sequence[ImageFeatures], groups: Sequence[str]
) -> dict[str, Any]:
    """Return metrics as in the cards of bundled models; an undefined one is None.

    Parameters
    ----------
    images, groups
        The images that were measured, and their groups.
    """
    return {
        **{_NAMES[score]: _metrics(result) for score, result in measured.items()},
        "n_images": len(images),
        "n_patients": len(set(groups)),
        "splits": SPLITS,
        "protocol": (
            f"{SPLITS} random 50/50 splits grouped by patient and near-duplicates "
            f"(GroupShuffleSplit, seeds 0-{SPLITS - 1}); the same kind of head fitted on the "
            "training half, measured on the other half; predictions clipped to the scale"
        ),
    }


def _metrics(measured: Measured) -> dict[str, float | None]:
    mae, r = measured.metrics["mae"], measured.metrics["pearson"]
    numbers = {"mae": mae.mean, "mae_sd": mae.sd, "r": r.mean, "r_sd": r.sd}
    return {k: round(v, 4) if math.isfinite(v) else None for k, v in numbers.items()}


def training_record(
    used: ImagesUsed, fitted: Fitted, caution_lines: Sequence[str]
) -> dict[str, Any]:
    """Return how a head was fitted; no image, patient or time is in it: a time would differ.

    Parameters
    ----------
    caution_lines
        The result of `cautions`.
    """
    brixia_images = used.labelled(LabelKind.BRIXIA)
    return {
        "images": len(used.images),
        "groups": len(set(used.groups)),
        "images_by_label": {kind.value: used.labelled(kind) for kind in LabelKind},
        "label_files": dict(used.folder.label_files),
        "label_mapping": brixia.MAPPING if brixia_images else "",
        "missing": len(used.folder.missing),
        "rejected": dict(
            sorted(Counter(str(rejection.reason) for rejection in used.rejected.values()).items())
        ),
        "data_fingerprint": data_fingerprint(used.folder, used.images),
        "head": {
            "kind": fitted.choice.kind.value,
            "on": fitted.basis.value,
            **fixed_settings(fitted.choice.kind),
            "chosen": {
                _NAMES[score]: dict(parameters) for score, parameters in fitted.chosen.items()
            },
        },
        "seed": fitted.choice.seed,
        "preprocessing": PREPROCESSING,
        "precision": Precision.FP32.value,
        "software": SOFTWARE,
        "cautions": list(caution_lines),
        FITTED_ON: short_hashes(image.sha256 for image in used.images),
    }


def cautions(used: ImagesUsed, fitted: Fitted, head: Head) -> list[str]:
    """List the limits of this model's scores and numbers. No image is named."""
    return list(_cautions(used, fitted, head))


def _cautions(used: ImagesUsed, fitted: Fitted, head: Head) -> Iterator[str]:
    if proxies := used.labelled(LabelKind.BRIXIA):
        yield f"Of {proxies} images, {brixia.MAPPING}. Evidence: {brixia.EVIDENCE}."
        if proxies == len(used.images):
            yield (
                "Errors and intervals are against these proxy labels, not against readers of "
                "extent and opacity, and both scores follow one number."
            )
        else:
            yield (
                "Measured only on images that readers scored on both scales; the others joined the "
                "fits, except images of the patients that a fit was tested on."
            )
    if ignored := used.folder.ignored_columns:
        yield f"No reader's, and ignored, in {BRIXIA_LABELS}: {', '.join(ignored)}."
    if learned := learned_by_backbone(head.backbone, used.images):
        yield (
            f"The backbone of {head.backbone} was trained on the scores of {learned} of these "
            "images: errors and intervals are too small, and larger on new images."
        )
    if head.backbone in BUNDLED:
        sources = ", ".join(bundled_card(head.backbone)["training"]["sources"])
        yield (
            f"The backbone of {head.backbone} was itself trained on public images ({sources}): "
            "on its training images, errors are smaller than on new ones (docs/model-card.md)."
        )
    if fitted.choice.kind is HeadKind.LINEAR and _inputs(fitted, head) >= len(used.images):
        yield (
            f"A linear head on {_inputs(fitted, head)} inputs and {len(used.images)} images goes "
            "through all of its own labels: only the errors on other images mean anything."
        )
    yield from patient_notes(used.images)
    if used.measured_groups < LEAST_GROUPS_FOR_MARGINS:
        yield (
            f"Fewer than {LEAST_GROUPS_FOR_MARGINS} groups of patients: no interval narrower than "
            "the scale can be promised."
        )


def _inputs(fitted: Fitted, head: Head) -> int:
    """Count the inputs with a weight other than zero: a head on logits uses only some of them."""
    if fitted.basis is Basis.FEATURES:
        return head.inputs
    return int(head.layers[0][0].weight.any(axis=1).sum())
