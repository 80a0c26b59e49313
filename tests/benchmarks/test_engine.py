import json
import platform

import pytest

pytest.importorskip("torch")


from benchmarks.engine import main

SMALL = [
    *("--formats", "dicom", "--images", "3", "--rounds", "1", "--growth", "4"),
    *("--model", "compact-2", "--precision", "fp32"),
]


@pytest.mark.weights
def test_one_command_measures_all_variants_on_the_same_images(tmp_path, capsys):
    file = tmp_path / "results.json"

    code = main([*SMALL, "--json", str(file)])

    document = json.loads(file.read_text())
    assert code == 0
    assert document["agree"] is True
    [section] = document["sections"]
    [rates] = section["rounds"]
    assert list(rates) == ["reference fp32", "ours fp32", "network_only fp32"]
    assert all(rate["images"] == 3 and rate["seconds"] > 0 for rate in rates.values())
    assert all(rate["peak_bytes"] > 10**8 for rate in rates.values())
    assert set(section["stages_ms"]["ours fp32"]) == {
        "read", "decode", "preprocess", "forward"
    }  # fmt: skip
    assert document["growth"][0]["images"] == 4
    assert "ours / reference" in capsys.readouterr().out
    for private in (platform.node(), str(tmp_path.parent), "severity-benchmark"):
        assert private not in file.read_text()


def test_nothing_is_measured_where_the_images_are_missing(tmp_path, capsys):
    code = main(["--formats", "png-jpeg", "--model", "compact-2", "--data", str(tmp_path)])

    assert code == 1
    assert "there is no cidc/metadata.csv" in " ".join(capsys.readouterr().err.split())


def test_wrong_use_names_the_choices(capsys):
    with pytest.raises(SystemExit):
        main(["--formats", "gif"])

    assert "png-jpeg" in capsys.readouterr().err
