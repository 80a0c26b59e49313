from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from numpy.typing import NDArray

from training.head import model_inputs
from training.images import TrainingImage, collection_images, cxnet_images
from training.triage_images import TriageImages, copies
from training.triage_validation import REPEATS, Examples, by_patient, by_source, splits_by_patient

PATIENTS, IMAGES_EACH = 36, 3
SOURCES = ("cidc", "cxnet", "nih")


def examples(*, told_by: str) -> tuple[Examples, TriageImages]:
    """Three sources with the three classes; a feature means a class in all sources or in one."""
    patient = np.arange(PATIENTS).repeat(IMAGES_EACH)
    source, classes = patient % 3, patient // 3 % 3
    features = np.random.default_rng(0).normal(0, 0.3, (len(patient), 9))
    told = {"class": classes, "class of this source": 3 * source + classes}
    features += 3 * np.eye(9)[told[told_by]]
    images = tuple(
        TrainingImage(path=Path(f"{place}"), source=SOURCES[source[place]], patient=f"p{one}")
        for place, one in enumerate(patient)
    )
    groups = tuple(image.patient for image in images)
    return Examples(features, classes, groups), TriageImages(images, classes, groups)


def likeliest(probabilities: NDArray[np.floating]) -> NDArray[np.intp]:
    found: NDArray[np.intp] = probabilities.argmax(axis=1)
    return found


def test_no_patient_is_on_both_sides_of_a_fold_and_each_image_is_left_once() -> None:
    given, _ = examples(told_by="class")
    groups = np.array(given.groups)

    repeats = list(splits_by_patient(given))

    assert len(repeats) == REPEATS
    for folds in repeats:
        for kept, left in folds:
            assert not set(groups[kept]) & set(groups[left])
        assert sorted(np.concatenate([left for _, left in folds])) == list(range(len(groups)))


def test_repeats_are_split_otherwise() -> None:
    given, _ = examples(told_by="class")

    first = [tuple(folds[0][1]) for folds in splits_by_patient(given)]

    assert len(set(first)) == REPEATS


def test_what_the_features_say_of_the_class_is_found_by_patient_and_by_source() -> None:
    given, images = examples(told_by="class")

    for found in (next(by_patient(given)), by_source(given, images)):
        assert found.sum(axis=1) == pytest.approx(np.ones(len(found)))
        assert (likeliest(found) == given.classes).mean() > 0.95


def test_what_means_a_class_in_its_own_source_alone_is_not_found_without_it() -> None:
    given, images = examples(told_by="class of this source")

    with_source, without = next(by_patient(given)), by_source(given, images)

    assert (likeliest(with_source) == given.classes).mean() > 0.95
    assert (likeliest(without) == given.classes).mean() < 0.6


@pytest.mark.parametrize(
    ("original", "copy"),
    [
        ("1-s2.0-S1684118220300608-main.pdf-001.jpg", "0036.jpg"),
        ("4c0fcf57.jpg", "0548.jpg"),  # a crop, which a hash does not find
    ],
)
def test_an_image_and_its_copy_in_another_collection_are_paired(
    data: Path, original: str, copy: str
) -> None:
    both = [image for image in collection_images(data) if image.path.name == original]
    both += [image for image in cxnet_images(data) if image.path.name in {copy, "0000.jpg"}]
    places = {image.path.name: place for place, image in enumerate(both)}

    found = copies(both, model_inputs(both).numpy()[:, 0], overlapping=frozenset({"cidc", "cxnet"}))

    assert set(found) == {(places[original], places[copy])}
