from pathlib import Path

import numpy as np
import pytest
import torch

from severity.images.grey_image import GreyImage
from severity.images.preprocessing import to_model_input
from training.compact_3.films import Film
from training.compact_3.packing import (
    LEFT,
    MASK_CANVAS,
    OPACITY,
    OPACITY_KNOWN,
    RIGHT,
    SIDES_KNOWN,
    film_on_canvas,
    pack,
    unpack,
)
from training.compact_3.views import plain_views
from training.images import grey_pixels

LESIONS = "1312A392-67A3-4EBF-9319-810CF6DA5EF6"


@pytest.mark.parametrize("shape", [(400, 300), (300, 400), (350, 350)])
def test_the_plain_view_of_a_canvas_is_what_scoring_cuts_out(shape, data: Path) -> None:
    pixels = grey_pixels(data / "cidc" / "images" / f"{LESIONS}.jpeg")[100:, 100:]
    film = np.ascontiguousarray(pixels[: shape[0], : shape[1]])
    canvas, _ = film_on_canvas(film)
    masks = torch.zeros(1, MASK_CANVAS, MASK_CANVAS, dtype=torch.uint8)
    view = plain_views(torch.from_numpy(canvas)[None], masks).images[0, 0].numpy()
    scored = to_model_input(GreyImage(film, 0.0, 255.0, *film.shape))

    # A grey level is 8 of 2048; at the edge scoring mixes mid-grey in.
    assert np.abs(view - scored)[4:-4, 4:-4].max() < 8


def test_films_are_packed_with_their_labels_and_masks(tmp_path: Path, data: Path) -> None:
    path = data / "cidc" / "images" / f"{LESIONS}.jpeg"
    masks = {"lesions": data / "masks" / "lesions" / f"{LESIONS}.png"}
    labelled = {"extent": 4.0, "opacity": 3.0, "release": "2020-08", "right_share": 0.25}
    ill = Film(path, "cidc", "a", view="PA", masks=masks, **labelled)
    healthy = Film(path, "nih", "b", view="AP", healthy=True)
    pack([ill, healthy], data, tmp_path / "films.npz")

    packed = unpack(tmp_path / "films.npz")

    assert packed.points.tolist() == [[0.5, 0.5], [0, 0]]
    assert packed.point_weights[0].tolist() == [1.0, 0.5]
    assert packed.sides.tolist() == [[0.125, 0.375], [0, 0]]
    assert packed.scored.tolist() == [True, False]
    bits = packed.masks
    assert (bits[0] & (SIDES_KNOWN | OPACITY_KNOWN) == SIDES_KNOWN | OPACITY_KNOWN).all()
    assert np.array_equal(bits[1], np.full_like(bits[1], OPACITY_KNOWN))
    right, left = ((bits[0] & bit).astype(bool) for bit in (RIGHT, LEFT))
    # The patient's right lung is on the left of the film.
    assert np.nonzero(right)[1].mean() < np.nonzero(left)[1].mean()
    assert 0.3 < (bits[0] & OPACITY).astype(bool)[right | left].mean() < 0.7


def test_a_film_without_an_opacity_by_experts_or_a_report_weighs_little_and_one_with_none(
    tmp_path: Path, data: Path
) -> None:
    path = data / "cidc" / "images" / f"{LESIONS}.jpeg"
    nothing, some = frozenset[str](), frozenset({"Infiltration"})
    films = [
        Film(path, "nih", "report only", findings=nothing),
        Film(path, "nih", "experts too", findings=some, opaque=False),
        Film(path, "nih", "found", findings=some),
        Film(path, "nih", "missed by the report", findings=nothing, opaque=True),
    ]
    pack(films, data, tmp_path / "films.npz")

    packed = unpack(tmp_path / "films.npz")

    assert not packed.points.any()
    assert packed.point_weights[:, 0] == pytest.approx([0.1, 0.1, 0, 0])
    # Where an opacity would be is not known, so no lung of it is joined to another film's.
    assert not packed.side_weights.any()
