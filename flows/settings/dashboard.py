"""The settings of the dashboard: where it is, who may see its pages, who may change anything."""

import re
from ipaddress import ip_network
from typing import Annotated, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings

from flows.settings.comma_lists import CommaList

SHORTEST_PASSWORD = 12
"""Characters. Guesses are slowed down, and of so many signs none is guessed."""


class DashboardSettings(BaseSettings):
    """The part of the settings that is about the dashboard."""

    dashboard_host: str = Field(
        default="127.0.0.1", description="address that the dashboard listens at"
    )
    dashboard_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=4220, description="port of `dashboard`; 0 for any free one"
    )
    dashboard_names: CommaList = Field(
        default=(), description="names in a browser's address by which it may be asked for"
    )
    dashboard_password: SecretStr | None = Field(
        default=None, description="what all who look at the dashboard know"
    )
    dashboard_operator_password: SecretStr | None = Field(
        default=None, description="what those know who may also release and dismiss"
    )
    dashboard_user_header: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{1,60}$")] | None = (
        Field(default=None, description="header in which a reverse proxy names the person")
    )
    dashboard_proxies: CommaList = Field(
        default=("127.0.0.1", "::1"), description="addresses or networks of that reverse proxy"
    )
    dashboard_operators: CommaList = Field(
        default=(), description="persons, as that header names them, who may release and dismiss"
    )

    dashboard_metrics_token: SecretStr | None = Field(
        default=None, description="bearer token with which a monitoring system reads `/metrics`"
    )

    dashboard_films: bool = Field(
        default=False, description="whether films are shown, into which names may be burned"
    )

    @field_validator("dashboard_names")
    @classmethod
    def _names_alone(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [name for name in names if not re.fullmatch(r"[\w.-]+|\[[\da-fA-F:]+\]", name)]:
            raise ValueError(f"{wrong[0]!r} is no name of a machine: no http:// and no port")
        return tuple(name.lower() for name in names)

    @field_validator("dashboard_proxies")
    @classmethod
    def _addresses(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in proxies:
            ip_network(proxy)
        return proxies

    @field_validator("dashboard_password", "dashboard_operator_password", "dashboard_metrics_token")
    @classmethod
    def _long_enough(cls, password: SecretStr | None) -> SecretStr | None:
        if password is not None and len(password.get_secret_value()) < SHORTEST_PASSWORD:
            raise ValueError(f"a password of the dashboard has at least {SHORTEST_PASSWORD} signs")
        return password

    @model_validator(mode="after")
    def _one_way_to_know_people(self) -> Self:
        if self.dashboard_user_header and self.dashboard_password:
            raise ValueError(
                "give either SEVERITY_DASHBOARD_PASSWORD or SEVERITY_DASHBOARD_USER_HEADER"
            )
        if self.dashboard_operators and not self.dashboard_user_header:
            raise ValueError(
                "SEVERITY_DASHBOARD_OPERATORS needs SEVERITY_DASHBOARD_USER_HEADER: without it "
                "anyone may call themselves so"
            )
        if self.dashboard_operator_password and not self.dashboard_password:
            raise ValueError(
                "SEVERITY_DASHBOARD_OPERATOR_PASSWORD needs SEVERITY_DASHBOARD_PASSWORD"
            )
        if self.dashboard_password and self.dashboard_password == self.dashboard_operator_password:
            raise ValueError("SEVERITY_DASHBOARD_OPERATOR_PASSWORD must be another password")
        return self
