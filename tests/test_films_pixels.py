"""The table of pixels in docs/films.md has all that is read of a film's pixels, and its limits."""

import ast
from pathlib import Path

import pytest
from pydicom.datadict import dictionary_description, tag_for_keyword

import severity.dicom
from severity.dicom.needed_attributes import NEEDED, NEEDED_SEQUENCES
from severity.domain import OutOfDistribution
from severity.errors import UntrustworthyPixels
from severity.reliability.out_of_distribution import LEAST_GREYS

FILMS = (Path(__file__).parents[1] / "docs/films.md").read_text(encoding="utf-8")
PIXELS = FILMS[FILMS.index("## Pixels") :]
OF_PIXELS = (
    "copied_in_part",
    "display",
    "excluded_pixels",
    "frame",
    "geometry",
    "look_up_table",
    "pixel_data",
    "windowing",
)


def modules() -> dict[str, ast.Module]:
    folder = Path(severity.dicom.__path__[0])
    return {file.stem: ast.parse(file.read_text(encoding="utf-8")) for file in folder.glob("*.py")}


def attributes_of(tree: ast.Module) -> set[str]:
    """Return each keyword of the standard that a module names, in whole or as parts of a text."""
    words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    words |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return {word for word in words if isinstance(word, str) and tag_for_keyword(word)}


def of_pixels() -> set[str]:
    """Return the needed attributes that only the modules for pixels name, and what comes last."""
    named = {keyword for name in OF_PIXELS for keyword in attributes_of(modules()[name])}
    last = NEEDED[NEEDED.index("SamplesPerPixel") :]
    return named | set(last) | {keyword for keyword in NEEDED_SEQUENCES if "LUT" in keyword}


@pytest.mark.parametrize("keyword", sorted(of_pixels()))
def test_every_attribute_of_the_pixels_is_in_the_table(keyword: str) -> None:
    assert dictionary_description(tag_for_keyword(keyword)) in PIXELS


def test_the_flag_and_its_limit_are_in_the_table() -> None:
    assert f"`{OutOfDistribution.LOW_CONTRAST}`" in PIXELS
    assert LEAST_GREYS == 3 / 8
    assert "three eighths" in PIXELS


def test_every_step_that_rejects_pixels_says_with_which_reason() -> None:
    raised = {
        name
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == UntrustworthyPixels.__name__
    }

    assert raised <= {"display", "geometry", "look_up_table", "pixel_data"}
    assert PIXELS.count("`untrustworthy_pixels`") >= len(raised)
