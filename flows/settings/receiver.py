"""The settings of the DICOM receiver: where it listens, whom it answers, what it keeps free."""

from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, FilePath, PositiveInt, field_validator, model_validator
from pydantic_settings import BaseSettings

from flows.dicom_node import OWN_TITLE, AeTitle, title_of_settings
from flows.settings.comma_lists import CommaList
from flows.settings.durations import Days

_MEGABYTE = 2**20


class ReceiverSettings(BaseSettings):
    """The part of the settings that is about the DICOM receiver."""

    receiver_folder: Path | None = Field(
        default=None, description="drop folder that `receive` writes to; the inbox if absent"
    )
    receiver_host: str = Field(
        default="127.0.0.1", description="address that the receiver listens at"
    )
    receiver_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=11112, description="port of `receive`; 0 for any free one"
    )
    receiver_title: AeTitle = Field(
        default=OWN_TITLE, description="AE title of the receiver, which senders must call"
    )
    receiver_callers: CommaList = Field(
        default=(), description="AE titles of the senders that are answered; any if empty"
    )
    receiver_addresses: CommaList = Field(
        default=(), description="addresses or networks of those senders; any if empty"
    )
    receiver_certificate: FilePath | None = Field(
        default=None, description="certificate of the receiver, in PEM: it then speaks TLS alone"
    )
    receiver_key: FilePath | None = Field(
        default=None, description="private key of that certificate, in PEM"
    )
    receiver_client_authority: FilePath | None = Field(
        default=None, description="certificates, in PEM, that signed those of the senders"
    )
    receiver_free_megabytes: PositiveInt = Field(
        default=2048, description="free disk below which the receiver takes no film"
    )
    receiver_most_megabytes: PositiveInt = Field(
        default=128, description="size of a message above which the receiver hangs up"
    )
    receiver_associations: PositiveInt = Field(
        default=10, description="senders that the receiver serves at the same time"
    )
    receiver_associations_each: PositiveInt | None = Field(
        default=None,
        description="connections that one address may have at once; all of those but one if absent",
    )
    receiver_receipt_days: Days = Field(
        default=300,
        description="age at which receipts are deleted, of films that were scored or rejected",
    )

    @field_validator("receiver_callers")
    @classmethod
    def _titles(cls, titles: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(title_of_settings, titles))

    @field_validator("receiver_addresses")
    @classmethod
    def _networks(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        for address in addresses:
            ip_network(address)
        return addresses

    @field_validator("receiver_host")
    @classmethod
    def _address(cls, host: str) -> str:
        ip_address(host)
        return host

    @model_validator(mode="after")
    def _whole_tls(self) -> Self:
        if bool(self.receiver_certificate) != bool(self.receiver_key):
            raise ValueError(
                "SEVERITY_RECEIVER_CERTIFICATE and SEVERITY_RECEIVER_KEY need each other"
            )
        if self.receiver_client_authority and not self.receiver_certificate:
            raise ValueError(
                "SEVERITY_RECEIVER_CLIENT_AUTHORITY needs SEVERITY_RECEIVER_CERTIFICATE"
            )
        return self

    @model_validator(mode="after")
    def _known_senders(self) -> Self:
        is_open = not (self.receiver_addresses or self.receiver_client_authority)
        if is_open and not ip_address(self.receiver_host).is_loopback:
            raise ValueError(
                "a receiver that the network reaches needs SEVERITY_RECEIVER_ADDRESSES or "
                "SEVERITY_RECEIVER_CLIENT_AUTHORITY: anyone may call themselves by any AE title"
            )
        return self

    @property
    def receiver_most_from_one(self) -> int | None:
        """The connections that one address may have at once; None where it may take all."""
        served = self.receiver_associations
        each = self.receiver_associations_each or served - 1
        return each if 0 < each < served else None

    @property
    def receiver_least_free_bytes(self) -> int:
        """The free disk, in bytes, below which the receiver takes no film."""
        return self.receiver_free_megabytes * _MEGABYTE

    @property
    def receiver_most_bytes(self) -> int:
        """The size of a message, in bytes, above which the receiver hangs up."""
        return self.receiver_most_megabytes * _MEGABYTE
