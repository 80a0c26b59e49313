"""The examination of a site: all findings, in the order in which they are to be seen to."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from flows.operations.doctor import machine, places, site
from flows.operations.doctor.finding import Finding, Level, notice
from flows.resources import Resources


@dataclass(frozen=True)
class Examination:
    """All findings. What comes first causes what comes later: without a secret, no database."""

    findings: tuple[Finding, ...]

    @property
    def level(self) -> Level:
        """The worst of all findings."""
        return self.first.level if self.first else Level.OK

    @property
    def first(self) -> Finding | None:
        """The finding to see to first; None if all is well."""
        return next(
            (
                finding
                for level in (Level.PROBLEM, Level.NOTICE)
                for finding in self.findings
                if finding.level is level
            ),
            None,
        )


def examine(resources: Resources) -> Examination:
    """Examine a site, from what all else needs to what can wait; change nothing."""
    return Examination(tuple(_findings(resources)))


def _findings(resources: Resources) -> Iterator[Finding]:
    settings = resources.settings
    home = machine.home(settings)
    yield home
    if home.level is Level.PROBLEM:
        return  # of another user's site
    yield machine.secret(settings)
    yield machine.disk(settings)
    yield from site.database(resources)
    if not settings.all_sources:
        yield notice("source", "none is set", "set SEVERITY_INBOX or SEVERITY_SOURCES")
    for source in settings.all_sources:
        yield from places.source(source.name, source.location)
    yield from places.drop_folders(settings)
    yield machine.weights(settings)
    yield machine.network_device(settings)
    yield machine.time_zone(settings)
    yield places.last_backup(settings, datetime.now(UTC))
