"""What is written beside a head that was fitted here: from what, how, and how good it is."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.evaluation.comparison import EXTENT, OPACITY, data_fingerprint
from flows.labelled_images.features import ImageFeatures
from flows.labelled_images.folder import LabelKind, LabelledFolder
from flows.models.store import FITTED_ON, short_hashes
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
    """What head is fitted; ``basis`` follows from the kind and the backbone if it is None."""

    name: str
    kind: HeadKind = HeadKind.RIDGE
    basis: Basis | None = None
    seed: int = 0
    source: str = ""
    licence: str = ""


@dataclass(frozen=True, eq=False)
class ImagesUsed:
    """The images that a head was fitted on, their groups, and what took no part."""

    folder: LabelledFolder
    seen: Sequence[ImageFeatures]
    groups: Sequence[str]
    rejected: Mapping[str, Rejection]

    @property
    def measured_groups(self) -> int:
        """Count the groups of the images that readers scored, if they scored any; else of all."""
        kinds = {LabelKind.READERS} if self.labelled(LabelKind.READERS) else set(LabelKind)
        pairs = zip(self.seen, self.groups, strict=True)
        return len({group for one, group in pairs if one.image.label in kinds})

    def labelled(self, kind: LabelKind) -> int:
        """Count the images whose points rest on such labels."""
        return sum(one.image.label is kind for one in self.seen)


@dataclass(frozen=True)
class Fitted:
    """How a head was fitted; ``chosen`` is what the images decided, by score."""

    choice: HeadChoice
    basis: Basis
    chosen: Mapping[str, Mapping[str, float]]


def measured_record(
    measured: Mapping[str, Measured], images: Sequence[ImageFeatures], groups: Sequence[str]
) -> dict[str, Any]:
    """Write metrics as the cards of bundled models have them; None is not defined.

    Parameters
    ----------
    images, groups
        That were measured.
    """
    return {
        **{_NAMES[score]: _metrics(one) for score, one in measured.items()},
        "n_images": len(images),
        "n_patients": len(set(groups)),
        "splits": SPLITS,
        "protocol": (
            f"{SPLITS} random 50/50 splits grouped by patient and near-duplicates "
            f"(GroupShuffleSplit, seeds 0-{SPLITS - 1}); the same kind of head fitted on the "
            "training half, measured on the other half; predictions clipped to the scale"
        ),
    }


def _metrics(one: Measured) -> dict[str, float | None]:
    mae, r = one.metrics["mae"], one.metrics["pearson"]
    numbers = {"mae": mae.mean, "mae_sd": mae.sd, "r": r.mean, "r_sd": r.sd}
    return {k: round(v, 4) if math.isfinite(v) else None for k, v in numbers.items()}


def training_record(used: ImagesUsed, fitted: Fitted, said: Sequence[str]) -> dict[str, Any]:
    """Write how a head was fitted; no image or patient is named, nor a time, which would differ.

    Parameters
    ----------
    said
        What `cautions` says.
    """
    brixia_images = used.labelled(LabelKind.BRIXIA)
    return {
        "images": len(used.seen),
        "groups": len(set(used.groups)),
        "images_by_label": {kind.value: used.labelled(kind) for kind in LabelKind},
        "label_files": dict(used.folder.label_files),
        "label_mapping": brixia.MAPPING if brixia_images else "",
        "missing": len(used.folder.missing),
        "rejected": dict(
            sorted(Counter(str(one.reason) for one in used.rejected.values()).items())
        ),
        "data_fingerprint": data_fingerprint(used.folder, used.seen),
        "head": {
            "kind": fitted.choice.kind.value,
            "on": fitted.basis.value,
            **fixed_settings(fitted.choice.kind),
            "chosen": {_NAMES[score]: dict(one) for score, one in fitted.chosen.items()},
        },
        "seed": fitted.choice.seed,
        "preprocessing": PREPROCESSING,
        "precision": Precision.FP32.value,
        "software": SOFTWARE,
        "cautions": list(said),
        FITTED_ON: short_hashes(one.sha256 for one in used.seen),
    }


def cautions(used: ImagesUsed, fitted: Fitted, head: Head) -> list[str]:
    """Say what a reader of this model's scores and numbers must know. No image is named."""
    return list(_cautions(used, fitted, head))


def _cautions(used: ImagesUsed, fitted: Fitted, head: Head) -> Iterator[str]:
    if proxies := used.labelled(LabelKind.BRIXIA):
        yield f"Of {proxies} images, {brixia.MAPPING}. Evidence: {brixia.EVIDENCE}."
        if proxies == len(used.seen):
            yield (
                "Errors and intervals are against these stand-ins, not against readers of extent "
                "and opacity, and both scores follow one number."
            )
        else:
            yield (
                "Measured only on images that readers scored on both scales; the others joined the "
                "fits, but for those of the patients that a fit was tested on."
            )
    if head.backbone in BUNDLED:
        sources = ", ".join(bundled_card(head.backbone)["training"]["sources"])
        yield (
            f"The backbone of {head.backbone} was itself trained on public images ({sources}): "
            "on those it has seen, errors are smaller than on new ones (docs/model-card.md)."
        )
    if fitted.choice.kind is HeadKind.LINEAR and _inputs(fitted, head) >= len(used.seen):
        yield (
            f"A linear head on {_inputs(fitted, head)} inputs and {len(used.seen)} images goes "
            "through every one of its own labels: only the errors on other images mean anything."
        )
    if nobody := sum(not one.patient for one in used.seen):
        yield f"{nobody} images have no patient: each counts as a patient of its own."
    if used.measured_groups < LEAST_GROUPS_FOR_MARGINS:
        yield (
            f"Fewer than {LEAST_GROUPS_FOR_MARGINS} groups of patients: no interval narrower than "
            "the scale can be promised."
        )


def _inputs(fitted: Fitted, head: Head) -> int:
    """Count what weighs in a head: of the logits it takes only some."""
    if fitted.basis is Basis.FEATURES:
        return head.inputs
    return int(head.layers[0][0].weight.any(axis=1).sum())
