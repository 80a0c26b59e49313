"""`cxr-severity evaluate`, on images whose labels are the amounts of painted opacities."""

import asyncio
import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flows import resources
from flows.cli.app import main
from flows.evaluation.comparison import EXTENT, OPACITY, Evaluation
from flows.evaluation.folder import EvaluationRequest, evaluate_folder
from flows.resources import Progress, Resources
from flows.settings import Settings
from severity.domain import RESEARCH_USE_ONLY, MeasurementError, Scale
from severity.evaluation.splits import halves
from severity.evaluation.systems import AS_IT_IS, comparator
from severity.reliability.calibration import Calibration, Margins, ScoreCalibration
from tests.builders.labelled_images import IMAGES, PATIENTS, painted

pytestmark = pytest.mark.weights

COPY, ABSENT, LATERAL = "copy.png", "absent.png", "lateral.png"
REPEATED, PERTURBED = 3, 2  # patients with an image of the next day; images that are perturbed


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labelled")
    (folder / "images").mkdir()
    labels, metadata = [], []
    for patient in range(PATIENTS):
        for number in range(IMAGES):
            amount = (patient * IMAGES + number) / (PATIENTS * IMAGES)
            name = f"image-{patient}-{number}.png"
            painted(patient, amount).save(folder / "images" / name)
            labels.append(f"{name},{8 * amount},{6 * amount}")
            view = "PA" if patient % 2 else "AP"
            day = 30 * number
            metadata.append(f"{name},{patient},{view},{'MF'[number]},{40 + patient},{day}")
        if patient < REPEATED:  # which no reader scored
            painted(20 + patient, 0.5).save(folder / "images" / f"next-{patient}.png")
            metadata.append(f"next-{patient}.png,{patient},PA,,,1")
    # The same image under another patient, one whose file is gone, and a lateral one.
    (folder / "images" / COPY).write_bytes((folder / "images" / "image-0-0.png").read_bytes())
    painted(99, 0.5).save(folder / LATERAL)
    labels += [f"{COPY},0,0", f"{ABSENT},3,3", f"{LATERAL},4,3"]
    metadata += [f"{COPY},somebody else,PA,,,", f"{LATERAL},99,L,,,"]
    header = "filename,geographic_extent_mean,opacity_mean\n"
    (folder / "severity_scores.csv").write_text(header + "\n".join(labels) + "\n")
    header = "filename,patient_id,view,sex,age,offset\n"
    (folder / "metadata.csv").write_text(header + "\n".join(metadata) + "\n")
    comparators = folder / "peers"
    comparators.mkdir()
    outputs = [f"{row.split(',')[0]},{10 - float(row.split(',')[1])}" for row in labels[:-2]]
    (comparators / "mirror.csv").write_text("fname,total\n" + "\n".join(outputs) + "\n")
    return folder


@pytest.fixture(scope="session")
def compact(_own_home: None) -> Resources:
    # The model without a calibration: the report must state what is missing then.
    return Resources(Settings(device="cpu", batch_size=5, model="compact-1"), Progress())


@pytest.fixture(scope="session")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("report") / "here"


@pytest.fixture(scope="session")
def evaluation(folder: Path, out: Path, compact: Resources) -> Evaluation:
    return asyncio.run(
        evaluate_folder(
            EvaluationRequest(folder, folder / "peers", out, perturbed=PERTURBED), compact
        )
    )


def test_images_that_are_left_out_are_named(evaluation: Evaluation, out: Path):
    assert evaluation.missing == (ABSENT,)
    assert list(evaluation.rejected) == [LATERAL]
    report = (out / "evaluation.md").read_text()
    assert f"| {ABSENT} | missing: no such file |" in report
    assert f"| {LATERAL} | rejected: lateral" in report


def test_identical_images_of_two_patients_are_one_group(evaluation: Evaluation):
    names = [image.labelled.name for image in evaluation.images]
    copy, original = names.index(COPY), names.index("image-0-0.png")

    assert evaluation.groups[copy] == evaluation.groups[original]
    assert len(set(evaluation.groups)) == PATIENTS
    for training, _ in halves(evaluation.groups):
        assert (copy in training) == (original in training)
    assert "Pairs of patients who share an image, and so a group: 1." in evaluation.notes


def test_a_comparator_that_predicts_the_readers_points_has_no_error(evaluation: Evaluation):
    mirror = evaluation.result("mirror").measured

    assert mirror[EXTENT].mae.value == pytest.approx(0, abs=1e-6)
    assert mirror[OPACITY].metrics["pearson"].mean == pytest.approx(1)


def test_the_models_head_is_measured_as_it_scores(evaluation: Evaluation, compact: Resources):
    from flows.scoring.single_files import score_files

    results = score_files([image.labelled.path for image in evaluation.images], compact)

    extents = [result.score.geographic_extent for result in results if result.score]
    assert np.allclose(evaluation.result(AS_IT_IS).measured[EXTENT].predicted, extents, atol=1e-4)


def test_every_file_of_the_report_says_what_it_is_for(evaluation: Evaluation, out: Path):
    assert sorted(path.name for path in out.iterdir()) == [
        "agreement-all-features-1-280.png",
        "agreement-own-head-as-it-is.png",
        "evaluation.csv",
        "evaluation.md",
        "measurement_error.csv",
        "predictions.csv",
    ]
    for path in (path for path in out.iterdir() if path.suffix != ".png"):
        text = path.read_text()
        assert RESEARCH_USE_ONLY in text
        assert evaluation.version.key in text
    for path in out.glob("*.png"):
        with Image.open(path) as picture:
            assert min(picture.size) > 800


def test_the_report_holds_command_fingerprint_and_cautions(evaluation: Evaluation, out: Path):
    report = (out / "evaluation.md").read_text()

    assert f"cxr-severity evaluate --data {evaluation.images[0].labelled.path.parents[1]}" in report
    assert f"`{evaluation.fingerprint}`" in report
    assert "| sex: F | 8 | 8 |" in report
    assert "caution: fewer than 10 images" in report


def test_predictions_name_the_file_and_no_path(evaluation: Evaluation, out: Path):
    with (out / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert len(rows) == 4 * 2 * len(evaluation.images)
    assert {row["image"] for row in rows} == {image.labelled.name for image in evaluation.images}


def test_the_same_images_give_the_same_numbers(
    evaluation: Evaluation, folder: Path, out: Path, compact: Resources, tmp_path: Path
):
    again = EvaluationRequest(folder, folder / "peers", tmp_path / "again", perturbed=PERTURBED)

    asyncio.run(evaluate_folder(again, compact))

    assert (out / "predictions.csv").read_bytes() == (again.out / "predictions.csv").read_bytes()
    first, second = (rows_of(place / "measurement_error.csv") for place in (out, again.out))
    assert [row | {"command": ""} for row in first] == [row | {"command": ""} for row in second]


def test_labels_on_another_scale_stretch_the_models_opacity(
    evaluation: Evaluation, folder: Path, compact: Resources
):
    request = EvaluationRequest(folder, opacity=Scale(0, 8), perturbed=0)
    wide = asyncio.run(evaluate_folder(request, compact))

    stretched, own = (
        result.result(AS_IT_IS).measured[OPACITY].predicted for result in (wide, evaluation)
    )
    assert np.allclose(stretched, own * 8 / 6, atol=1e-5)
    assert "--opacity-scale 0 8 --perturbed 0" in request.command(wide.version)


def test_images_on_which_the_head_was_fitted_give_a_warning(evaluation: Evaluation):
    from flows.evaluation.notes import fit_note

    fitted = replace(
        evaluation.images[0].labelled, name="01E392EE-69F9-4E33-BFCE-E5C968654078.jpeg"
    )
    images = [replace(evaluation.images[0], labelled=fitted), evaluation.images[1]]

    assert fit_note("compact-1", images).startswith("WARNING: 1 of these 2 images were used to fit")
    assert fit_note("compact-1", evaluation.images).startswith("None of these images")
    assert "it is not known on which images" in fit_note("mine-v1", images)


def test_a_backbone_that_learned_the_scores_gives_a_warning_on_every_row_of_it(
    cidc: Path, tmp_path: Path
):
    """compact-3 was trained end to end: a refitted head on it has seen the scores as well."""
    with (cidc / "severity_scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))[:8]
    for row in rows:
        (tmp_path / row["filename"]).symlink_to(cidc / "images" / row["filename"])
    columns = ("filename", "geographic_extent_mean", "opacity_mean")
    lines = [",".join(columns), *(",".join(row[name] for name in columns) for row in rows)]
    (tmp_path / "severity_scores.csv").write_text("\n".join(lines) + "\n")
    settings = Settings(home=tmp_path / "home", model="compact-3", device="cpu")
    request = EvaluationRequest(tmp_path, out=tmp_path / "report", perturbed=0)

    evaluation = asyncio.run(evaluate_folder(request, Resources(settings, Progress())))

    count = len(evaluation.images)
    warning = f"WARNING: the backbone of compact-3 was trained on the scores of {count} of these"
    report = (tmp_path / "report/evaluation.md").read_text()
    assert warning in report
    cautions = {
        row["system"]: row["caution"] for row in rows_of(tmp_path / "report/evaluation.csv")
    }
    assert cautions == {
        "all features (1,280)": "backbone trained on these images",
        "no image (training mean)": "",
        AS_IT_IS: "fitted on these images",
    }
    assert "## Agreement: all features (1,280) (backbone trained on these images)" in report


def test_the_flow_leaves_a_table_without_image_names(
    prefect: None, folder: Path, compact: Resources
):
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.sorting import ArtifactSort

    from flows.evaluation.flow import evaluate_model

    async def artifacts() -> str:
        async with get_client() as client:
            return str(await client.read_artifacts(sort=ArtifactSort.CREATED_DESC))

    with resources.using(compact):
        evaluation = asyncio.run(evaluate_model(str(folder), perturbed=0))

    shown = asyncio.run(artifacts())
    assert f"{len(evaluation.images)} images of {PATIENTS} groups" in shown
    assert "all features" in shown
    assert not any(image.labelled.name in shown for image in evaluation.images)
    assert ABSENT not in shown


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_images_of_the_next_day_measure_the_test_retest_error(
    evaluation: Evaluation, folder: Path, compact: Resources
):
    from flows.scoring.single_files import score_files

    pairs = [(f"image-{patient}-0.png", f"next-{patient}.png") for patient in range(REPEATED)]
    files = [folder / "images" / name for pair in pairs for name in pair]
    scores = [result.score for result in score_files(files, compact)]

    extent, opacity = evaluation.repeatability.errors
    for error, points in (
        (extent, [score.geographic_extent for score in scores if score]),
        (opacity, [score.opacity for score in scores if score]),
    ):
        differences = np.diff(np.reshape(points, (-1, 2)))
        assert error.repeats is not None
        assert error.repeats.degrees == REPEATED
        assert error.repeats.points == pytest.approx(np.sqrt((differences**2).mean() / 2), abs=1e-4)


def test_the_report_has_the_error_of_change_and_cautions_about_few_images(
    evaluation: Evaluation, out: Path
):
    report = (out / "evaluation.md").read_text()
    rows = rows_of(out / "measurement_error.csv")

    assert "| images within 24 hours | 6 | geographic extent |" in report
    assert "caution: 3 degrees of freedom, fewer than 10" in report
    assert {row["what"] for row in rows} >= {"rotation", "crop", "exposure", "jpeg", "all together"}
    together = [row for row in rows if row["what"] == "all together"]
    assert [int(row["degrees"]) for row in together] == [3 * PERTURBED] * 2
    for row in rows:
        change = float(row["smallest_detectable_change"])
        assert change == pytest.approx(2.77 * float(row["standard_error"]), abs=0.01)
    larger = max(
        float(row["smallest_detectable_change"])
        for row in rows
        if row["score"] == EXTENT and row["what"] in {"all together", "images within 24 hours"}
    )
    assert f"geographic extent {larger:.2f}, opacity" in report


@pytest.mark.usefixtures("evaluation")
def test_too_few_patients_for_intervals_and_no_calibration_are_noted(out: Path):
    report = (out / "evaluation.md").read_text()

    assert "A half has too few patients to fit margins: 9 are the least" in report
    assert "The model has no calibration: its scores carry no intervals." in report
    assert not (out / "prediction_intervals.csv").exists()


def test_a_models_own_intervals_are_counted_as_it_shows_them(
    evaluation: Evaluation, compact: Resources
):
    from flows.evaluation.intervals import Readers, as_shipped

    def shares(margin: float) -> list[float]:
        margins = Margins((0.0,), (margin,), (margin,))
        calibration = ScoreCalibration(margins, MeasurementError(None, None))
        model = replace(compact.load_model(), calibration=Calibration(calibration, calibration))
        readers = Readers(evaluation.observed, evaluation.groups, evaluation.scales)
        coverages = as_shipped(evaluation.images, model, readers)
        return [coverage.rows[0].share.value for coverage in coverages]

    own = evaluation.result(AS_IT_IS).measured
    within = [
        float((np.abs(own[score].predicted - evaluation.observed[score]) <= 1.5).mean())
        for score in (EXTENT, OPACITY)
    ]
    assert shares(8) == [1, 1]
    assert shares(1.5) == pytest.approx(within)
    assert 0 < min(within) < 1


def test_what_intervals_held_is_in_the_report(evaluation: Evaluation, tmp_path: Path):
    from flows.evaluation.intervals import Readers, on_halves
    from flows.evaluation.report import write_report

    generator = np.random.default_rng(0)
    outputs = generator.uniform(0, 8, 60)
    observed = {
        score: (outputs + generator.normal(0, 0.7, 60)).clip(0, scale.highest)
        for score, scale in evaluation.scales.items()
    }
    groups = [str(patient) for patient in range(60)]
    intervals = on_halves(
        comparator("other", outputs, outputs), Readers(observed, groups, evaluation.scales)
    )

    write_report(replace(evaluation, intervals=intervals), tmp_path, command="")

    rows = rows_of(tmp_path / "prediction_intervals.csv")
    whole = [row for row in rows if row["range"] == "all"]
    assert [row["score"] for row in whole] == [EXTENT, OPACITY]
    assert all(0.85 < float(row["coverage"]) < 0.95 for row in whole)
    report = (tmp_path / "evaluation.md").read_text()
    assert "| other | geographic extent | 6 to 8 |" in report
    assert "](prediction-intervals.png)" in report
    assert RESEARCH_USE_ONLY in (tmp_path / "prediction_intervals.csv").read_text()
    with Image.open(tmp_path / "prediction-intervals.png") as picture:
        assert picture.width > 800


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["cxr-severity", "evaluate", *arguments])
    monkeypatch.setenv("SEVERITY_DEVICE", "cpu")
    monkeypatch.setenv("SEVERITY_MODEL", "compact-1")
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_the_command_prints_json(folder: Path, monkeypatch, capsys):
    assert command(monkeypatch, "--data", str(folder), "--perturbed", "0", "--json") == 0

    document = json.loads(capsys.readouterr().out)
    assert document["notice"] == RESEARCH_USE_ONLY
    assert document["missing"] == [ABSENT]
    assert {row["system"] for row in document["results"]} >= {AS_IT_IS}
    assert {row["source"] for row in document["measurement_error"]} == {"repeats"}
    assert document["prediction_intervals"] == []


def test_the_command_perturbs_as_many_images_as_the_flow():
    from flows.cli.models.evaluate import evaluate_command

    (option,) = (each for each in evaluate_command.params if each.name == "perturbed")

    assert option.default == EvaluationRequest(Path()).perturbed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "{empty}"), "severity_scores.csv cannot be read"),
        (("--data", "{folder}", "--model", "no-such"), "no model 'no-such'"),
        (("--data", "{folder}", "--comparators", "{empty}"), "there is no .csv file"),
        (("--data", "{folder}", "--opacity-scale", "6", "0"), "--opacity-scale"),
        (("--data", "{folder}", "--out", "{out}"), "exists and is not replaced"),
        ((), "--data"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    arguments,
    message,
    folder: Path,
    evaluation: Evaluation,
    out: Path,
    tmp_path,
    monkeypatch,
    capsys,
):
    places = {"empty": tmp_path, "folder": folder, "out": out}

    code = command(monkeypatch, *(argument.format(**places) for argument in arguments))

    errors = capsys.readouterr().err
    assert code == 2
    assert message in errors
    assert errors.count("\n") == 1
