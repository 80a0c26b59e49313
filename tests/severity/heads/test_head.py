import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from severity.domain import Scale
from severity.errors import WrongWeights
from severity.heads.head import Chain, Head, HeadInput, Layer
from severity.heads.published import linear_on_lung_opacity


def layer(inputs: int, outputs: int, *, seed: int = 0) -> Layer:
    random = np.random.default_rng(seed)
    weight = random.normal(scale=1 / np.sqrt(inputs), size=(inputs, outputs))
    return Layer(weight, random.normal(size=outputs))


def mlp(seed: int = 0) -> Chain:
    """As scikit-learn's MLPRegressor(hidden_layer_sizes=[1000]) on 1,024 features."""
    return layer(1024, 1000, seed=seed), layer(1000, 1, seed=seed + 1)


def head(layers: tuple[Chain, Chain], **changes: object) -> Head:
    return Head(
        **{
            "name": "test-v1",
            "backbone": "densenet121-res224-all",
            "takes": HeadInput.FEATURES,
            "layers": layers,
            "geographic_extent": Scale(0, 8),
            "opacity": Scale(0, 8),
            **changes,
        }
    )


def features(count: int = 3) -> NDArray[np.float32]:
    random = np.random.default_rng(5)
    return random.uniform(0, 2, (count, 1024)).astype(np.float32)


def test_the_published_linear_head_is_slope_times_logit_plus_intercept_to_the_last_bit() -> None:
    logits = np.random.default_rng(0).normal(scale=4, size=(500, 18)).astype(np.float32)
    z = logits[:, 16]

    points = linear_on_lung_opacity().points(logits)

    extent = np.float32(0.8705248236656189) * z + np.float32(3.4137437)
    opacity = np.float32(0.5484423041343689) * z + np.float32(2.5535977)
    assert (points == np.stack([extent, opacity], axis=1)).all()


def test_an_mlp_gives_what_scikit_learn_gives() -> None:
    from sklearn.neural_network import MLPRegressor

    random = np.random.default_rng(1)
    inputs = random.uniform(0, 1, (60, 1024))
    regressors = [
        MLPRegressor(hidden_layer_sizes=[1000], max_iter=1, random_state=seed) for seed in (0, 1)
    ]
    for regressor in regressors:
        with pytest.warns(UserWarning, match="haven't converged|hasn't converged"):
            regressor.fit(inputs, random.uniform(0, 8, 60))
    fitted = tuple(
        tuple(Layer(w, b) for w, b in zip(regressor.coefs_, regressor.intercepts_, strict=True))
        for regressor in regressors
    )

    points = head(fitted).points(inputs.astype(np.float32))

    expected = np.stack([regressor.predict(inputs) for regressor in regressors], axis=1)
    assert points == pytest.approx(expected, abs=1e-4)


def test_a_hidden_layer_ends_in_a_relu_and_the_last_does_not() -> None:
    unit = np.ones((1, 1))
    chain = (Layer(-unit, np.zeros(1)), Layer(-unit, np.array([-3.0])))

    points = head((chain, chain)).points(np.array([[2], [-2]], np.float32))

    assert points.tolist() == [[-3, -3], [-5, -5]]


def test_a_batch_gets_the_points_of_each_image_alone() -> None:
    mlps = head((mlp(), mlp(2)))
    inputs = features(5)

    alone = np.concatenate([mlps.points(row[None]) for row in inputs])

    assert mlps.points(inputs) == pytest.approx(alone, abs=1e-5)


def test_another_number_of_inputs_is_refused() -> None:
    for inputs in (features()[:, :18], features()[0]):
        with pytest.raises(ValueError, match=r"test-v1 needs \(N, 1024\), not"):
            head((mlp(), mlp())).points(inputs)


def test_the_hash_changes_with_whatever_moves_a_score_and_with_nothing_else() -> None:
    chain = (layer(18, 1),)
    moved = layer(18, 1).weight.copy()
    moved[3] = np.nextafter(moved[3], 1)
    usual = head((chain, chain))
    variants = [
        head((chain, (Layer(moved, chain[0].bias),))),
        head((chain, (Layer(chain[0].weight, chain[0].bias + 1),))),
        head((chain, chain), backbone="densenet121-res224-nih"),
        head((chain, chain), takes=HeadInput.LOGITS),
        head((chain, chain), opacity=Scale(0, 6)),
        head((chain, chain), geographic_extent=Scale(0, 6)),
    ]

    assert len({variant.sha256 for variant in [usual, *variants]}) == 7
    assert head((chain, chain), name="another-name").sha256 == usual.sha256
    assert head((chain, chain), opacity=Scale(0.0, 8.0)).sha256 == usual.sha256


def test_8_and_8_point_0_are_the_same_scale() -> None:
    with_floats = head(((layer(18, 1),),) * 2, opacity=Scale(0.0, 8.0))

    assert repr(with_floats.opacity) == repr(Scale(0, 8))


def test_the_hash_of_the_published_head_never_changes() -> None:
    """It is part of the key under which scores are kept."""
    assert linear_on_lung_opacity().sha256 == (
        "2f3870edfe4ea1f183b24f44083db6a541afccc9dc47a1fbda2b82842cb406d3"
    )


def test_numbers_are_copied_and_cannot_be_written() -> None:
    weight = np.ones((3, 1), np.float32)
    made = Layer(weight, np.zeros(1))
    weight[:] = 7

    assert made.weight.tolist() == [[1], [1], [1]]
    with pytest.raises(ValueError, match="read-only"):
        made.weight[0] = 7


@pytest.mark.parametrize(
    ("weight", "bias", "message"),
    [
        (np.ones(3), np.ones(1), r"a layer needs weights .* not \(3,\) and \(1,\)"),
        (np.ones((3, 1)), np.ones((1, 1)), "a layer needs weights"),
        (np.ones((3, 2)), np.ones(1), r"weights \(3, 2\) and a bias \(1,\) make no layer"),
        (np.ones((0, 1)), np.ones(1), "make no layer"),
        (np.full((3, 1), np.nan), np.ones(1), "not finite"),
        (np.ones((3, 1)), np.array([np.inf]), "not finite"),
        (np.full((3, 1), 1e300), np.ones(1), "not finite in float32"),
    ],
)
def test_what_is_no_layer_is_refused(
    weight: NDArray[np.float64], bias: NDArray[np.float64], message: str
) -> None:
    with pytest.raises(WrongWeights, match=message):
        Layer(weight, bias)


@pytest.mark.parametrize(
    ("layers", "changes", "message"),
    [
        (((), (layer(3, 1),)), {}, "must end in one number"),
        (((layer(3, 2),), (layer(3, 1),)), {}, "must end in one number"),
        (((layer(3, 4), layer(5, 1)), (layer(3, 1),)), {}, "4 outputs .* 5 inputs"),
        (((layer(3, 1),), (layer(4, 1),)), {}, "extent has 3 inputs, opacity 4"),
        (((layer(3, 1),),) * 2, {"name": "../x"}, "is no name of a model"),
        (((layer(3, 1),),) * 2, {"name": "Upper"}, "is no name of a model"),
        (((layer(3, 1),),) * 2, {"name": "x-"}, "is no name of a model"),
        (((layer(3, 1),),) * 2, {"name": "x" * 41}, "is no name of a model"),
        (((layer(3, 1),),) * 2, {"opacity": Scale(8, 0)}, "cannot go from 8 to 0"),
        (((layer(3, 1),),) * 2, {"opacity": Scale(0, float("nan"))}, "finite ends"),
    ],
)
def test_what_is_no_head_is_refused(
    layers: tuple[Chain, Chain], changes: dict[str, object], message: str
) -> None:
    with pytest.raises(WrongWeights, match=message):
        head(layers, **changes)


def test_a_head_needs_no_torch() -> None:
    """So that models are listed and imported at once; torch takes seconds to load."""
    program = (
        "import sys, severity.heads.head_files, severity.heads.published; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
