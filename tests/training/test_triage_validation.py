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


def examples(*, by: str) -> tuple[Examples, TriageImages]:
    """Three sources with the three classes; a feature marks a class in all sources or in one."""
    patient = np.arange(PATIENTS).repeat(IMAGES_EACH)
    source, classes = patient % 3, patient // 3 % 3
    features = np.random.default_rng(0).normal(0, 0.3, (len(patient), 9))
    columns = {"class": classes, "class of this source": 3 * source + classes}
    features += 3 * np.eye(9)[columns[by]]
    images = tuple(
        TrainingImage(path=Path(f"{place}"), source=SOURCES[source[place]], patient=f"p{number}")
        for place, number in enumerate(patient)
    )
    groups = tuple(image.patient for image in images)
    return Examples(features, classes, groups), TriageImages(images, classes, groups)


def likeliest(probabilities: NDArray[np.floating]) -> NDArray[np.intp]:
    classes: NDArray[np.intp] = probabilities.argmax(axis=1)
    return classes


def test_no_patient_is_on_both_sides_of_a_fold_and_each_image_is_tested_once() -> None:
    marked, _ = examples(by="class")
    groups = np.array(marked.groups)

    repeats = list(splits_by_patient(marked))

    assert len(repeats) == REPEATS
    for folds in repeats:
        for training, test in folds:
            assert not set(groups[training]) & set(groups[test])
        assert sorted(np.concatenate([test for _, test in folds])) == list(range(len(groups)))


def test_repeats_are_split_differently() -> None:
    marked, _ = examples(by="class")

    first = [tuple(folds[0][1]) for folds in splits_by_patient(marked)]

    assert len(set(first)) == REPEATS


def test_features_that_mark_a_class_classify_by_patient_and_by_source() -> None:
    marked, images = examples(by="class")

    for probabilities in (next(by_patient(marked)), by_source(marked, images)):
        assert probabilities.sum(axis=1) == pytest.approx(np.ones(len(probabilities)))
        assert (likeliest(probabilities) == marked.classes).mean() > 0.95


def test_features_that_mark_a_class_in_its_own_source_alone_fail_without_it() -> None:
    marked, images = examples(by="class of this source")

    with_source, without = next(by_patient(marked)), by_source(marked, images)

    assert (likeliest(with_source) == marked.classes).mean() > 0.95
    assert (likeliest(without) == marked.classes).mean() < 0.6


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
    images = [image for image in collection_images(data) if image.path.name == original]
    images += [image for image in cxnet_images(data) if image.path.name in {copy, "0000.jpg"}]
    places = {image.path.name: place for place, image in enumerate(images)}

    inputs = model_inputs(images).numpy()[:, 0]

    pairs = copies(images, inputs, overlapping=frozenset({"cidc", "cxnet"}))

    assert set(pairs) == {(places[original], places[copy])}
