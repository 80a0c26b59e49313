from pathlib import Path

import pytest

from severity.heads.triage import CLASSES, TriageClass
from training.images import ReaderScore, TrainingImage, collection_images, cxnet_images, nih_images
from training.triage_images import triage_class, with_classes, without_source


def image(
    name: str, *, source: str, patient: str = "", diagnosis: str = "COVID-19"
) -> TrainingImage:
    return TrainingImage(
        path=Path(name),
        source=source,
        patient=patient or name,
        findings=frozenset({"Pneumonia"}) if source == "nih" else None,
        abnormal=True,
        diagnosis=diagnosis if source == "cidc" else None,
    )


@pytest.mark.parametrize(
    ("diagnosis", "shown"),
    [
        ("COVID-19", TriageClass.COVID_19),
        ("COVID-19, ARDS", TriageClass.COVID_19),
        ("No Finding", TriageClass.NO_FINDING),
        ("Streptococcus", TriageClass.OTHER_PNEUMONIA),
        ("ARDS", None),
    ],
)
def test_an_image_of_the_collection_is_of_its_diagnosis(
    diagnosis: str, shown: TriageClass | None
) -> None:
    assert triage_class(image("a", source="cidc", diagnosis=diagnosis)) == shown


@pytest.mark.parametrize(
    ("findings", "shown"),
    [
        (frozenset(), TriageClass.NO_FINDING),
        (frozenset({"Pneumonia", "Edema"}), TriageClass.OTHER_PNEUMONIA),
        (frozenset({"Infiltration", "Consolidation"}), None),
    ],
)
def test_other_pneumonia_is_what_a_report_calls_pneumonia(
    findings: frozenset[str], shown: TriageClass | None
) -> None:
    reported = TrainingImage(path=Path("a"), source="nih", patient="nih-1", findings=findings)

    assert triage_class(reported) == shown


def test_an_image_on_which_nothing_is_seen_is_not_called_covid_19() -> None:
    nothing = ReaderScore(patient="a", extent=0.0, opacity=0.0)
    little = ReaderScore(patient="a", extent=0.3, opacity=0.3)

    def scored(score: ReaderScore) -> TrainingImage:
        return TrainingImage(
            Path("a"), source="cidc", patient="a", diagnosis="COVID-19", score=score
        )

    assert triage_class(scored(nothing)) is None
    assert triage_class(scored(little)) == TriageClass.COVID_19
    assert (
        triage_class(TrainingImage(Path("b"), source="cxnet", patient="b", abnormal=False)) is None
    )


def test_patients_and_copies_stay_in_one_group_through_an_image_that_is_left_out() -> None:
    images = [
        image("0", source="cidc", patient="a"),
        image("1", source="cidc", patient="a", diagnosis="ARDS"),
        image("2", source="cxnet"),
        image("3", source="cxnet"),
    ]

    classed = with_classes(images, [(1, 2)])

    assert [each.path.name for each in classed.images] == ["0", "2", "3"]
    assert classed.groups[0] == classed.groups[1] != classed.groups[2]


def test_leaving_a_source_out_leaves_out_its_images_patients_and_copies() -> None:
    images = [
        image("0", source="cidc", patient="a"),
        image("1", source="cxnet"),  # a copy of the image before
        image("2", source="cxnet"),
        image("3", source="nih"),
    ]
    classed = with_classes(images, [(0, 1)])

    train, test = without_source(classed, "cidc")

    assert [classed.images[row].path.name for row in test] == ["0"]
    assert [classed.images[row].path.name for row in train] == ["2", "3"]


@pytest.fixture(scope="module")
def everything(data: Path) -> list[TrainingImage]:
    return [*collection_images(data), *nih_images(data), *cxnet_images(data)]


def test_every_image_with_a_class_is_counted_once(everything: list[TrainingImage]) -> None:
    classed = with_classes(everything, [])

    assert CLASSES == ("no_finding", "other_pneumonia", "covid_19")
    assert classed.counts() == {"cidc": [19, 81, 419], "cxnet": [0, 0, 854], "nih": [500, 500, 0]}
