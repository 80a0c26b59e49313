import numpy as np
import pytest

pytest.importorskip("torch")


from training.head import AuxiliaryImages, fit_head, fit_ridge

MAXIMUM = 8.0
FEATURES = 40
NOTHING = np.empty((0, FEATURES))


def images(count, seed):
    """Features of which only the first column follows the severity, a share of 1."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(count, FEATURES))
    share = generator.uniform(size=count)
    features[:, 0] = 4 * share + generator.normal(scale=0.3, size=count)
    return features, share


def error(auxiliary):
    features, share = images(30, seed=1)
    head = fit_ridge(features, share * MAXIMUM, auxiliary=auxiliary, maximum=MAXIMUM)
    unseen, truth = images(500, seed=3)
    return np.abs(head(unseen) - truth * MAXIMUM).mean()


def test_images_with_brixia_scores_make_a_head_better():
    none = AuxiliaryImages(NOTHING, np.empty(0), NOTHING, NOTHING)
    more = AuxiliaryImages(*images(200, seed=2), NOTHING, NOTHING)

    assert error(more) < 0.8 * error(none)


def test_painted_opacities_give_a_head_its_direction():
    """Along a direction in which the images themselves do not differ."""
    features, share = images(30, seed=1)
    features[:, 1] = 0
    rises = np.zeros((20, FEATURES))
    rises[:, 1] = 1e-6
    auxiliary = AuxiliaryImages(NOTHING, np.empty(0), rises, NOTHING)

    head = fit_ridge(features, share * MAXIMUM, auxiliary=auxiliary, maximum=MAXIMUM)

    assert head.weight[1] > 0


def test_retaken_images_make_a_head_less_sensitive_to_how_an_image_was_taken():
    features, share = images(30, seed=1)
    retaken = np.random.default_rng(5).normal(scale=3, size=(40, FEATURES)) * (
        np.arange(FEATURES) >= 20
    )
    unseen = np.random.default_rng(6).normal(size=(200, FEATURES)) * (np.arange(FEATURES) >= 20)

    def sensitivity(auxiliary):
        head = fit_ridge(features, share * MAXIMUM, auxiliary=auxiliary, maximum=MAXIMUM)
        return np.abs(unseen @ head.weight).mean()

    none = AuxiliaryImages(NOTHING, np.empty(0), NOTHING, NOTHING)
    with_retaken = AuxiliaryImages(NOTHING, np.empty(0), NOTHING, retaken)
    assert sensitivity(with_retaken) < 0.8 * sensitivity(none)


def test_a_stretched_head_spans_the_readers_scale_on_images_of_other_patients():
    """A ridge regression alone pulls them to the mean."""
    features, share = images(60, seed=1)
    unseen, truth = images(500, seed=3)
    auxiliary = AuxiliaryImages(NOTHING, np.empty(0), NOTHING, NOTHING)
    weak = features * 1.0
    weak[:, 0] += np.random.default_rng(8).normal(scale=0.5, size=60)

    ridge = fit_ridge(weak, share * MAXIMUM, auxiliary=auxiliary, maximum=MAXIMUM)
    head = fit_head(
        weak,
        share * MAXIMUM,
        [str(image // 2) for image in range(60)],
        auxiliary=auxiliary,
        maximum=MAXIMUM,
    )

    def slope(fitted):
        return np.polyfit(fitted(unseen), truth * MAXIMUM, 1)[0]

    assert slope(ridge) > 1.2
    assert abs(slope(head) - 1) < abs(slope(ridge) - 1)


def test_a_head_computes_points_from_raw_features():
    features, share = images(400, seed=1)
    auxiliary = AuxiliaryImages(NOTHING, np.empty(0), NOTHING, NOTHING)
    head = fit_ridge(features * 100 + 7, share * MAXIMUM, auxiliary=auxiliary, maximum=MAXIMUM)

    assert head(features * 100 + 7).mean() == pytest.approx(share.mean() * MAXIMUM)
