"""What a reader of an evaluation's numbers must know. No image is named here."""

from collections.abc import Collection, Sequence

from flows.labelled_images.features import ImageFeatures
from flows.models.store import short_hash
from severity.domain import ModelVersion, Scale
from severity.evaluation.cidc_images import among_scored_cidc
from severity.evaluation.systems import AS_IT_IS, System
from severity.heads.published import LINEAR_NAME
from severity.models.bundled_cards import BUNDLED, bundled_card

FittedOn = Collection[str] | None
"""The images on which a head was fitted here, by `short_hash`; None if that is not known."""


def notes(
    images: Sequence[ImageFeatures], links: int, version: ModelVersion, opacity: Scale
) -> list[str]:
    """Say what is unusual about these images, and what was done about it.

    Parameters
    ----------
    links
        Pairs of patients whom near-duplicates tie together.
    opacity
        The readers' scale.
    """
    said = []
    nobody = sum(not one.patient for one in images)
    if nobody:
        said.append(f"{nobody} images have no patient: each counts as a patient of its own.")
    if links:
        said.append(f"Pairs of patients who share an image, and so a group: {links}.")
    if version.opacity != opacity:
        said.append(
            "The head's opacity was stretched to the readers' scale, "
            f"{opacity.lowest:g} to {opacity.highest:g}."
        )
    return said


def comparator_notes(comparators: Sequence[System]) -> list[str]:
    """Say which published systems have no output for some images."""
    by_count: dict[int, list[str]] = {}
    for one in comparators:
        by_count.setdefault(int((~one.included).sum()), []).append(one.name)
    return [
        f"No output for {count} of the images, which take no part in the row: {', '.join(names)}."
        for count, names in by_count.items()
        if count
    ]


def shared_with_fit(name: str, images: Sequence[ImageFeatures], fitted_on: FittedOn = None) -> int:
    """Count the images on which a model's own head was fitted, as far as is known."""
    if fitted_on is not None:
        return sum(short_hash(one.sha256) in fitted_on for one in images)
    if not _fitted_on_cidc(name):
        return 0
    return among_scored_cidc(one.image.name for one in images)


def fit_note(name: str, images: Sequence[ImageFeatures], fitted_on: FittedOn = None) -> str:
    """Say what "as it is" means for this model: whether its head was fitted on these images."""
    if fitted_on is None and not _fitted_on_cidc(name):
        return (
            f'"{AS_IT_IS}": it is not known here on which images the head of {name} was fitted. '
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
    """Tell whether the head was fitted on the readers' scores of Cohen et al. 2020."""
    if name in BUNDLED:
        return "cidc" in bundled_card(name)["training"]["sources"]
    return name == LINEAR_NAME
