import numpy as np
import torch
from torch import Tensor

from training.films import Film
from training.simulated import ZONES, simulated
from training.targets import BRIXIA, QUESTIONS, SIMULATED, targets

SIDE = 96


def films(count: int) -> Tensor:
    """Dark lungs everywhere, so that all that is brighter was painted."""
    return torch.full((count, 1, SIDE, SIDE), 0.2)


def test_opacities_brighten_the_lungs_and_nothing_else() -> None:
    healthy = films(40)

    ill, _ = simulated(healthy, generator=torch.Generator().manual_seed(0))

    # One grey level all over: what is painted white is no brighter, unless the film has white.
    assert torch.allclose(ill.amax(), torch.tensor(0.21), atol=0.01)
    healthy[:, :, :4] = 1.0
    healthy[:, :, -8:] = 1.0
    ill, shares = simulated(healthy, generator=torch.Generator().manual_seed(0))
    assert (ill >= healthy).all()
    assert torch.equal(ill[:, :, :, :2], healthy[:, :, :, :2])
    assert shares.max() > 0.3


def test_a_share_tells_which_zone_is_ill() -> None:
    healthy = films(60)
    healthy[:, :, :10] = 1.0  # white, as bones are

    ill, shares = simulated(healthy, generator=torch.Generator().manual_seed(1))

    painted = (ill - healthy)[:, 0]
    halves = torch.stack([painted[..., : SIDE // 2], painted[..., SIDE // 2 :]])
    right, left = halves.mean(dim=(2, 3))
    assert np.corrcoef(right, shares[:, :3].mean(dim=1))[0, 1] > 0.8
    assert np.corrcoef(left, shares[:, 3:].mean(dim=1))[0, 1] > 0.8
    upper, lower = (
        painted[:, : SIDE // 3].mean(dim=(1, 2)),
        painted[:, SIDE // 2 :].mean(dim=(1, 2)),
    )
    assert np.corrcoef(upper, shares[:, [0, 3]].mean(dim=1))[0, 1] > 0.7
    assert np.corrcoef(lower, shares[:, [2, 5]].mean(dim=1))[0, 1] > 0.7
    assert shares.shape == (60, ZONES)


def test_the_same_seed_paints_the_same() -> None:
    one, other = (simulated(films(3), generator=torch.Generator().manual_seed(7)) for _ in "ab")

    assert torch.equal(one[0], other[0])
    assert torch.equal(one[1], other[1])


def test_simulated_films_answer_for_their_zones_alone(tmp_path) -> None:
    ill = Film(path=tmp_path / "a", source="cidc", patient="1", abnormal=True)
    healthy = Film(path=tmp_path / "b", source="nih", patient="2", abnormal=False)
    known = targets([ill, healthy], np.array([0.4, 0.0]))

    both = known.and_simulated(torch.full((1, ZONES), 0.25))

    assert both.values.shape == (3, QUESTIONS)
    assert both.values[2, SIMULATED].tolist() == [0.25] * ZONES
    asked = torch.zeros(QUESTIONS, dtype=torch.bool)
    asked[SIMULATED] = True
    assert torch.equal(both.weights[2] > 0, asked)
    # Of a film with disease nobody painted, how much of a zone is covered is not known ...
    assert not both.weights[0, SIMULATED].any()
    # ... but the teacher's severity stands in for a reader's.
    assert both.values[0, BRIXIA].item() == np.float32(0.4)
    # Nothing covers a healthy lung.
    assert both.weights[1, SIMULATED].all()
    assert not both.values[1, SIMULATED].any()
