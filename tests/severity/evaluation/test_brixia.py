import pytest

from severity.domain import Scale
from severity.evaluation.brixia import as_points, global_score

ZONES = {
    f"senior_{zone}": str(value) for zone, value in zip("ABCDEF", (0, 1, 2, 3, 3, 2), strict=True)
}


def test_a_share_of_the_brixia_scale_is_the_same_share_of_another() -> None:
    assert as_points(0, Scale(0, 8)) == 0
    assert as_points(9, Scale(0, 6)) == 3
    assert as_points(18, Scale(1, 8)) == 8


@pytest.mark.parametrize(
    ("row", "score"),
    [
        ({"brixia_global": "7"}, 7),
        (ZONES, 11),
        (ZONES | {"senior_global": "11"}, 11),
        (ZONES | {"junior_global": "14"}, 12.5),
        ({"senior_global": "4", "junior_global": ""}, 4),
        ({name.lower(): text for name, text in ZONES.items()}, 11),
    ],
)
def test_readers_are_averaged_and_zones_added(row: dict[str, str], score: float) -> None:
    assert global_score({"filename": "a.png", "patientid": "7", **row}) == score


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"brixia_global": "19"}, "brixia_global is 19, not from 0 to 18"),
        (ZONES | {"senior_A": "4"}, "senior_A is 4, not from 0 to 3"),
        (ZONES | {"senior_C": ""}, "senior_C is '', no number"),
        (ZONES | {"senior_global": "12"}, "zones of senior add up to 11, not to 12"),
        ({"brixia_global": "nan"}, "is nan, not from"),
        ({"brixia_global": "1_2"}, "is '1_2', no number"),
        ({"brixia_global": ""}, "no reader scored it"),
        ({"view": "PA"}, "there is no column such as brixia_global"),
    ],
)
def test_what_is_no_brixia_score_is_refused(row: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        global_score({"filename": "a.png", **row})
