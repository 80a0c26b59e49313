import pytest

from severity.domain import Scale
from severity.evaluation.brixia import as_points, global_score, ignored_columns

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
        ({"reader_2_global": "4", "reader1_global": "6"}, 5),
        ({"brixia_global": "4", "ct_global": "900", "hla_A": "2", "hla_B": "x"}, 4),
        ({name.replace("senior", "smith"): text for name, text in ZONES.items()}, 11),
        ({name.lower(): text for name, text in ZONES.items()}, 11),
    ],
)
def test_readers_are_averaged_and_zones_added(row: dict[str, str], score: float) -> None:
    assert global_score({"filename": "a.png", "patientid": "7", **row}) == score


def test_zones_that_readers_averaged_add_up_but_for_rounding() -> None:
    zones = dict.fromkeys(ZONES, "0") | {"senior_A": "0.1", "senior_B": "0.2"}

    assert global_score(zones | {"senior_global": "0.3"}) == pytest.approx(0.3)


def test_columns_that_only_end_as_scores_do_are_ignored_and_named() -> None:
    columns = [*ZONES, "filename", "brixia_global", "ct_global", "HLA_A", "smith_A", "view"]

    assert ignored_columns(columns) == ["ct_global", "HLA_A", "smith_A"]


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
        ({"ct_global": "7"}, "no column such as brixia_global.* no reader's are ct_global"),
        ({"senior_A": "2", "senior_global": "2"}, "senior_B is '', no number"),
        ({"view": "PA"}, "there is no column such as brixia_global"),
    ],
)
def test_what_is_no_brixia_score_is_refused(row: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        global_score({"filename": "a.png", **row})
