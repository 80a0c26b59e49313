import asyncio
from pathlib import Path

import pytest

from flows.evaluation.repeatability import measure_repeatability
from flows.labelled_images.repeats import read_repeats
from flows.resources import Progress, Resources
from flows.settings import Settings
from tests.builders.labelled_images import painted

pytestmark = pytest.mark.weights


def test_a_projection_is_the_same_only_if_both_views_are_known(tmp_path: Path):
    rows = ["filename,patientid,view,offset"]
    views = (("", ""), ("posteroanterior", "PA"), ("AP", "AP Supine"), ("AP", "PA"), ("erect", ""))
    for patient, pair in enumerate(views):
        for day, view in enumerate(pair):
            name = f"{patient}-{day}.png"
            painted(10 * patient + day, 0.3).save(tmp_path / name)
            rows.append(f"{name},{patient},{view},{day}")
    (tmp_path / "metadata.csv").write_text("\n".join(rows) + "\n")
    settings = Settings(home=tmp_path / "home", model="compact-1", device="cpu")
    resources = Resources(settings, Progress())

    measured = asyncio.run(
        measure_repeatability(read_repeats(tmp_path), [], resources, resources.load_model())
    )

    images = {row.name: row.images for row in measured.repeats}
    assert images["images within 24 hours"] == 2 * len(views)
    assert images["of these, of the same projection"] == 4, "of the second and third patient"
