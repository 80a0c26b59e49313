"""The record of a fit in a stored model: what it must hold so that the model can be shown.

`flows.head_training.record` writes it; what is not named here may be there too.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from severity.errors import WrongWeights

FITTED_ON = "fitted_on"
"""The key in a training record of the images that the head was fitted on, by `short_hash`."""


class _Record(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class _Metrics(_Record):
    mae: float | None
    mae_sd: float | None = None
    r: float | None
    r_sd: float | None = None


class _Measured(_Record):
    geographic_extent: _Metrics
    opacity: _Metrics
    n_images: int
    n_patients: int
    protocol: str


class _Head(_Record):
    kind: str
    on: str
    chosen: dict[str, Any]


class _Training(_Record):
    images: int
    groups: int
    images_by_label: dict[str, int]
    head: _Head
    seed: int
    software: str
    data_fingerprint: str
    cautions: list[str]
    images_fitted_on: list[str] = Field(default=[], alias=FITTED_ON)


def checked_measured(content: object) -> Mapping[str, Any]:
    """Return the errors of a fitted head as they were read; empty if it was not fitted here.

    Raises
    ------
    WrongWeights
        A number is absent or none.
    """
    return _checked(content, _Measured, "measured")


def checked_training(content: object) -> Mapping[str, Any]:
    """Return how a head was fitted as it was read; empty if it was not fitted here.

    Raises
    ------
    WrongWeights
        An entry is absent or of another type.
    """
    return _checked(content, _Training, "training")


def _checked(content: object, record: type[_Record], name: str) -> Mapping[str, Any]:
    if not isinstance(content, dict):
        raise WrongWeights(f"{name} is no object")
    if content:
        try:
            record.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            entry = ".".join(map(str, (name, *first["loc"])))
            raise WrongWeights(f"{entry}: {first['msg']}") from error
    return content
