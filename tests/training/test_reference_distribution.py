from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")


from severity.reliability import MAP_FEATURES
from training.compact_3.films import Film
from training.reference_distribution import KnownFilms, fit, learn, limits, sources_of

COUNT = 22


@pytest.fixture
def rows() -> np.ndarray:
    """Features that vary in as many directions as there are components, and a little in all."""
    random = np.random.default_rng(0)
    strengths = np.linspace(5, 1, COUNT)
    directions = np.linalg.qr(random.normal(size=(MAP_FEATURES, COUNT)))[0].T
    varied = random.normal(size=(4000, COUNT)) * strengths @ directions
    return varied + random.normal(scale=0.01, size=(4000, MAP_FEATURES)) + 3


def test_components_are_the_directions_in_which_images_vary(rows: np.ndarray) -> None:
    reference = fit(rows, COUNT)

    assert reference.mean == pytest.approx(rows.mean(axis=0), abs=1e-3)
    assert reference.deviations == pytest.approx(np.linspace(5, 1, COUNT), rel=0.1)
    assert reference.components @ reference.components.T == pytest.approx(np.eye(COUNT), abs=1e-4)


def test_distances_are_one_deviation_along_components_and_the_pixel_noise_beyond(
    rows: np.ndarray,
) -> None:
    within, beyond = np.sqrt((fit(rows, COUNT).distances(rows) ** 2).mean(axis=0))

    assert within == pytest.approx(1, rel=0.02)
    assert beyond == pytest.approx(0.01, rel=0.1)


def test_the_same_images_give_the_same_reference(rows: np.ndarray) -> None:
    assert fit(rows, COUNT).key == fit(rows.copy(), COUNT).key


def test_the_limits_hold_the_wanted_share_of_each_kind_alike() -> None:
    random = np.random.default_rng(1)
    near, far = random.gamma(5, size=(5000, 2)) * [1, 20], random.gamma(9, size=(500, 2)) * [1, 20]
    kinds = [("many", "PA")] * 5000 + [("few", "AP")] * 500

    within, beyond = limits(np.concatenate([near, far]), kinds, within=0.98)

    shares = [(part <= [within, beyond]).all(axis=1).mean() for part in (near, far)]
    assert np.mean(shares) == pytest.approx(0.98, abs=2e-3)
    assert shares[1] < 0.98 < shares[0]


def film(name: str, source: str, patient: str, view: str = "AP", *, copy: bool = False) -> Film:
    return Film(Path("data") / name, source, patient, view, copy=copy)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """One film of the hospital is in its own folder, one in the collection; each has a copy."""
    folder = tmp_path / "hannover"
    folder.mkdir()
    folder.joinpath("films.csv").write_text(
        "filename,copy_of\nimages/1.jpg,pretrain/cxnet/1.jpg\n../cidc/images/2.jpg,cidc/images/2.jpg\n"
    )
    return tmp_path


def known(data: Path) -> KnownFilms:
    films = [
        Film(data / "hannover/images/1.jpg", "hannover", "cidc-1", "AP"),
        Film(data / "cidc/images/2.jpg", "cidc", "cidc-1", "AP"),
        Film(data / "pretrain/cxnet/1.jpg", "cxnet", "cidc-1", "AP", copy=True),
        Film(data / "cidc/images/3.jpg", "cidc", "cidc-3", "PA"),
        Film(data / "pretrain/cxnet/3.jpg", "cxnet", "cidc-3", "PA", copy=True),
        Film(data / "pretrain/cxnet/4.jpg", "cxnet", "cxnet-4"),
        Film(data / "nih/5.jpg", "nih", "nih-5", "AP"),
    ]
    return KnownFilms(films, np.zeros((len(films), 1, 2), np.float32), sources_of(films, data))


def test_a_source_left_out_leaves_no_film_copy_or_other_film_of_its_patients(data: Path) -> None:
    films = known(data)

    left = {source: np.flatnonzero(films.without(source)).tolist() for source in films.of_source}

    assert left["hannover"] == [3, 4, 5, 6]
    assert left["cidc"] == [5, 6]
    assert left["nih"] == [0, 1, 2, 3, 4, 5]


def test_each_exposure_is_measured_once_and_never_as_its_copy(data: Path) -> None:
    films = known(data)

    measured = {
        source: np.flatnonzero(films.measured(source)).tolist() for source in films.of_source
    }

    assert measured["hannover"] == [0, 1]
    assert measured["cidc"] == [1, 3]
    assert measured["cxnet"] == [5]


def test_no_film_outside_of_what_may_be_seen_moves_a_reference() -> None:
    random = np.random.default_rng(2)
    films = [film(str(n), source, f"{source}-{n}") for source in ("a", "b", "c") for n in range(30)]
    of_source = {name: np.array([one.source == name for one in films]) for name in ("a", "b", "c")}
    views = random.normal(size=(90, 2, MAP_FEATURES)).astype(np.float32)
    moved = views.copy()
    moved[of_source["c"]] += 5

    def without_c(features: np.ndarray) -> str:
        everything = KnownFilms(films, features, of_source)
        return learn(everything, everything.without("c")).key

    assert without_c(views) == without_c(moved)
    assert learn(KnownFilms(films, views, of_source)).key != without_c(views)
