"""What the doctor examines of the database: rights, clock, size, balance, and the last pass."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from db.errors import DatabaseError
from db.reading.site import balances, diagnosis, monitoring
from db.reading.site.diagnosis import Growth, ServerReport
from flows.errors import FlowsError
from flows.operations.doctor.finding import Finding, notice, problem, well
from flows.operations.doctor.places import location_of
from flows.resources import Resources

_CLOCK = timedelta(seconds=30)
_PASS_EACH = timedelta(days=1, hours=2)  # nightly, and some time to work
_QUIET = timedelta(days=3)  # a long weekend
_SILENT = timedelta(days=14)
_FEW_DAYS = 30
_OLD_TRANSACTIONS = 1_000_000_000


def database(resources: Resources) -> list[Finding]:
    """Examine the database and what it knows; one finding alone if it cannot be used."""
    try:
        opened = resources.read_database()
        with opened.transaction() as session:
            begun = datetime.now(UTC)
            report = diagnosis.server_report(session)
            findings = [
                well("database", f"PostgreSQL {report.version} answers, and its tables are ours"),
                *_rights(report, is_own=resources.settings.database_url is None),
                _clock(report.at - begun),
                *_size(report, diagnosis.growth(session), resources),
                *_balance(balances.balances(session)),
                *_passes(monitoring.source_runs(session), resources, report.at),
            ]
    except DatabaseError as error:
        return [problem("database", error.summary, "do what the message says; run this again")]
    except FlowsError as error:
        return [problem("database", str(error), "do what the message says; run this again")]
    return findings


def _rights(report: ServerReport, *, is_own: bool) -> Iterator[Finding]:
    """Judge what the login may do; of the embedded server it is the owner of all."""
    if report.is_read_only:
        yield problem("rights", "the server takes no writing", "name the primary in DATABASE_URL")
    elif not report.is_worker:
        yield notice(
            "rights",
            "this login may only read",
            "for a program that scores, make it a member of severity_worker",
        )
    elif report.is_superuser and not is_own:
        yield notice(
            "rights",
            "this login is a superuser of the server",
            "log in as a member of severity_worker (docs/how-to/external-postgresql.md)",
        )
    else:
        yield well("rights", "this login may write scores")
    if len(report.roles) < 2:  # noqa: PLR2004 - the worker's and the reader's
        yield notice(
            "roles",
            "the roles severity_worker and severity_reader do not both exist",
            "let a superuser run `cxr-severity db upgrade` once",
        )


def _clock(ahead: timedelta) -> Finding:
    if abs(ahead) > _CLOCK:
        return problem(
            "clock",
            f"the clock of the database is {ahead.total_seconds():+.0f} s from that of this "
            "machine",
            "set both by NTP",
        )
    return well("clock", "the clocks of this machine and the database agree")


def _size(report: ServerReport, growth: Growth, resources: Resources) -> Iterator[Finding]:
    yield _projection(report, growth, resources)
    if report.transaction_age > _OLD_TRANSACTIONS:
        yield problem(
            "vacuum",
            f"its oldest transaction is {report.transaction_age / 1e6:.0f} million ago",
            "find what keeps autovacuum from freezing: the server stops at 2,000 million",
        )
    if report.bloated:
        yield notice(
            "bloat",
            f"most rows are dead in {', '.join(report.bloated)}",
            "look at autovacuum; `VACUUM` these tables by hand",
        )


def _projection(report: ServerReport, growth: Growth, resources: Resources) -> Finding:
    size = f"the database has {report.database_bytes / 1e6:,.0f} MB"
    is_elsewhere = resources.settings.database_url is not None
    if is_elsewhere or not growth.received or not growth.seen:  # whoever came was forgotten
        return well("size", size)
    by_day = report.database_bytes / growth.seen * growth.received / growth.days
    days = shutil.disk_usage(resources.settings.home).free / by_day
    if days < _FEW_DAYS:
        return problem("size", f"{size}, and the disk lasts {days:.0f} days", "add a disk")
    return well("size", f"{size}, and the disk lasts {min(days, 9999):.0f} days at this rate")


def _balance(sources: list[balances.SourceBalance]) -> Iterator[Finding]:
    if lost := [entry.source for entry in sources if not entry.holds]:
        yield problem(
            "balance",
            f"it does not hold in {len(lost)} sources",
            "stop, keep the database, and report it",
        )
    elif obstacles := sum(entry.obstacles for entry in sources):
        yield notice(
            "balance",
            f"it holds, and {obstacles} files or folders cannot be read",
            "`cxr-severity rejected unread` names them",
        )
    else:
        yield well("balance", "it holds: nothing was lost")


def _passes(
    runs: list[monitoring.SourceRuns], resources: Resources, now: datetime
) -> Iterator[Finding]:
    """Judge the passes over the sources that are set; all, where this program knows of none."""
    if not runs:
        yield notice("last pass", "nothing was ever seen", "run `cxr-severity run` or `serve`")
        return
    names = {location_of(source.location): source.name for source in resources.settings.all_sources}
    for location in names.keys() - {entry.source for entry in runs}:
        yield problem(
            "last pass",
            f"there was none over the source {names[location]}",
            "look whether `serve` was started again since that source was set",
        )
    for entry in runs:
        if not names or entry.source in names:
            source = names.get(entry.source, entry.source)
            yield _last_pass(entry, source, now)
            if entry.last_received_hour is not None:
                yield _last_film(entry.last_received_hour, source, now)


def _last_pass(entry: monitoring.SourceRuns, source: str, now: datetime) -> Finding:
    if entry.last_success_at is None:
        return problem(
            "last pass",
            f"none over the source {source} has ever succeeded",
            "run `cxr-severity run` and read its message",
        )
    age = now - entry.last_success_at
    text = f"the last one over the source {source} that succeeded ended {_hours(age)} ago"
    if entry.failures_since:
        text += f", and {entry.failures_since} failed since"
    if age > _PASS_EACH:
        return problem("last pass", text, "look whether `serve` runs, and at its log")
    if entry.failures_since:
        return notice("last pass", text, "run `cxr-severity run` and read its message")
    return well("last pass", text)


def _last_film(hour: datetime, source: str, now: datetime) -> Finding:
    age = now - hour
    text = f"the last new file of the source {source} arrived {_hours(age)} ago"
    if age > _SILENT:
        return problem("last film", text, "ask whoever sends them: nothing arrives any more")
    if age > _QUIET:
        return notice("last film", text, "ask whoever sends them, if that is unusual")
    return well("last film", text)


def _hours(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    return f"{hours:.0f} hours" if hours < 72 else f"{hours / 24:.0f} days"  # noqa: PLR2004
