"""The settings of what Prefect schedules at a site, and of who is told when something is wrong."""

from functools import partial
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import (
    AnyHttpUrl,
    BeforeValidator,
    DirectoryPath,
    Field,
    PositiveInt,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode

from flows.settings.comma_lists import CommaList
from flows.settings.json_objects import json_object

DEPLOYMENTS = (
    "discover",
    "score",
    "rescore",
    "courses",
    "reconcile",
    "fetch",
    "retention",
    "evaluate",
)
"""What `deploy` registers, by name: SEVERITY_SCHEDULES may set when each is due."""

_Schedules = Annotated[
    dict[str, str],
    NoDecode,
    BeforeValidator(partial(json_object, example='{"courses": "0 * * * *"}')),
]


class OrchestrationSettings(BaseSettings):
    """The part of the settings that is about deployments, retention and alerts."""

    schedules: _Schedules = Field(
        default={}, description="lines of cron by deployment, as JSON; an empty one: not scheduled"
    )
    backlog_images: PositiveInt = Field(
        default=100, description="images that wait, from which `discover` starts scoring at once"
    )
    evaluation_data: DirectoryPath | None = Field(
        default=None, description="folder of labelled images that `evaluate` measures the model on"
    )
    dashboard_url: AnyHttpUrl | None = Field(
        default=None, description="address of the dashboard, for links on Prefect's page and alerts"
    )
    alert_webhook: SecretStr | None = Field(
        default=None, description="URL that alerts are posted to, as JSON"
    )
    alert_mail_server: SecretStr | None = Field(
        default=None,
        description="mail server for alerts: smtp://USER:PASSWORD@HOST:PORT (STARTTLS), smtps://, "
        "or smtp+plain:// without encryption",
    )
    alert_mail_from: str = Field(default="", description="sender of alerts")
    alert_mail_to: CommaList = Field(default=(), description="whom alerts are mailed to")

    @field_validator("schedules")
    @classmethod
    def _known_deployments(cls, schedules: dict[str, str]) -> dict[str, str]:
        if unknown := schedules.keys() - set(DEPLOYMENTS):
            raise ValueError(
                f"there is no deployment {min(unknown)!r}; choose of {', '.join(DEPLOYMENTS)}"
            )
        return schedules

    @field_validator("alert_mail_server")
    @classmethod
    def _mail_server(cls, server: SecretStr | None) -> SecretStr | None:
        if server is not None and not server.get_secret_value().startswith(
            ("smtp://", "smtps://", "smtp+plain://")
        ):
            raise ValueError("a mail server begins with smtp://, smtps:// or smtp+plain://")
        if server is not None and not _names_a_server(server.get_secret_value()):
            raise ValueError(
                "a mail server is USER:PASSWORD@HOST:PORT; write / ? # @ in a password as "
                "%2F %3F %23 %40"
            )
        return server

    @model_validator(mode="after")
    def _whole_address(self) -> Self:
        if self.alert_mail_server and not (self.alert_mail_from and self.alert_mail_to):
            raise ValueError(
                "SEVERITY_ALERT_MAIL_SERVER needs SEVERITY_ALERT_MAIL_FROM and "
                "SEVERITY_ALERT_MAIL_TO"
            )
        return self

    @property
    def operations_url(self) -> str:
        """The address of the dashboard's page Operations; empty if it is not known."""
        address = self.dashboard_url
        return "" if address is None else f"{str(address).rstrip('/')}/operations"


def _names_a_server(url: str) -> bool:
    """Return whether a URL has a host, a port that is none or a number, and nothing behind them."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # whose message quotes a piece of the password
        return False
    rest = (parts.path.removeprefix("/"), parts.query, parts.fragment)
    return bool(parts.hostname) and port != 0 and not any(rest) and parts.netloc.count("@") <= 1
