import numpy as np
import pytest
from numpy.typing import NDArray

from severity.evaluation.auxiliary_images import AuxiliaryImages, with_auxiliary_images
from severity.evaluation.head_fitting import (
    Basis,
    HeadKind,
    bases,
    columns,
    expand_to_all_logits,
    fitting,
    predicting,
    usual_basis,
)
from severity.evaluation.regressions import fit_ridge
from severity.heads.findings import FINDINGS
from severity.heads.head import apply_chain
from severity.models.torchxrayvision_weights import weight_set

ALL = weight_set("densenet121-res224-all").findings
RSNA = weight_set("densenet121-res224-rsna").findings


def images(*, count: int = 60, width: int = 12) -> tuple[NDArray, NDArray, list[str]]:
    """Features, points that follow a few of them, and three images for each patient."""
    random = np.random.default_rng(0)
    features = random.normal(3, 2, (count, width)) * np.linspace(0.1, 2, width)
    points = 4 + features[:, -1] - features[:, -2] + random.normal(0, 0.1, count)
    return features, points, [str(number // 3) for number in range(count)]


def error_on_others(kind: HeadKind) -> float:
    features, points, groups = images(count=240)
    predict = predicting(fitting(kind, seed=0))(features[:120], points[:120], groups[:120])
    return float(np.abs(predict(features[120:]) - points[120:]).mean())


@pytest.mark.parametrize("kind", list(HeadKind))
def test_every_kind_learns_what_other_images_follow(kind: HeadKind) -> None:
    _, points, _ = images(count=240)

    assert error_on_others(kind) < 0.35 * np.abs(points - points.mean()).mean()


@pytest.mark.parametrize("kind", list(HeadKind))
def test_the_same_images_and_seed_give_the_same_numbers(kind: HeadKind) -> None:
    first, second = (fitting(kind, seed=3)(*images()).chain for _ in range(2))

    for layer, again in zip(first, second, strict=True):
        assert layer.weight.tobytes() == again.weight.tobytes()
        assert layer.bias.tobytes() == again.bias.tobytes()


def test_another_seed_gives_another_network() -> None:
    first, second = (fitting(HeadKind.MLP, seed=seed)(*images()).chain for seed in (0, 1))

    assert not np.array_equal(first[0].weight, second[0].weight)


def test_a_ridge_head_is_the_evaluations_ridge() -> None:
    features, points, groups = images()

    chain = fitting(HeadKind.RIDGE, seed=0)(features, points, groups).chain

    expected = fit_ridge(features, points, groups)(features)
    assert apply_chain(chain, features.astype(np.float32))[:, 0] == pytest.approx(
        expected, abs=1e-4
    )


@pytest.mark.parametrize("kind", list(HeadKind))
def test_images_that_are_all_alike_give_their_points(kind: HeadKind) -> None:
    features, points, groups = np.ones((12, 3)), np.full(12, 2.5), [str(n) for n in range(12)]

    predict = predicting(fitting(kind, seed=0))(features, points, groups)

    assert predict(features) == pytest.approx(points, abs=0.05)


def test_a_linear_head_is_on_lung_opacity_where_the_backbone_has_it() -> None:
    assert usual_basis(HeadKind.LINEAR, ALL) is Basis.LUNG_OPACITY
    assert usual_basis(HeadKind.LINEAR, ()) is Basis.FEATURES
    assert usual_basis(HeadKind.RIDGE, ALL) is Basis.FEATURES
    assert Basis.FOUR_OUTPUTS not in bases(RSNA)
    assert bases(()) == [Basis.FEATURES]


def test_outputs_that_were_not_trained_are_left_out() -> None:
    assert [RSNA[column] for column in columns(Basis.OUTPUTS, RSNA)] == [
        "Pneumonia",
        "Lung Opacity",
    ]


def test_a_chain_on_some_logits_has_the_same_points_on_all() -> None:
    features, points, groups = images(width=2)
    chain = fitting(HeadKind.MLP, seed=0)(features, points, groups).chain
    logits = np.random.default_rng(1).normal(size=(len(features), len(FINDINGS)))
    logits[:, [5, 16]] = features

    whole = expand_to_all_logits(chain, [5, 16], width=len(FINDINGS))

    expected = apply_chain(chain, features.astype(np.float32))
    assert apply_chain(whole, logits.astype(np.float32)) == pytest.approx(expected, abs=1e-5)


def test_no_image_of_a_tested_patient_joins_a_fit() -> None:
    fitted_groups: list[list[str]] = []

    def noting(_features: NDArray, points: NDArray, groups: list[str]):
        fitted_groups.append(list(groups))
        return lambda unseen: np.zeros(len(unseen))

    auxiliary = AuxiliaryImages(np.zeros((3, 1)), np.zeros(3), ["a", "b", "z"])

    with_auxiliary_images(noting, auxiliary, measured=["a", "b"])(
        np.zeros((1, 1)), np.zeros(1), ["a"]
    )

    assert fitted_groups == [["a", "a", "z"]]
