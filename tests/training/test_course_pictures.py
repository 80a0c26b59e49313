"""Real series as an inbox."""

from pathlib import Path

from severity.domain import View
from severity.files.sidecar import parse_sidecar
from training.course_films import DatedFilm
from training.course_pictures import write_inbox


def test_an_inbox_describes_each_film(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"a")
    write_inbox([DatedFilm(tmp_path / "a.jpg", "cidc-1", 4.0, View.AP_SUPINE)], tmp_path / "inbox")

    (record,) = parse_sidecar(
        "metadata.csv", (tmp_path / "inbox/metadata.csv").read_bytes()
    ).values()
    assert (record.patient_id, float(record.offset_days)) == ("cidc-1", 4)
    assert record.view.lower() == "ap supine"
    assert (tmp_path / "inbox/a.jpg").read_bytes() == b"a"
