"""The settings: read once, from the environment; what is missing or wrong stops the start."""

from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    AliasChoices,
    AnyHttpUrl,
    Field,
    FilePath,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import SettingsConfigDict

from flows.errors import UsageError
from flows.home import absolute_folder, default_home
from flows.settings.dashboard import DashboardSettings
from flows.settings.durations import Days, FractionOfDays, Hours, Seconds
from flows.settings.orchestration import OrchestrationSettings
from flows.settings.pacs import PacsSettings
from flows.settings.receiver import ReceiverSettings
from flows.settings.source import INBOX, Sources, SourceSettings
from flows.settings.tokens import Token
from severity.cores import cores
from severity.heads.head import NAME
from severity.pseudonym import SHORTEST_KEY, links

_DEFAULT_MODEL = "compact-3"
_DEVICE = r"^(auto|cpu|cuda(:[0-9]+)?)$"
_WholePath = Annotated[Path, AfterValidator(absolute_folder)]


class Settings(DashboardSettings, OrchestrationSettings, PacsSettings, ReceiverSettings):
    """Read from ``SEVERITY_*`` and ``DATABASE_URL``."""

    model_config = SettingsConfigDict(
        env_prefix="SEVERITY_", frozen=True, env_ignore_empty=True, allow_inf_nan=False
    )

    database_url: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("database_url", "DATABASE_URL"),
        description="PostgreSQL to use instead of the embedded one",
    )
    home: _WholePath = Field(
        default_factory=default_home, description="folder of the embedded database and of caches"
    )
    inbox: str | None = Field(
        default=None, description="drop folder, or s3://, gs:// or az://bucket/prefix"
    )
    sources: Sources = Field(
        default_factory=dict, description="further sources, as JSON: name to location or options"
    )
    model: str = Field(
        default=_DEFAULT_MODEL,
        description="the model that scores, by name",
    )
    precision: Literal["fp32", "bf16"] = Field(
        default="fp32", description="arithmetic of the network; part of the model version"
    )
    device: str = Field(
        default="auto",
        pattern=_DEVICE,
        description="where the network runs: cpu, cuda or cuda:N; auto takes a GPU if there is one",
    )
    streams: PositiveInt | None = Field(
        default=None, description="batches in the network at once; one for each core of a CPU"
    )
    batch_size: PositiveInt = Field(
        default=16, description="images per forward pass and per transaction; bounds memory"
    )
    decoders: PositiveInt = Field(
        default_factory=cores, description="images read and decoded at the same time"
    )
    settle_seconds: Annotated[float, Field(ge=0, le=86_400)] = Field(
        default=30, description="age before which a file counts as half-written"
    )
    timezone: str = Field(default="UTC", description="assumed for times that name none")
    issuer: str = Field(
        default="", description="assumed as the issuer of identifiers whose images name none"
    )
    cron: str = Field(default="0 2 * * *", description="when `serve` scores: nightly at two")
    poll_seconds: Seconds | None = Field(
        default=None, description="if set, `serve` also scores at this interval"
    )
    pass_hours: Hours = Field(
        default=20, description="time after which a pass of `serve` is ended, as it may hang"
    )
    prefect_port: Annotated[int, Field(ge=1, le=65535)] = Field(
        default=4210, description="port of the Prefect server of `serve`, on this machine alone"
    )
    prefect_days: Days = Field(
        default=30, description="age at which that server deletes runs, their logs and artifacts"
    )
    episode_days: FractionOfDays = Field(
        default=90, description="gap without an image after which a patient's next episode begins"
    )
    margin_points: PositiveFloat = Field(
        default=1.3, description="change of geographic extent that matters; opacity by its scale"
    )
    bridged: bool = Field(
        default=False,
        description="courses are shown across a change of the model version, where a bridge exists",
    )
    pseudonym_key: SecretStr | None = Field(
        default=None,
        description="secret of at least 32 characters behind the patients' pseudonyms; "
        "required with DATABASE_URL, else made once and kept in the home folder",
    )
    success_url: SecretStr | None = Field(
        default=None,
        description="URL that is called after each successful pass, as that of a check of "
        "healthchecks.io; its absence is the alarm",
    )
    event_log: bool = Field(
        default=False,
        description="whether runs and batches are logged as lines of JSON, in log/events.jsonl",
    )
    event_log_megabytes: PositiveInt = Field(
        default=10, description="size at which that file begins anew; four older ones are kept"
    )
    lookup_days: Annotated[Days, Field(ge=365)] = Field(
        default=3650, description="age at which the record of who looked at whom is deleted"
    )
    gone_days: Days = Field(
        default=365, description="time after which the place of a file that is gone is deleted"
    )
    backup_folder: _WholePath | None = Field(
        default=None,
        description="where `db backup` writes if it is told no file, and `doctor` looks",
    )
    backup_days: Days = Field(
        default=30,
        description="age at which backups in that folder are deleted, but the last three",
    )
    fhir_token: Token | None = Field(
        default=None, description="bearer token of the FHIR server that `export fhir` sends to"
    )
    weights_file: FilePath | None = Field(
        default=None, description="the published weights, for a machine without internet"
    )
    weights_url: AnyHttpUrl | None = Field(
        default=None, description="another URL to download the published weights from"
    )
    weights_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        default=None, description="SHA-256 of the published weights, if not the known one"
    )

    @field_validator("model")
    @classmethod
    def _possible_name(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a model: see `cxr-severity model list`")
        return name

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{name!r} is not an IANA time zone such as Europe/Berlin") from error
        return name

    @field_validator("success_url")
    @classmethod
    def _web_address(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(("http://", "https://")):
            raise ValueError("it begins with neither https:// nor http://")
        return url

    @model_validator(mode="after")
    def _own_secret_for_a_shared_database(self) -> Self:
        key = self.pseudonym_key
        if key is not None and any(
            len(link) < SHORTEST_KEY for link in links(key.get_secret_value().encode())
        ):
            raise ValueError(f"SEVERITY_PSEUDONYM_KEY is shorter than {SHORTEST_KEY} characters")
        if self.database_url is not None and key is None:
            raise ValueError(
                "SEVERITY_PSEUDONYM_KEY is required with DATABASE_URL: all machines that share "
                "a database must share the secret (make one with `openssl rand -hex 32`)"
            )
        return self

    @model_validator(mode="after")
    def _each_source_once(self) -> Self:
        if self.inbox is not None and INBOX in self.sources:
            raise ValueError(f"SEVERITY_SOURCES: {INBOX!r} is what SEVERITY_INBOX is called")
        if len({source.location for source in self.all_sources}) < len(self.all_sources):
            raise ValueError("SEVERITY_SOURCES: two sources have one location")
        return self

    @model_validator(mode="after")
    def _receipts_before_places(self) -> Self:
        if self.receiver_receipt_days >= self.gone_days:
            raise ValueError(
                f"SEVERITY_RECEIVER_RECEIPT_DAYS, {self.receiver_receipt_days}, is not below "
                f"SEVERITY_GONE_DAYS, {self.gone_days}: received films would seem lost"
            )
        return self

    @property
    def all_sources(self) -> tuple[SourceSettings, ...]:
        """The inbox, if one is set, and the further sources, in the order in which they are set."""
        inbox = () if self.inbox is None else (SourceSettings(location=self.inbox),)
        return (*inbox, *self.sources.values())

    def sources_named(self, *names: str) -> tuple[SourceSettings, ...]:
        """Return the sources of these names, or all that are set.

        Raises
        ------
        UsageError
            No source is set, or none has one of the names.
        """
        by_name = {source.name: source for source in self.all_sources}
        if not by_name:
            raise UsageError("no inbox: give --inbox DIR_OR_URL or set SEVERITY_INBOX")
        for name in names:
            if name not in by_name:
                raise UsageError(f"no source {name!r}; choose one of {', '.join(by_name)}")
        return tuple(by_name[name] for name in dict.fromkeys(names or by_name))

    def only_source(self) -> SourceSettings:
        """Return the source that is set, for what works on one alone.

        Raises
        ------
        UsageError
            None is set, or several are.
        """
        first, *others = self.sources_named()
        if others:
            raise UsageError("several sources are set: name one by --inbox or SEVERITY_INBOX alone")
        return first

    def source_at(self, location: str) -> SourceSettings | None:
        """Return the settings of the source at a location; None if none is set there."""
        # As it is spelled first: to look at the folder of another source may take long.
        spelled = (source for source in self.all_sources if source.location == location)
        same = (source for source in self.all_sources if source.is_at(location))
        return next(spelled, None) or next(same, None)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone assumed for times that name none."""
        return ZoneInfo(self.timezone)

    @property
    def pseudonym_file(self) -> Path:
        """Where the pseudonym secret is kept that was made, where none is set."""
        return self.home / "pseudonym.key"

    @property
    def renewed_pseudonym_file(self) -> Path:
        """Where a renewed secret is kept until the database has it."""
        return self.pseudonym_file.with_name(f"{self.pseudonym_file.name}.next")


def read_settings(**options: object) -> Settings:
    """Read the settings from a command's own options and, where one is None, the environment.

    Raises
    ------
    UsageError
        A setting is missing or wrong.
    """
    chosen = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(**chosen)  # type: ignore[arg-type] # pydantic checks them
    except ValidationError as error:
        raise UsageError(_message(error)) from error


def _message(error: ValidationError) -> str:
    """Name each wrong setting as the operator wrote it, without its value: it may be secret."""
    lines = []
    for problem in error.errors(include_input=False, include_url=False):
        first, *inside = map(str, problem["loc"] or [""])
        name = first.upper()
        variable = name if name in {"", "DATABASE_URL"} else f"SEVERITY_{name}"
        place = " ".join([variable, *inside])
        message = problem["msg"].removeprefix("Value error, ")
        lines.append(f"{place}: {message}".removeprefix(": "))
    return "; ".join(lines)
