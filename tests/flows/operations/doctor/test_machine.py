"""What the doctor finds of a machine."""

from pathlib import Path
from zoneinfo import ZoneInfo

from flows.operations.doctor import Level
from flows.operations.doctor.machine import home, time_zone, weights
from flows.settings import Settings


def test_weights_that_are_absent_or_have_another_hash_are_found(tmp_path):
    (tmp_path / "weights.pt").write_text("no weights")
    absent = Settings(model="txrv-cidc-v1", home=tmp_path)
    wrong = Settings(model="txrv-cidc-v1", weights_file=tmp_path / "weights.pt")

    assert [weights(absent).level, weights(wrong).level] == [Level.NOTICE, Level.PROBLEM]
    assert not (tmp_path / "weights").exists()  # nothing was downloaded


def test_a_zone_that_nobody_chose_is_a_notice_where_the_machine_has_another():
    tokyo = ZoneInfo("Asia/Tokyo")

    assert time_zone(Settings(), tokyo).level is Level.NOTICE
    assert time_zone(Settings(timezone="UTC"), tokyo).level is Level.OK
    assert time_zone(Settings(), ZoneInfo("UTC")).level is Level.OK


def test_a_home_that_cannot_be_written_to_is_a_problem(tmp_path):
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "there").mkdir()

    def level(folder):
        return home(Settings(home=folder)).level

    assert [level(tmp_path / "there"), level(tmp_path / "not-yet")] == [Level.OK, Level.OK]
    # Nobody writes below /proc, not even root.
    unusable = (tmp_path / "file", Path("/proc"), Path("/proc/severity/home"))
    assert [level(folder) for folder in unusable] == [Level.PROBLEM] * 3
    assert {path.name for path in tmp_path.iterdir()} == {"file", "there"}
