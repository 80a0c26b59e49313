"""The bundled models: their cards, files and calibrations, without loading a network."""

import json
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from severity.course.parameters import CourseParameters
from severity.errors import ModelUnavailable, WrongParameters, WrongWeights
from severity.reliability.calibration import Calibration, calibration_from_json

BUNDLED = ("compact-3", "compact-2", "compact-1")
"""The newest first. Older ones stay, so that the trends that they began can go on."""


def bundled_card(name: str) -> dict[str, Any]:
    """Read a model's card: hashes, scales, measured accuracy, training.

    Raises
    ------
    ModelUnavailable
        No such model comes with the package.
    """
    card: dict[str, Any] = json.loads(bundled_file(name, "json").read_text(encoding="utf-8"))
    return card


def bundled_calibration(name: str) -> Calibration | None:
    """Read a model's calibration; None if it has none.

    Raises
    ------
    ModelUnavailable
        No such model comes with the package.
    """
    file = bundled_file(name, "calibration.json")
    return calibration_from_json(file.read_text(encoding="utf-8")) if file.is_file() else None


def bundled_course_parameters(name: str) -> CourseParameters:
    """Read the parameters of courses that were learned for a model from public series.

    Raises
    ------
    ModelUnavailable
        No such model comes with the package.
    WrongParameters
        They are not the ones that the model's card names.
    """
    text = bundled_file(name, "course.json").read_text(encoding="utf-8")
    parameters, expected = CourseParameters.from_json(text), bundled_card(name)["course_sha256"]
    if parameters.sha256 != expected:
        raise WrongParameters(
            f"{name}.course.json has SHA-256 {parameters.sha256}, not {expected}: "
            "reinstall the package"
        )
    return parameters


def bundled_file(name: str, ending: str) -> Traversable:
    """Return one of a model's files.

    Its endings are ``json``, ``safetensors``, ``network.json``, ``calibration.json`` and
    ``course.json``.
    """
    if name not in BUNDLED:
        raise ModelUnavailable(f"no bundled model {name!r}; there is {', '.join(BUNDLED)}")
    return resources.files("severity") / "weights" / f"{name}.{ending}"


def check_weights(name: str, sha256: str) -> None:
    """Refuse weights other than those that a head was fitted on.

    Raises
    ------
    ModelUnavailable
        No such model comes with the package.
    WrongWeights
        The package has other weights of that name by now.
    """
    installed = bundled_card(name)["weights_sha256"]
    if installed != sha256:
        raise WrongWeights(
            f"the head was fitted on weights {sha256[:12]} of {name}, but this package has "
            f"{installed[:12]}: fit it again, under another name"
        )


def check_precision(name: str, precision: str) -> None:
    """Refuse a precision in which a model must not be scored.

    Raises
    ------
    ModelUnavailable
        The precision would move the model's scores.
    """
    if precision != "fp32":
        # As was measured: its filters of single channels lose too much.
        moved = bundled_card(name)["bf16_moves_points_by"]
        reason = f"moves its points by up to {moved}" if moved else "was not measured"
        raise ModelUnavailable(f"{name} is scored in fp32 alone: {precision} {reason}")
