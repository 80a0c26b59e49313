from pathlib import Path

import pytest

from flows.errors import UsageError
from flows.evaluation.comparators import COMPARATORS, read_comparator, read_comparators
from flows.labelled_images.folder import read_labelled
from severity.domain import Scale
from tests.builders.small_images import write_image

HEADER = "filename,geographic_extent_mean,opacity_mean\n"


def labels(folder: Path, rows: str, *, metadata: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "severity_scores.csv").write_text(HEADER + rows)
    if metadata:
        (folder / "metadata.csv").write_text(metadata)
    return folder


def test_images_lie_next_to_the_tables_or_in_images_and_missing_ones_are_named(tmp_path: Path):
    write_image(tmp_path / "outside.png", seed=1)
    write_image(tmp_path / "images" / "inside.png", seed=2)
    metadata = "filename,patientid,view,sex,age\ninside.png,7,AP,female,61\n"
    labels(tmp_path, "outside.png,1,2\nabsent.png,3,4\ninside.png,8,6\n", metadata=metadata)

    labelled = read_labelled(tmp_path, opacity=Scale(0, 6))

    assert labelled.missing == ("absent.png",)
    outside, inside = labelled.images
    assert (outside.name, outside.patient, outside.age) == ("outside.png", "", None)
    assert (inside.patient, inside.view, inside.sex, inside.age) == ("7", "AP", "F", 61)
    assert (inside.extent, inside.opacity) == (8, 6)


def test_the_names_of_columns_are_known_in_any_case(tmp_path: Path):
    """As in a sidecar: else films of one patient would be on both sides of a split."""
    write_image(tmp_path / "a.png", seed=1)
    (tmp_path / "severity_scores.csv").write_text(HEADER.upper() + "a.png,1,2\n")
    (tmp_path / "metadata.csv").write_text("FileName,PatientID,View\na.png,7,AP\n")

    labelled = read_labelled(tmp_path, opacity=Scale(0, 6))

    assert [(image.patient, image.view) for image in labelled.images] == [("7", "AP")]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a.png,1,7\n", "opacity_mean of a.png is 7, not from 0 to 6; see --opacity-scale"),
        ("a.png,9,1\n", "geographic_extent_mean of a.png is 9, not from 0 to 8"),
        ("a.png,nan,1\n", "is nan, not from"),
        ("a.png,,1\n", "is no number; leave out an image that has no score"),
        ("a.png,0_5,1\n", "geographic_extent_mean of a.png is no number"),
        ("a.png,1,1\na.png,2,7,1,5\n", "record 2 has 5 cells, and there are 3 columns"),
        ("a.png,1,1\na.png,2,1\n", "names a.png a second time"),
        ("../a.png,1,1\n", "is not a name within the folder"),
    ],
)
def test_wrong_labels_are_refused_with_their_image(tmp_path: Path, rows: str, message: str):
    write_image(tmp_path / "a.png", seed=1)

    with pytest.raises(UsageError, match=message.replace("(", r"\(")):
        read_labelled(labels(tmp_path, rows), opacity=Scale(0, 6))


def test_one_file_counts_once_under_all_of_its_names(tmp_path: Path):
    write_image(tmp_path / "images" / "a.png", seed=1)
    (tmp_path / "images" / "alias.png").symlink_to("a.png")
    rows = "a.png,1,2\n./a.png,1,2\nimages/a.png,1,2\nimages\\a.png,1,2\nalias.png,1,2\n"
    absent = "b.png,1,2\nb.png,1,2\n"

    labelled = read_labelled(labels(tmp_path, rows + absent), opacity=Scale(0, 6))

    assert [image.name for image in labelled.images] == ["a.png"]
    assert labelled.missing == ("b.png",)
    with pytest.raises(UsageError, match=r"record 2 names images/a\.png a second time"):
        read_labelled(labels(tmp_path, "a.png,1,2\nimages/a.png,2,2\n"), opacity=Scale(0, 6))


def test_images_may_be_links_to_where_they_lie(tmp_path: Path):
    write_image(tmp_path / "outside.png", seed=1)
    labels(tmp_path / "in", "a.png,1,2\n")
    (tmp_path / "in/a.png").symlink_to(tmp_path / "outside.png")

    (image,) = read_labelled(tmp_path / "in", opacity=Scale(0, 6)).images

    assert image.path == tmp_path / "outside.png"


def test_a_name_that_no_file_can_have_is_missing(tmp_path: Path):
    long = "x" * 300 + ".png"

    labelled = read_labelled(labels(tmp_path, f"{long},1,2\n"), opacity=Scale(0, 6))

    assert labelled.missing == (long,)


def test_the_patient_is_that_of_metadata_under_any_name_of_the_file_and_column(tmp_path: Path):
    """As repeats have it: else a patient of a fit would count as a new one."""
    write_image(tmp_path / "images" / "a.png", seed=1)
    (tmp_path / "severity_scores.csv").write_text(
        HEADER.strip() + ",patientid,view\na.png,1,2,theirs,AP\n"
    )
    (tmp_path / "metadata.csv").write_text("filename,Patient ID,view\nimages/a.png,7,\n")

    labelled = read_labelled(tmp_path, opacity=Scale(0, 6))

    assert [(image.patient, image.view) for image in labelled.images] == [("7", "AP")]


def test_the_scale_of_opacity_can_be_another(tmp_path: Path):
    write_image(tmp_path / "a.png", seed=1)

    labelled = read_labelled(labels(tmp_path, "a.png,1,7\n"), opacity=Scale(0, 8))

    assert labelled.images[0].opacity == 7


def test_a_folder_without_labels_is_refused(tmp_path: Path):
    with pytest.raises(UsageError, match=r"severity_scores\.csv cannot be read"):
        read_labelled(tmp_path, opacity=Scale(0, 6))


def test_a_comparator_with_one_column_predicts_both_scores_with_it(tmp_path: Path):
    (tmp_path / "mine.csv").write_text("filename,total\na.png,3\na.png,3.0\n")
    (tmp_path / COMPARATORS["COVID-Net-S"]).write_text("fname,geo,opacity\na.png,1,2\n")

    comparators = read_comparators(tmp_path)

    assert comparators == {"COVID-Net-S": {"a.png": (1, 2)}, "mine": {"a.png": (3, 3)}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n", "no column filename or fname"),
        ("fname,x,y\na,1,2\n", "columns geo and opacity, or one column"),
        ("fname,x\na,high\n", "is not a table of a system's outputs"),
        ("fname,x\na,2,5\n", "record 1 has 3 cells"),
        ("fname,x\na,1\na,2\n", "record 2 has other outputs"),
    ],
)
def test_a_table_that_is_no_comparator_is_refused(tmp_path: Path, content: str, message: str):
    (tmp_path / "broken.csv").write_text(content)

    with pytest.raises(UsageError, match=message):
        read_comparator(tmp_path / "broken.csv")
