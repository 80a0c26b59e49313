"""Select the images that may train a backbone that is measured on the scored ones.

No image of a scored patient may train it, under whatever name: the collections overlap, and
one of them publishes some patients twice, under two patient ids.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from severity.evaluation.splits import groups_of
from training.duplicates import Match, ReducedImages, matches
from training.images import SCORED_WITHOUT_FILE, TrainingImage, patients


@dataclass(frozen=True)
class Selection:
    """The images to train on and to measure on, and the matches that excluded others."""

    training: tuple[TrainingImage, ...]
    scored: tuple[TrainingImage, ...]
    groups: tuple[str, ...]
    """For each scored image its patient, or the group of patients who share an image."""
    linked: tuple[Match, ...]
    """Images of the collection that tie another patient id to a scored patient."""
    duplicates: tuple[Match, ...]
    """Images of the other collections that show a scored patient."""

    def removed(self) -> dict[str, int]:
        """Count the near-duplicates that were left out, by source."""
        return dict(Counter(match.image.source for match in (*self.linked, *self.duplicates)))


def select(
    collection: Sequence[TrainingImage],
    others: Sequence[TrainingImage],
    *,
    report: Callable[[str], None],
) -> Selection:
    """Select images without the scored patients, those tied to them, and copies of their images.

    Parameters
    ----------
    collection
        Frontal images with patient ids, the scored ones among them.
    others
        Images of other collections.
    """
    scored = tuple(image for image in collection if image.score is not None)
    reduced_images = ReducedImages()
    excluded = patients(scored) | frozenset(SCORED_WITHOUT_FILE.values())
    linked: list[Match] = []
    newly_excluded = excluded
    while newly_excluded:
        references = [image for image in collection if image.patient in newly_excluded]
        rest = [image for image in collection if image.patient not in excluded]
        new_matches = matches(references, rest, reduced_images)
        linked += new_matches
        newly_excluded = patients(match.image for match in new_matches)
        excluded |= newly_excluded
    for match in linked:
        report(f"tied: {_described(match)}")
    tied = patients(match.image for match in linked)
    report(f"{len(linked)} images tie {len(tied)} more patient ids")
    references = [image for image in collection if image.patient in excluded]
    duplicates = matches(references, others, reduced_images)
    for match in duplicates:
        report(f"left out: {_described(match)}")
    report(f"{len(duplicates)} near-duplicates of {len(references)} images in other collections")
    left_out = {match.image.path for match in duplicates}
    return Selection(
        training=tuple(
            image
            for image in (*collection, *others)
            if image.patient not in excluded and image.path not in left_out
        ),
        scored=scored,
        groups=scored_groups(scored, matches(scored, scored, reduced_images)),
        linked=tuple(linked),
        duplicates=tuple(duplicates),
    )


def scored_groups(scored: Sequence[TrainingImage], shared: Iterable[Match]) -> tuple[str, ...]:
    """Return the patient of each image; patients who share an image share the first one's name."""
    place = {image.path: number for number, image in enumerate(scored)}
    return groups_of(
        [image.patient for image in scored],
        [(place[match.image.path], place[match.reference.path]) for match in shared],
    )


def _described(match: Match) -> str:
    image, reference = match.image.path.name, match.reference.path.name
    return f"{match.image.source} {image} shows {reference} ({match.agreement:.2f})"


def counts(images: Iterable[TrainingImage]) -> Mapping[str, int]:
    """Count the images of each source."""
    return dict(sorted(Counter(image.source for image in images).items()))
