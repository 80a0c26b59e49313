from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from benchmarks.films import repeated, write_films
from benchmarks.jobs import BenchmarkError, Format


def test_uncompressed_films_have_identities_and_pixels_of_their_own(tmp_path):
    files = write_films(Format.UNCOMPRESSED, 3, data=tmp_path, folder=tmp_path / "films")

    films = [dcmread(file) for file in files]
    assert len({film.SOPInstanceUID for film in films}) == 3
    assert all(f.SOPInstanceUID == f.file_meta.MediaStorageSOPInstanceUID for f in films)
    assert len({film.PixelData for film in films}) == 3
    assert np.ptp([film.pixel_array.astype(int) for film in films], axis=0).max() == 1


def test_jpeg_2000_films_have_identities_of_their_own_and_stay_encoded(tmp_path):
    files = write_films(Format.JPEG_2000, 3, data=tmp_path, folder=tmp_path / "films")

    films = [dcmread(file) for file in files]
    assert len({film.SOPInstanceUID for film in films}) == 3
    assert len({film.PixelData for film in films}) == 1
    assert films[0].file_meta.TransferSyntaxUID.name.startswith("JPEG 2000")


def test_png_and_jpeg_films_come_from_all_over_the_collection(cidc, tmp_path):
    files = write_films(Format.RASTER, 5, data=cidc.parent, folder=tmp_path / "films")

    assert len({Path(file).read_bytes() for file in files}) == 5


def test_a_missing_collection_is_reported_with_what_to_do(tmp_path):
    with pytest.raises(BenchmarkError, match="name it with --data, or leave png-jpeg out"):
        write_films(Format.RASTER, 5, data=tmp_path, folder=tmp_path / "films")


def test_repeated_films_take_no_further_room(tmp_path):
    film = tmp_path / "film.dcm"
    film.write_bytes(b"film")

    names = repeated([str(film)], 3, folder=tmp_path / "many")

    assert len(set(names)) == 3
    assert {Path(name).stat().st_ino for name in names} == {film.stat().st_ino}
