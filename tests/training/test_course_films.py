"""Which films of the public collections are a series, and of whom."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from severity.course.series import Films
from severity.domain import View
from training.course_films import PublicSeries, dated_films, kept_back_patients

HANNOVER = """\
filename,cidc_patientid,patient,offset_days,view
images/h1.png,7,h-a,0,PA
images/h2.png,7,h-a,2.5,AP
images/h3.png,,h-b,1,PA
images/undated.png,,h-b,,PA
"""
CIDC = """\
filename,patientid,offset,view
c1.png,1,0,PA
c2.png,1,4,AP Supine
lateral.png,1,4,L
copy.png,1,6,AP Supine
undated.png,1,,PA
of-hannover.png,7,3,PA
"""


@pytest.fixture
def collections(tmp_path: Path) -> Path:
    """Both collections, in which one film repeats the exposure of another."""
    (tmp_path / "hannover/images").mkdir(parents=True)
    (tmp_path / "cidc/images").mkdir(parents=True)
    (tmp_path / "hannover/films.csv").write_text(HANNOVER)
    (tmp_path / "cidc/metadata.csv").write_text(CIDC)
    rng = np.random.default_rng(0)
    for path in (
        "hannover/images/h1",
        "hannover/images/h2",
        "hannover/images/h3",
        "cidc/images/c1",
    ):
        _write(tmp_path / f"{path}.png", rng.integers(0, 256, (16, 16)))
    exposure = rng.integers(0, 200, (16, 16))
    _write(tmp_path / "cidc/images/c2.png", exposure)
    _write(tmp_path / "cidc/images/copy.png", exposure + 30)
    return tmp_path


def _write(path: Path, blocks: np.ndarray) -> None:
    Image.fromarray(blocks.astype(np.uint8).repeat(16, axis=0).repeat(16, axis=1)).save(path)


def test_each_dated_frontal_exposure_counts_once_on_its_own_hospitals_axis(
    collections: Path,
) -> None:
    films = dated_films(collections)

    assert [(film.path.stem, film.patient, film.day, film.view) for film in films] == [
        ("h1", "cidc-7", 0, View.PA),
        ("h2", "cidc-7", 2.5, View.AP),
        ("h3", "h-b", 1, View.PA),
        ("c1", "cidc-1", 0, View.PA),
        ("c2", "cidc-1", 4, View.AP_SUPINE),
    ]


def test_patients_of_the_collection_alone_are_kept_back(tmp_path: Path) -> None:
    (tmp_path / "kept_back.csv").write_text(
        "filename,patientid\ncidc/images/a.png,3\nnih/b.png,4\n"
    )

    assert kept_back_patients(tmp_path) == {"cidc-3"}


def test_series_are_those_of_some_patients_or_of_all_others() -> None:
    films = Films(
        np.array([0, 0, 1, 2]),
        np.array([0.0, 3.0, 0.0, 90.5]),
        np.array([1.0, 2.0, 3.0, 4.0]),
        np.zeros(4, dtype=np.int8),
        np.ones(4, dtype=bool),
    )
    series = PublicSeries(films, films, ("a", "b", "a"))

    chosen, others = series.of(frozenset("a")), series.of(frozenset("a"), others=True)

    assert (chosen.patients, others.patients) == (("a", "a"), ("b",))
    assert chosen.geographic_extent.points.tolist() == [1, 2, 4]
    assert others.opacity.points.tolist() == [3]
