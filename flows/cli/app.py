"""The command line: a command parses, calls and prints."""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import click
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError

from db import ledger
from db.engine import Database, DatabaseError
from db.reading import trends
from flows import resources
from flows.cli.evaluate import evaluate
from flows.cli.models import model_commands
from flows.cli.options import (
    chosen_settings,
    device_option,
    model_option,
    precision_option,
)
from flows.cli.train import train
from flows.deployments.environment import ServerError, configure_prefect
from flows.progress import progress_bar
from flows.reports.trend_text import (
    balance_line,
    others_text,
    rejections_table,
    terminal,
    trend_json,
    trend_table,
)
from flows.resources import Progress, Resources
from flows.scoring.registration import model_version_id
from flows.settings import Settings
from flows.sources.inbox import open_inbox
from flows.sources.stores import InboxError
from severity.domain import RESEARCH_USE_ONLY, PatientId, Reason
from severity.errors import SeverityError

FAILURE, USAGE, INTERRUPTED = 1, 2, 130
_MANY_FILES = 32


@click.group(
    help=f"Follow pneumonia severity on chest X-rays over time. {RESEARCH_USE_ONLY}",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="cxr-severity")
def app() -> None:
    """Hold the commands."""


@app.group(name="db")
def database_commands() -> None:
    """Look after the database."""


app.add_command(model_commands)
app.add_command(evaluate)
app.add_command(train)


class Unusable(Exception):
    """What was asked for cannot be done as asked; the message says why."""


def main() -> None:
    """Run the command line; wrong use ends with one clear line and exit code 2."""
    try:
        app(standalone_mode=False, prog_name="cxr-severity")
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(USAGE)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "cxr-severity"
        _fail(f"{error.format_message()} (see `{command} --help`)", USAGE)
    except Unusable as error:
        _fail(str(error), USAGE)
    except ValidationError as error:
        _fail(_settings_message(error), USAGE)
    except (SeverityError, DatabaseError, InboxError, ServerError) as error:
        _fail(str(error), FAILURE)
    except SQLAlchemyError as error:
        _fail(f"the database failed: {type(error).__name__}; nothing half-done was kept", FAILURE)
    except (KeyboardInterrupt, click.Abort):
        _fail("stopped; the next run goes on from here", INTERRUPTED)


def _fail(message: str, code: int) -> None:
    sys.stderr.write(f"cxr-severity: {message}\n")
    sys.exit(code)


def _settings_message(error: ValidationError) -> str:
    """Name each wrong setting as the operator wrote it, without its value: it may be secret."""
    lines = []
    for one in error.errors(include_input=False, include_url=False):
        name = "_".join(str(part) for part in one["loc"]).upper()
        named = name if name in {"", "DATABASE_URL"} else f"SEVERITY_{name.lower().upper()}"
        lines.append(f"{named}: {one['msg']}".removeprefix(": "))
    return "; ".join(lines)


inbox_option = click.option(
    "--inbox",
    metavar="DIR_OR_URL",
    help="Drop folder or s3://bucket/prefix; SEVERITY_INBOX if absent.",
)


@contextmanager
def _working(**overrides: object) -> Iterator[Resources]:
    """Open what a command needs, from the environment and the command's own options."""
    with resources.using(Resources(chosen_settings(**overrides), Progress())) as have:
        yield have


def _say_where(settings: Settings) -> None:
    """Say in one line that a GPU was hoped for and there is none."""
    # Imported here: only scoring needs torch.
    from flows.models.loading import device  # noqa: PLC0415

    if device(settings).type == "cpu" and settings.device == "auto":
        click.echo("No GPU here: scoring on the CPU (--device cpu says so for good).", err=True)


def _inbox(have: Resources) -> str:
    """Return the inbox that is set, once it can be opened."""
    location = have.settings.inbox
    if location is None:
        raise Unusable("no inbox: give --inbox DIR_OR_URL or set SEVERITY_INBOX")
    open_inbox(location, settle=timedelta(0))
    return location


@app.command()
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of real films with their metadata.csv, instead of simulated ones.",
)
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the demonstration keeps its database and films.",
)
def demo(data: Path | None, home: Path | None) -> None:
    """Show the whole job: films, scores, rejections, the balance and a patient's trend.

    Everything stays in a folder of its own, beside and never mixed with real work. Without
    --data it makes a drop folder of SIMULATED courses: opacities painted into a real film.
    A second time, it scores nothing twice.
    """
    from flows.demo.run import run_demo  # noqa: PLC0415

    run_demo(data, home, console=terminal())


@app.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--json", "form", flag_value="json", help="Print JSON.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV.")
@click.option(
    "--saliency",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also write where each film's score comes from: a picture and an array in this folder.",
)
@model_option
@precision_option
@device_option
def score(
    files: tuple[Path, ...],
    *,
    form: str | None,
    saliency: Path | None,
    **engine: str | None,
) -> None:
    """Score single FILEs, without a database and without keeping anything.

    With --saliency, FILE's map goes to NAME.saliency.png and NAME.saliency.npy in DIR, where
    NAME is FILE's name without its ending; files of one name are numbered. A map that is
    there already is not replaced.

    Ends with exit code 1 if any file was rejected.
    """
    from flows.scoring.saliency_maps import MapUnwritable, map_places  # noqa: PLC0415
    from flows.scoring.single_files import print_table, score_files, to_csv, to_json  # noqa: PLC0415

    with _working(**engine) as given, _bar(files, form) as progress:
        _say_where(given.settings)
        have = given.reporting_to(progress)
        version = have.model.version
        try:
            maps = map_places(files, saliency) if saliency else None
            results = score_files(files, have, maps=maps)
        except MapUnwritable as error:
            raise Unusable(str(error)) from error
    match form:
        case "json":
            click.echo(to_json(results, version), nl=False)
        case "csv":
            click.echo(to_csv(results, version), nl=False)
        case _:
            print_table(results, version, terminal())
    if any(result.score is None for result in results):
        sys.exit(FAILURE)


@contextmanager
def _bar(files: Sequence[Path], form: str | None) -> Iterator[Progress]:
    """Show a bar to a person who waits for many files; a program that reads gets none."""
    is_read = form is not None and not sys.stdout.isatty()
    if is_read or not sys.stderr.isatty() or len(files) < _MANY_FILES:
        yield Progress()
        return
    with progress_bar(Console(stderr=True), "Loading the model") as progress:
        progress.waiting(len(files))
        yield progress


@app.command()
@inbox_option
@model_option
@precision_option
@device_option
def run(inbox: str | None, **engine: str | None) -> None:
    """Score everything in the inbox that is new, once; then end.

    Files younger than SEVERITY_SETTLE_SECONDS are left for the next pass: they may be
    half-written. Safe to kill at any moment and to start twice.
    """
    console = terminal()
    with _working(inbox=inbox, **engine) as have:
        location = _inbox(have)
        _say_where(have.settings)
        configure_prefect(have.settings.home, quiet=True)
        with progress_bar(console) as progress, resources.using(have.reporting_to(progress)):
            from flows.scoring.flow import score_inbox  # noqa: PLC0415

            summary = asyncio.run(score_inbox(location))
    unlike = f" ({summary.unlike} unlike known films)" if summary.unlike else ""
    console.print(
        f"{summary.scored} scored{unlike}, {summary.rejected} rejected, {summary.deferred} left "
        f"for the next pass, by {summary.model_version}"
    )
    if summary.other_versions:
        console.print(others_text(summary.other_versions))
    if summary.unreadable_sidecars:
        console.print(
            f"{summary.unreadable_sidecars} sidecars are unreadable; their images wait",
            style="yellow",
        )
    console.print(balance_line(summary.balance))
    console.print(RESEARCH_USE_ONLY)


@app.command()
@inbox_option
@click.option("--cron", help="When to score; SEVERITY_CRON if absent.")
@click.option("--poll-seconds", type=float, help="Also score at this interval, in seconds.")
def serve(inbox: str | None, cron: str | None, poll_seconds: float | None) -> None:
    """Score on a schedule: nightly at two by default, and at an interval if one is given.

    Uses the Prefect server that PREFECT_API_URL names, else starts one on this machine. Two
    passes never overlap. Ends with Ctrl-C or SIGTERM.
    """
    with _working(inbox=inbox, cron=cron, poll_seconds=poll_seconds) as have:
        _inbox(have)
        _say_where(have.settings)
        configure_prefect(have.settings.home, quiet=False)
        from flows.deployments.serving import serve_inbox  # noqa: PLC0415

        serve_inbox(have)


@app.command()
@click.argument("patient")
@click.option("--issuer", default="", help="Who issued the identifier, if the films say so.")
@click.option("--model-version", help="Which one; the model's newest if absent.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--chart",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also draw it into this file (PNG, SVG or PDF).",
)
def trend(
    patient: str, *, issuer: str, model_version: str | None, as_json: bool, chart: Path | None
) -> None:
    """Show PATIENT's scores over time, by one model version.

    PATIENT is the hospital's patient identifier, or a key such as p-1a2b... from a dashboard.
    """
    with _working() as have:
        found = _trend(have, _patient_key(have, patient, issuer), model_version)
    if chart is not None:
        _draw(found, chart)
    if as_json:
        click.echo(trend_json(found))
        return
    terminal().print(trend_table(found))


def _patient_key(have: Resources, patient: str, issuer: str) -> str:
    if patient.startswith("p-"):
        return patient
    return have.pseudonym(PatientId(patient, issuer))


def _trend(have: Resources, patient_key: str, model_version: str | None) -> trends.Trend:
    with have.database.transaction() as session:
        versions = trends.model_versions(session, have.settings.model, patient_key)
        wanted = model_version or (versions[-1] if versions else "")
        scored_by = trends.versions_of(session, patient_key)
        found = trends.trend(session, patient_key, wanted) if wanted in scored_by else None
    if found is not None and found.observations:
        return found
    others = [version for version in scored_by if version != wanted]
    raise Unusable(
        f"no dated score of this patient by {model_version or have.settings.model}"
        + (f"; {found.undated} scored images have no time" if found else "")
        + (f"; scored by {', '.join(others)}" if others else "")
    )


def _draw(found: trends.Trend, path: Path) -> None:
    from flows.reports.trend_chart import draw_trend  # noqa: PLC0415

    try:
        draw_trend(found, path)
    except (OSError, ValueError) as error:
        raise Unusable(f"the chart cannot be written: {error}") from error


@app.command()
@model_option
def status(model: str | None) -> None:
    """Show the balance: what became of everything that was ever seen."""
    console = terminal()
    with _working(model=model) as have, have.database.transaction() as session:
        versions = trends.model_versions(session, have.settings.model)
        if not versions:
            console.print(f"{have.settings.model} has scored nothing yet.")
        for version in versions:
            console.print(Text(version, style="bold"))
            console.print(balance_line(trends.balance(session, version)))
            rejected = trends.rejections(session, version)
            if rejected:
                console.print(rejections_table(rejected))
    console.print(RESEARCH_USE_ONLY)


@app.command()
@click.argument("reason", type=click.Choice([reason.value for reason in Reason]))
@model_option
def release(reason: str, model: str | None) -> None:
    """Put back what was rejected for REASON, to be tried again by the next run."""
    with _working(model=model) as have:
        version_id = model_version_id(have)
        with have.database.transaction() as session:
            released = ledger.release(session, Reason(reason), model_version_id=version_id)
    terminal().print(f"{released} rejected for {reason} wait again")


@database_commands.command()
def upgrade() -> None:
    """Create the tables, or bring them up to date; safe to run at any time.

    Also lets the role severity_dashboard, if it exists, read the dashboards' views.
    """
    settings = Settings()
    with resources.using(Resources(settings, Progress())) as have:
        url = settings.database_url
        database = Database(url.get_secret_value()) if url else have.database
        revision = database.upgrade()
    terminal().print(f"The database is at revision {revision}.")
