"""The settings of the PACS: where it is, how it knows this program, and how fast it is asked."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    Field,
    FilePath,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    model_validator,
)
from pydantic_settings import BaseSettings

from flows.dicom_node import OWN_TITLE, AeTitle
from flows.settings.durations import Days
from flows.settings.tokens import Token


class PacsSettings(BaseSettings):
    """The part of the settings that is about fetching films from a PACS."""

    pacs: str | None = Field(
        default=None, description="PACS that films are fetched from: https://... or AET@HOST:PORT"
    )
    pacs_folder: Path | None = Field(
        default=None,
        description="drop folder that `fetch` writes to; the receiver's, or the inbox, if absent",
    )
    pacs_days: Days = Field(
        default=3, description="study dates that `fetch` asks for each time, up to today"
    )
    pacs_reconcile_days: Days = Field(
        default=30, description="study dates that `reconcile` compares, up to today"
    )
    pacs_rate: PositiveFloat = Field(default=5, description="films that are asked for in a second")
    pacs_parallel: Annotated[int, Field(ge=1, le=16)] = Field(
        default=2, description="films that are fetched at the same time"
    )
    pacs_attempts: PositiveInt = Field(
        default=5, description="times that a question is asked, after pauses of 1, 2, 4, 8 seconds"
    )
    pacs_answer_seconds: Annotated[float, Field(gt=0, le=86_400)] = Field(
        default=60,
        description="time that each part of an answer may take; ten times that, all of it",
    )
    pacs_user: str | None = Field(default=None, description="user of the DICOMweb service")
    pacs_password: SecretStr | None = Field(default=None, description="password of that user")
    pacs_token: Token | None = Field(
        default=None, description="bearer token of the DICOMweb service"
    )
    pacs_ca: FilePath | None = Field(
        default=None,
        description="certificates (PEM) that prove the PACS; a DICOM node is then asked by TLS",
    )
    pacs_certificate: FilePath | None = Field(
        default=None, description="certificate and key (PEM) that prove this program to the PACS"
    )
    pacs_title: AeTitle = Field(
        default=OWN_TITLE, description="AE title by which a DICOM node knows this program"
    )
    pacs_move_to: AeTitle | None = Field(
        default=None,
        description="AE title of `receive`, to which a DICOM node sends films: C-MOVE, not C-GET",
    )

    @model_validator(mode="after")
    def _one_way_to_sign_in(self) -> Self:
        if self.pacs_token and self.pacs_user:
            raise ValueError("give either SEVERITY_PACS_TOKEN or SEVERITY_PACS_USER")
        if (self.pacs_user is None) != (self.pacs_password is None):
            raise ValueError("SEVERITY_PACS_USER and SEVERITY_PACS_PASSWORD go together")
        return self
