"""What the doctor finds of a machine."""

from zoneinfo import ZoneInfo

from flows.operations.doctor import Level
from flows.operations.doctor.machine import time_zone, weights
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
