import pytest
import torch

from severity.models.architectures.efficientnet_lite import EfficientNetLite0, MirrorAveraged
from severity.models.architectures.lung_framing import lung_weights
from severity.models.architectures.lung_maps import LungNetwork
from training.compact_3.fitting import Device, Fitting, Setting
from training.compact_3.lessons import Labels, Lesson
from training.compact_3.losses import Aims, within_scale
from training.compact_3.network import MAPS, Seen, SeverityNetwork
from training.compact_3.packing import QUESTIONS
from training.compact_3.predicting import ScoredPoints
from training.compact_3.views import MAP_SIDE, Views


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand(2, 1, 224, 224, generator=torch.Generator().manual_seed(0)) * 2048 - 1024


@pytest.fixture(scope="module")
def network() -> SeverityNetwork:
    torch.manual_seed(0)
    network = SeverityNetwork(EfficientNetLite0()).eval()
    torch.nn.init.normal_(network.evidence.weight, std=0.1)
    return network


def test_the_points_are_a_linear_layer_on_a_bundled_model_s_features(network, images) -> None:
    averaged = MirrorAveraged()
    averaged.backbone.load_state_dict(network.backbone.state_dict())
    with torch.no_grad():
        features = averaged.eval()(images)
        points = ScoredPoints(network)(images)
    expected = features @ network.evidence.weight[:, :, 0, 0].T + network.evidence.bias

    assert torch.allclose(points, expected, atol=1e-4)


def test_both_lungs_together_have_the_whole_extent(network, images) -> None:
    with torch.inference_mode():
        seen = network(images)

    assert seen.maps.shape == (2, MAPS, MAP_SIDE, MAP_SIDE)
    assert torch.allclose(seen.sides().sum(dim=1), seen.points[:, 0], atol=1e-5)


def test_the_lungs_that_are_drawn_divide_the_extent() -> None:
    evidence, maps = torch.zeros(1, 2, 7, 7), torch.full((1, MAPS, MAP_SIDE, MAP_SIDE), -20.0)
    evidence[0, 0, 3, 5] = 49.0
    maps[0, 0, :, MAP_SIDE // 2 :] = 20.0  # the right lung, where a left one would be
    seen = Seen(evidence, torch.zeros(1, QUESTIONS), maps)

    right, left = seen.sides()[0].tolist()

    assert right > 0.95
    assert right + left == pytest.approx(1.0)


def test_what_lies_beside_the_lungs_counts_for_nothing_and_each_lung_counts_half() -> None:
    evidence, lungs = torch.ones(1, 2, 7, 7), torch.zeros(1, 2, MAP_SIDE, MAP_SIDE)
    lungs[0, 0, :, :24], lungs[0, 1, :, 48:] = 1, 1  # three cells wide, and one
    evidence[0, 0, :, :3], evidence[0, 0, :, 6:] = 0.2, 0.6
    maps = torch.zeros(1, MAPS, MAP_SIDE, MAP_SIDE)
    seen = Seen(evidence, torch.zeros(1, QUESTIONS), maps, lung_weights(lungs, 7))

    extent, opacity = seen.points[0].tolist()

    assert extent == pytest.approx(0.4, abs=0.02)
    assert opacity == pytest.approx(1)
    assert seen.sides()[0].tolist() == pytest.approx([0.1, 0.3], abs=0.02)


def test_the_points_that_training_measures_are_those_that_are_shipped(images) -> None:
    torch.manual_seed(0)
    network = SeverityNetwork(EfficientNetLite0(), pooled=True, framed=True).eval()
    torch.nn.init.normal_(network.evidence.weight, std=0.1)
    shipped = LungNetwork.of(network.state_dict()).eval()
    with torch.no_grad():
        features, _ = shipped(images)
        points = ScoredPoints(network)(images)

    expected = features @ network.evidence.weight[:, :, 0, 0].T + network.evidence.bias
    assert torch.allclose(points, expected, atol=1e-4)


def test_a_score_beyond_its_scale_is_as_wrong_as_one_at_its_end() -> None:
    within = within_scale(torch.tensor([-0.2, 0.5, 1.2]))

    assert within.tolist() == pytest.approx([-0.01, 0.5, 1.01])


def test_a_step_moves_the_last_layers_and_leaves_the_first_alone(images) -> None:
    torch.manual_seed(0)
    setting = Setting("any", Aims(maps=True, agreement=1.0), steps=2)
    fitting = Fitting(EfficientNetLite0(), setting, Device(), seed=0)
    before = {key: value.clone() for key, value in fitting.network.state_dict().items()}

    fitting.step(_lesson(images))

    after = fitting.network.state_dict()
    moved = {key for key, value in after.items() if not torch.equal(value, before[key])}
    assert not any(key.startswith(("backbone.stem", "backbone.blocks.2.")) for key in moved)
    assert {"evidence.weight", "decoder.maps.weight", "backbone.top.0.0.weight"} <= moved
    assert fitting.progress == 0.5


def test_a_settled_network_normalises_by_plain_films_alone(images) -> None:
    torch.manual_seed(0)
    setting = Setting("any", Aims(maps=True, agreement=1.0), steps=9, dropped=0.0)
    fitting = Fitting(EfficientNetLite0(), setting, Device(), seed=0)
    fitting.settle([images])
    settled = fitting.network.backbone.top[0][1].running_mean.clone()
    with torch.no_grad():
        alone, beside = fitting.network(images), fitting.network(torch.cat([images, -images]))

    fitting.step(_lesson(images))

    assert torch.equal(fitting.network.backbone.top[0][1].running_mean, settled)
    assert torch.allclose(alone.points, beside.points[:2], atol=1e-4)


def _lesson(images: torch.Tensor) -> Lesson:
    masks = torch.ones(2, MAPS, MAP_SIDE, MAP_SIDE)
    views = Views(images, masks, torch.zeros(2, dtype=torch.bool))
    pairs, questions = torch.full((2, 2), 0.4), torch.ones(2, QUESTIONS)
    ones, known = torch.ones(2, 2), torch.ones(2, MAPS)
    labels = Labels(pairs, ones, pairs / 2, ones, questions, questions, known, pairs, ones)
    return Lesson(views, views, labels, labels)
