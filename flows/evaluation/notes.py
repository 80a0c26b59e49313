"""Notes for the reader of an evaluation's numbers. No image is named here."""

from collections.abc import Collection, Sequence

from flows.labelled_images.features import ImageFeatures
from flows.models.fit_record import FITTED_ON
from flows.models.store import short_hash
from severity.domain import ModelVersion, Scale
from severity.evaluation.cidc_images import among_scored_cidc
from severity.evaluation.systems import AS_IT_IS, System
from severity.heads.published import LINEAR_NAME
from severity.models.bundled_cards import BUNDLED, bundled_card

FittedOn = Collection[str] | None
"""The images on which a head was fitted, by `short_hash`; None if that is not known."""


def notes(
    images: Sequence[ImageFeatures], links: int, version: ModelVersion, opacity: Scale
) -> list[str]:
    """List what is unusual about these images, and how that was treated.

    Parameters
    ----------
    links
        Pairs of patients whom near-duplicates tie together.
    opacity
        The readers' scale.
    """
    lines = patient_notes(images)
    if links:
        lines.append(f"Pairs of patients who share an image, and so a group: {links}.")
    if version.opacity != opacity:
        lines.append(
            "The head's opacity was stretched to the readers' scale, "
            f"{opacity.lowest:g} to {opacity.highest:g}."
        )
    return lines


def patient_notes(images: Sequence[ImageFeatures]) -> list[str]:
    """List how many images have no patient, if any has none."""
    without_patient = sum(not image.patient for image in images)
    note = (
        f"{without_patient} images have no patient (patient_id in metadata.csv): each counts as a "
        "patient of its own."
    )
    return [note] if without_patient else []


def comparator_notes(comparators: Sequence[System]) -> list[str]:
    """List the published systems that have no output for some images."""
    by_count: dict[int, list[str]] = {}
    for system in comparators:
        by_count.setdefault(int((~system.included).sum()), []).append(system.name)
    return [
        f"No output for {count} of the images, which are left out of the row: {', '.join(names)}."
        for count, names in by_count.items()
        if count
    ]


def shared_with_fit(name: str, images: Sequence[ImageFeatures], fitted_on: FittedOn = None) -> int:
    """Count the images on which a model's own head was fitted, as far as is known."""
    if fitted_on is not None:
        return sum(short_hash(image.sha256) in fitted_on for image in images)
    if not _fitted_on_cidc(name):
        return 0
    return among_scored_cidc(image.labelled.name for image in images)


def learned_by_backbone(network: str, images: Sequence[ImageFeatures]) -> int:
    """Count the images whose scores a backbone learned, as that of `compact-3` did, end to end.

    Parameters
    ----------
    network
        The bundled model whose backbone it is; no image is known for any other.
    """
    training = bundled_card(network)["training"] if network in BUNDLED else {}
    learned = frozenset(training.get(FITTED_ON, ()))
    return sum(short_hash(image.sha256) in learned for image in images)


def backbone_notes(network: str, learned: int, images: Sequence[ImageFeatures]) -> list[str]:
    """List what a backbone that learned the scores of some images means for a report's rows."""
    warning = (
        f"WARNING: the backbone of {network} was trained on the scores of {learned} of these "
        f"{len(images)} images. Every row on it, refitted ones too, shows how well it fits them, "
        "NOT how accurate it is on others."
    )
    return [warning] if learned else []


def fit_note(name: str, images: Sequence[ImageFeatures], fitted_on: FittedOn = None) -> str:
    """Return whether the head was fitted on these images, and so what "as it is" means."""
    if fitted_on is None and not _fitted_on_cidc(name):
        return (
            f'"{AS_IT_IS}": it is not known on which images the head of {name} was fitted. '
            "If these were among them, that row is no measure of accuracy."
        )
    shared = shared_with_fit(name, images, fitted_on)
    if shared:
        return (
            f"WARNING: {shared} of these {len(images)} images were used to fit the head of {name}. "
            f'The row "{AS_IT_IS}" shows how well it fits them, NOT how accurate it is on others.'
        )
    if fitted_on is not None:
        return f"None of these images is among those on which the head of {name} was fitted."
    return (
        f"None of these images is, by its name, among those on which the head of {name} was fitted."
    )


def _fitted_on_cidc(name: str) -> bool:
    """Return whether the head was fitted on the readers' scores of Cohen et al. 2020."""
    if name in BUNDLED:
        return "cidc" in bundled_card(name)["training"].get("sources", ())
    return name == LINEAR_NAME
