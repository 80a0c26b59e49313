"""The splits of the evaluation, and the groups that no split divides."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupShuffleSplit

SPLITS = 50
"""As many as Cohen et al. 2020 used."""

Places = NDArray[np.intp]


def groups_of(patients: Sequence[str], linked: Iterable[tuple[int, int]]) -> tuple[str, ...]:
    """Return the group of each image: everything that patients and links tie together.

    Parameters
    ----------
    patients
        The patient of each image.
    linked
        Pairs of images, by place, that must not be separated: near-duplicates.

    Returns
    -------
    For each image the first, in the order of text, of all patients in its group.
    """
    above = {patient: patient for patient in patients}

    def root(patient: str) -> str:
        while above[patient] != patient:
            above[patient] = above[above[patient]]
            patient = above[patient]
        return patient

    for first, second in linked:
        joined = root(patients[first]), root(patients[second])
        above[max(joined)] = min(joined)
    return tuple(root(patient) for patient in patients)


def halves(groups: Sequence[str], *, splits: int = SPLITS) -> Iterator[tuple[Places, Places]]:
    """Yield the images of the training and the test half of each split; no group is in both.

    Split i is drawn with seed i. Groups must be texts: the splitter draws from them in sorted
    order, so that patients numbered 2 and 10 would be split otherwise than "2" and "10", as
    the published table has them.
    """
    rows = np.zeros((len(groups), 1))
    for seed in range(splits):
        splitter = GroupShuffleSplit(n_splits=1, test_size=0.5, random_state=seed)
        yield from splitter.split(rows, groups=groups)
