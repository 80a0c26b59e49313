import numpy as np
import pytest

from training.head import OtherFilms, fit_ridge

MAXIMUM = 8.0
FEATURES = 40
NO_RISES = np.empty((0, FEATURES))


def films(count, seed):
    """Features in which the first column alone tells the severity, as a share of 1."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(count, FEATURES))
    share = generator.uniform(size=count)
    features[:, 0] = 4 * share + generator.normal(scale=0.3, size=count)
    return features, share


def error(also):
    features, share = films(30, seed=1)
    head = fit_ridge(features, share * MAXIMUM, also=also, maximum=MAXIMUM)
    unseen, truth = films(500, seed=3)
    return np.abs(head(unseen) - truth * MAXIMUM).mean()


def test_films_with_another_severity_score_make_a_head_better():
    none = OtherFilms(np.empty((0, FEATURES)), np.empty(0), NO_RISES)
    more = OtherFilms(*films(200, seed=2), NO_RISES)

    assert error(more) < 0.8 * error(none)


def test_painted_opacities_teach_a_head_which_way_is_up():
    """Along a direction in which the films themselves do not differ."""
    features, share = films(30, seed=1)
    features[:, 1] = 0
    rises = np.zeros((20, FEATURES))
    rises[:, 1] = 1e-6
    also = OtherFilms(np.empty((0, FEATURES)), np.empty(0), rises)

    head = fit_ridge(features, share * MAXIMUM, also=also, maximum=MAXIMUM)

    assert head.weight[1] > 0


def test_a_head_gives_points_from_raw_features():
    features, share = films(400, seed=1)
    also = OtherFilms(np.empty((0, FEATURES)), np.empty(0), NO_RISES)
    head = fit_ridge(features * 100 + 7, share * MAXIMUM, also=also, maximum=MAXIMUM)

    assert head(features * 100 + 7).mean() == pytest.approx(share.mean() * MAXIMUM)
