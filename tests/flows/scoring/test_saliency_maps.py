"""Saliency maps as `score --saliency DIR` leaves them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flows.errors import UsageError
from flows.resources import Progress, Resources
from flows.scoring.saliency_maps import map_places, picture
from flows.scoring.single_files import score_files
from flows.settings import Settings
from severity.domain import RESEARCH_USE_ONLY
from tests.builders.films import write_film

pytestmark = pytest.mark.weights


@pytest.fixture(scope="session")
def have(_own_home: None) -> Resources:
    return Resources(Settings(device="cpu"), Progress())


@pytest.fixture
def films(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"film-{number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        write_film(path, seed=number)
    return paths


def write_maps(films, folder, have):
    """Score films, and read back the map and the picture of each that has them."""
    pytest.importorskip("torch")
    results = score_files(films, have, maps=map_places(films, folder))
    pictures = [Path(one.saliency) for one in results if one.saliency]
    return [(np.load(path.with_suffix(".npy")), path.read_bytes()) for path in pictures]


def test_the_map_of_a_film_is_the_same_to_the_last_bit_alone_and_beside_others(
    films, have, tmp_path
):
    together = write_maps(films, tmp_path / "together", have)
    again = write_maps(films, tmp_path / "again", have)
    alone = [
        one for film in films for one in write_maps([film], tmp_path / f"alone-{film.stem}", have)
    ]

    for (array, shown), (array_again, shown_again), (array_alone, shown_alone) in zip(
        together, again, alone, strict=True
    ):
        assert (array.dtype, array.shape) == (np.float32, (224, 224))
        assert array.max() > 0
        np.testing.assert_array_equal(array, array_again)
        np.testing.assert_array_equal(array, array_alone)
        assert shown == shown_again == shown_alone
    assert len({array.tobytes() for array, _ in together}) == 3


def test_a_rejected_file_gets_no_map(films, have, tmp_path):
    films[1].write_text("no film")

    assert len(write_maps(films, tmp_path / "maps", have)) == 2
    assert sorted(path.name for path in (tmp_path / "maps").iterdir()) == [
        "film-0.saliency.npy",
        "film-0.saliency.png",
        "film-2.saliency.npy",
        "film-2.saliency.png",
    ]


def test_films_of_one_name_are_numbered_in_their_order(tmp_path):
    films = [Path("a/x.png"), Path("b/x.png"), Path("b/x-2.png"), Path("a/x.dcm"), Path("y.png")]

    names = [place.name for place in map_places(films, tmp_path)]

    assert names == ["x", "x-2", "x-2-2", "x-3", "y"]


def test_a_map_that_exists_is_never_replaced(films, have, tmp_path):
    folder = tmp_path / "maps"
    places = map_places(films, folder)
    write_maps(films, folder, have)
    before = {path: path.read_bytes() for path in folder.iterdir()}

    with pytest.raises(UsageError, match="name another folder"):
        map_places(films, folder)
    with pytest.raises(UsageError, match="cannot be written"):
        score_files(films, have, maps=places)  # it came between the look and the writing

    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_picture_holds_a_caption_below_the_film_and_nothing_that_names_a_patient(
    films, have, tmp_path
):
    write_maps(films[:1], tmp_path / "maps", have)

    shown = Image.open(tmp_path / "maps/film-0.saliency.png")

    assert shown.info == {}
    assert shown.width == 3 * 224 < shown.height
    caption = np.asarray(shown)[3 * 224 :]
    assert caption.max() == 255


def test_the_film_shows_through_the_map():
    film = np.full((224, 224), -1024, np.float32)
    film[:, 112:] = 1024

    shown = np.asarray(picture(film, np.zeros_like(film), [RESEARCH_USE_ONLY]))

    dark, light = shown[:672, :336], shown[:672, 336:]
    assert (light.astype(int) - dark > 100).all()
