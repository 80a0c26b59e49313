"""What other people's programs say of DICOM files."""

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import dcmqi
import pytest
from dicom_validator.validator.dicom_info import DicomInfo
from dicom_validator.validator.error_handler import NullValidationResultHandler
from dicom_validator.validator.iod_validator import IODValidator
from pydicom import Dataset
from pydicom.datadict import dictionary_description, tag_for_keyword
from pydicom.tag import Tag

from flows.exports.concepts import SCHEME

_MAY_BE = {"cond": {"type": "U"}}  # a condition that nothing fails: highdicom's tables have none
_CONTENT = "sr-document-content"
_EXPECTED = (
    f"Unrecognized defined term <{SCHEME}>",  # no table of the standard has private schemes
    "needed to build DICOMDIR",  # a medium; of a pseudonym no study ID is known
    "attribute <Laterality>",  # empty, as what shows no part of the body has none
)


def complaints_of_dciodvfy(file: Path) -> list[str]:
    """Return the errors and warnings of D. Clunie's validator; skip the test where it is absent."""
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy, of Debian's dicom3tools, is not installed")
    ended = subprocess.run([program, str(file)], capture_output=True, text=True, check=False)
    lines = ended.stderr.splitlines()
    assert any(line in {"Comprehensive3DSR", "SCImage"} for line in lines), "it knows the IOD"
    return [
        line
        for line in lines
        if line.startswith(("Error", "Warning")) and not any(text in line for text in _EXPECTED)
    ]


def complaints_of_dicom_validator(dataset: Dataset) -> list[str]:
    """Return what pydicom's validator finds missing, empty, invalid or in no module of the IOD.

    It downloads its tables from the standard's site. Those of highdicom are given to it instead,
    which say nothing of conditions. So it does not judge the content tree of a report, where all
    depends on the type of each item: dciodvfy and dcmqi do.
    """
    silent = NullValidationResultHandler()
    result = IODValidator(dataset, _standard(dataset.SOPClassUID), error_handler=silent).validate()
    return [
        f"{module}: {tag} {error.code}"
        for module, errors in result.module_errors.items()
        for tag, error in errors.items()
    ]


def read_by_dcmqi(file: Path) -> dict[str, Any]:
    """Return a TID 1500 report as dcmqi's reader understands it."""
    program = Path(dcmqi.__file__).parent / "bin/tid1500reader"
    output = file.with_suffix(".json")
    subprocess.run(
        [program, "--inputDICOM", file, "--outputMetadata", output],
        capture_output=True,
        check=True,
    )
    read: dict[str, Any] = json.loads(output.read_text())
    return read


@cache
def _standard(sop_class: str) -> DicomInfo:
    tables = files("highdicom") / "_standard"
    iods, modules, attributes = (
        json.loads((tables / f"{name}.json").read_text())
        for name in ("sop_class_iod_map", "iod_module_map", "module_attribute_map")
    )
    used = modules[iods[sop_class]]
    iod = {
        "title": iods[sop_class],
        "modules": {
            module["key"]: {"ref": module["key"], "use": module["usage"], **_MAY_BE}
            for module in used
        },
        "group_macros": {},
    }
    tree = {module["key"]: _module(attributes[module["key"]]) for module in used}
    if _CONTENT in tree:
        tree[_CONTENT] = {
            tag: {"name": attribute["name"], "type": "3"}
            for tag, attribute in tree[_CONTENT].items()
        }
    return DicomInfo({}, {sop_class: iod}, tree)


def _module(attributes: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a module's attributes as a tree, from the list with their paths."""
    module: dict[str, Any] = {}
    for attribute in attributes:
        if tag_for_keyword(attribute["keyword"]) is None:  # of a group for each overlay
            continue
        place = module
        for keyword in attribute["path"]:
            place = place[_tag(keyword)].setdefault("items", {})
        place[_tag(attribute["keyword"])] = {
            "name": dictionary_description(attribute["keyword"]),
            "type": attribute["type"],
            **_MAY_BE,
        }
    return module


def _tag(keyword: str) -> str:
    tag = Tag(keyword)
    return f"({tag.group:04X},{tag.element:04X})"
