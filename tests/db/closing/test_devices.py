"""The device of an image is stored once, and follows what the file says."""

from severity.domain import Device, Fate
from tests.builders.ledger import Steps

ROOM_1, ROOM_2 = Device("ACME", "X-1000", "ROOM1"), Device("ACME", "X-1000", "ROOM2")


def devices(steps: Steps) -> list[tuple[object, ...]]:
    """The model of each image's device and its id, in the order of the images' UIDs."""
    return steps.query(
        """
        SELECT model, device_id FROM image LEFT JOIN device ON device.id = device_id
        ORDER BY image_uid, image.id
        """
    )


def test_images_of_one_device_share_its_row(steps, course):
    course({"device": ROOM_1}, {"device": ROOM_2}, {"device": ROOM_1}, {"device": None})

    (first, second, third, none) = devices(steps)
    assert first == third
    assert {first[1], second[1]} == {1, 2}
    assert none == (None, None)
    assert steps.value("SELECT count(*) FROM device") == 2


def test_a_device_is_known_again_in_a_later_batch(steps, running):
    with running() as run:
        for number in range(2):
            steps.enlist(f"c{number}")
            steps.score(run, uid=f"1.{number}", pixels=f"px{number}", device=ROOM_1)

    assert devices(steps) == [("X-1000", 1)] * 2


def test_the_whole_of_a_half_copied_file_has_the_device_that_it_names(steps, running):
    with running() as run:
        steps.show("a.dcm", "half")
        steps.score(run, pixels="half")
        steps.show("a.dcm", "whole")
        steps.score(run, pixels="whole", device=ROOM_1)

    assert devices(steps) == [(None, None), ("X-1000", 1)]


def test_a_file_that_is_sent_again_corrects_the_device_and_leaves_a_trace(steps, running):
    with running() as run:
        steps.show("a.dcm", "first")
        steps.score(run, device=ROOM_1)
        steps.show("a.dcm", "corrected")
        assert steps.score(run, device=ROOM_2) == Fate.SCORED

    assert devices(steps) == [("X-1000", 2)]
    recorded = steps.query(
        "SELECT before -> 'device_id', after -> 'device_id' FROM correction WHERE image_id = 1"
    )
    assert recorded == [(1, 2)]
