"""What a DICOM header says of the body part and the view."""

from collections.abc import Iterator

from pydicom import Dataset

from severity.dicom.attributes import first_text, texts
from severity.domain import Decision, View
from severity.vocabulary.body_parts import decide_body_part
from severity.vocabulary.views import (
    Statement,
    decide_view,
    view_in_words,
    view_of_code,
    view_of_orientation,
)


def body_part(dataset: Dataset) -> Decision:
    """Return that the header states the chest, or no body part.

    Raises
    ------
    NotAFrontalChestRadiograph
        It states another.
    """
    codes = list(_codes(dataset, "AnatomicRegionSequence"))
    return decide_body_part(texts(dataset, "BodyPartExamined"), codes)


def view(dataset: Dataset) -> tuple[View, Decision]:
    """Return the view, and the attribute that decided it.

    Raises
    ------
    NotAFrontalChestRadiograph
        It is a lateral or an oblique view.
    """
    return decide_view(list(_statements(dataset)))


def _statements(dataset: Dataset) -> Iterator[Statement]:
    """List what each attribute says of the view, in the order in which they decide."""
    position = " ".join(texts(dataset, "ViewPosition"))
    yield Statement("View Position (0018,5101)", view_in_words(position), position)
    for value, meaning in _codes(dataset, "ViewCodeSequence"):
        written = f"{value} {meaning}".strip()
        yield Statement("View Code Sequence (0054,0220)", view_of_code(value, meaning), written)
    directions = texts(dataset, "PatientOrientation")
    along_rows, along_columns, *_ = *directions, "", ""
    says = view_of_orientation(along_rows, along_columns)
    yield Statement("Patient Orientation (0020,0020)", says, "\\".join(directions))
    # Not shown as written: a description is free text, in which names were seen.
    described = view_in_words(first_text(dataset, "SeriesDescription"))
    yield Statement("Series Description (0008,103E)", described, is_hint=True)


def _codes(dataset: Dataset, keyword: str) -> Iterator[tuple[str, str]]:
    """List the value and the meaning of each code of a sequence that was read."""
    for item in dataset.get(keyword) or ():
        yield first_text(item, "CodeValue"), first_text(item, "CodeMeaning")
