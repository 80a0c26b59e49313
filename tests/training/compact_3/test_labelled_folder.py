from pathlib import Path

from training.compact_3.films import Film
from training.compact_3.labelled_folder import write_folder
from training.images import rows


def test_a_folder_has_each_film_with_its_score_and_its_patient(tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    image.write_bytes(b"pixels")
    film = Film(image, "cidc", "cidc-1", view="AP", extent=3.5, opacity=2.0, day=4.0)

    write_folder([film], tmp_path / "folder")

    folder = tmp_path / "folder"
    assert (folder / "images" / "a.png").read_bytes() == b"pixels"
    assert rows(folder / "severity_scores.csv") == [
        {"filename": "a.png", "geographic_extent_mean": "3.5", "opacity_mean": "2.0"}
    ]
    assert rows(folder / "metadata.csv") == [
        {"filename": "a.png", "patientid": "cidc-1", "view": "AP", "offset": "4.0"}
    ]
