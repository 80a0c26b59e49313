import io

import pytest
from rich.console import Console

from benchmarks.comparison import REFERENCE, Contender, Growth, Spread
from benchmarks.jobs import BenchmarkError, Format, Precision, Rate, Variant
from benchmarks.report import Findings, show, to_json
from tests.builders.measurements import NETWORK_ONLY, OURS, measured, round_of, section_of

FP32 = Precision.FP32


def test_a_ratio_is_taken_within_each_round_so_that_drift_cancels():
    # The machine has half its speed in the second round.
    section = section_of(round_of(10, 40, 50), round_of(5, 20, 25), round_of(10, 50, 50))

    assert section.ratio(OURS, REFERENCE) == Spread(4, 4, 5)
    assert section.ratio(OURS, NETWORK_ONLY).median == pytest.approx(0.8)
    assert section.images_per_second(OURS) == Spread(40, 20, 50)


def test_agreement_counts_both_scores_of_all_images_in_all_rounds():
    reference = measured(10, ((4.0, 3.0), (2.0, 1.0)))
    near = measured(10, ((4.0, 3.0), (2.0, 1.01)))
    far = measured(10, ((4.0, 3.0), (1.97, 1.0)))
    section = section_of(
        {REFERENCE.name: reference, OURS.name: near},
        {REFERENCE.name: reference, OURS.name: far},
    )

    agreement = section.agreement(FP32)

    assert agreement.largest == pytest.approx(0.03)
    assert agreement.mean == pytest.approx(0.04 / 8)
    assert agreement.limit == 0.02
    assert not agreement.holds


@pytest.mark.parametrize(("precision", "limit"), [("fp32", 0.02), ("bf16", 0.05)])
def test_each_precision_has_its_limit(precision, limit):
    name = Contender(Variant.OURS, Precision(precision)).name
    reference, near, far = (
        measured(1, ((4 + off, 3.0),)) for off in (0, limit * 0.99, limit * 1.01)
    )

    agreements = [
        section_of({REFERENCE.name: reference, name: rate}).agreement(Precision(precision)).holds
        for rate in (near, far)
    ]

    assert agreements == [True, False]


def test_scores_of_fewer_images_are_never_compared():
    section = section_of({REFERENCE.name: measured(1), OURS.name: measured(1, ((4.0, 3.0),))})

    with pytest.raises(BenchmarkError, match="the product scored 1 images, the reference 2"):
        section.agreement(FP32)


def test_the_report_shows_rates_ratios_stages_memory_and_growth():
    mib = 2**20
    findings = Findings(
        machine={"processor": "A CPU"},
        trials={"compact-2 fp32 on cpu": {"slow": 10.0, "fast": 99.0}},
        sections=[
            section_of(round_of(10, 40, 50)),
            section_of(round_of(10, 20, 50), model="txrv-cidc-v1"),
        ],
        growth=[Growth(Format.RASTER, Rate(1000, 20, (), "v", 700 * mib))],
        left_out=["the GPU section: no device"],
    )
    shown = io.StringIO()

    show(findings, Console(file=shown, width=140))

    text = " ".join(shown.getvalue().split())
    for expected in (
        "A CPU",
        "fast 99.0 images/s slow 10.0 images/s",
        "40.00 (40.00 to 40.00)",  # images per second
        "4.00 (4.00 to 4.00)",  # ours / reference
        "0.80 (0.80 to 0.80)",  # ours / network alone
        "txrv-cidc-v1 scores 0.50 times as many images per second as compact-2",
        "read 1.0",
        "png-jpeg 1000 50.0 20.0 700",  # images per second, milliseconds, memory
        "Left out: the GPU section",
    ):
        assert expected in text


def test_the_json_has_every_raw_round_and_whether_scores_agree():
    rounds = [round_of(10, 40, 50), round_of(5, 20, 25)]
    findings = Findings(
        machine={},
        trials={},
        sections=[section_of(*rounds)],
        growth=[Growth(Format.RASTER, Rate(2, 1, ((1, 1), (2, 2)), "v"))],
    )

    document = to_json(findings)

    [section] = document["sections"]
    assert [rates["ours fp32"]["seconds"] for rates in section["rounds"]] == [2 / 40, 2 / 20]
    assert section["by_precision"]["fp32"]["ours_over_reference"]["median"] == 4
    assert document["agree"] is True
    assert "points" not in document["growth"][0]
