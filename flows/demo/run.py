"""The demonstration: the whole job on simulated or on given images, in a folder of its own."""

import asyncio
from pathlib import Path

from rich.console import Console

from db.reading import courses, trends
from db.reading.site import balances
from flows.demo.summary import outcomes, outcomes_table
from flows.demo.telling import tell
from flows.orchestration.environment import configure_prefect, leave_prefect_of_installation
from flows.progress import progress_bar
from flows.reports import balance_text, fates_table, trend_table
from flows.reports.courses import course_table, missing_course
from flows.reports.courses.chart import draw_course
from flows.resources import Resources
from flows.scoring.inbox_pass import score_new
from flows.scoring.summary import RunSummary
from flows.settings import Settings, read_settings, with_own_home
from severity.domain import Fate

_MOST_FATES = 40


def run_demo(data: Path | None, home: Path | None, *, console: Console) -> Settings:
    """Fill a drop folder, score it, and show what became of files and patients.

    Parameters
    ----------
    data
        A folder of real images with their sidecar, instead of simulated ones.
    home
        Folder of the demonstration's own database; one for simulated images and one for given ones
        if absent.

    Returns
    -------
    The settings under which the demonstration's database can be looked at.
    """
    settings = read_settings()
    # Simulated patients would stand among the given ones, on every page.
    own = settings.home / ("demo" if data is None else "demo-data")
    folder = (home or own).expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    # The demonstration never touches a real database, nor its Prefect, whatever is set.
    demo_settings = with_own_home(settings, home=folder, settle_seconds=0)
    leave_prefect_of_installation()
    configure_prefect(folder, quiet=True)
    if data is None:
        _tell_story(demo_settings, console)
    else:
        _score_given(data.resolve(), demo_settings, console)
    return demo_settings


def _tell_story(settings: Settings, console: Console) -> None:
    """Show the simulated patients, the rejected files and the balance."""
    inbox, treatments = settings.home / "inbox", settings.home / "treatments.csv"
    console.print(f"Filling {inbox} with SIMULATED studies of eight patients ...", soft_wrap=True)
    with progress_bar(console) as progress:
        resources = Resources(settings, progress)
        told = tell(inbox, treatments, resources)
    console.print(
        f"{told.scored} scored, {told.rejected} rejected, {told.treatments} treatments imported, "
        f"{told.merged} patient merged" + ("" if told.scored else ": no image was new")
    )
    _show_fates(resources, told.model_version, inbox=str(inbox), console=console)
    with resources.open_database().transaction() as session:
        console.print(outcomes_table(outcomes(session, resources, told.model_version)))


def _score_given(inbox: Path, settings: Settings, console: Console) -> None:
    """Score the images in a folder; show the course of the patient with the most."""
    with progress_bar(console) as progress:
        resources = Resources(settings, progress)
        summary = asyncio.run(score_new(str(inbox), resources))
    console.print(
        f"{summary.scored} scored, {summary.rejected} rejected in this run"
        + ("" if summary.enlisted else ": no image was new")
    )
    _show_fates(resources, summary.model_version, inbox=str(inbox), console=console)
    _show_busiest(resources, summary, settings.home / "trend.png", console=console)


def _show_fates(resources: Resources, version: str, *, inbox: str, console: Console) -> None:
    """Show the files that were not scored, and the balance of all."""
    with resources.open_database().transaction() as session:
        fates = balances.fates(session, inbox, version)
        balance = balances.balance(session, inbox)
    unscored = [row for row in fates if row[1] != Fate.SCORED]
    if unscored:
        console.print(fates_table(unscored[:_MOST_FATES]))
    if len(unscored) > _MOST_FATES:
        console.print(f"({len(unscored)} files in all)")
    console.print(balance_text(balance))


def _show_busiest(
    resources: Resources, summary: RunSummary, chart: Path, *, console: Console
) -> None:
    """Show the course of the patient with the most images there; pairs if there is no course."""
    version = summary.model_version
    with resources.open_database().transaction() as session:
        key = trends.busiest_patient(session, version, summary.balance.source)
        if key is None:
            return
        course = courses.course(session, key, version)
        trend = trends.trend(session, key, version)
    console.print()
    if missing := missing_course(course):
        if not trend.observations:
            return
        console.print(f"No course: {missing}. Pairs of images in its place:")
        course = courses.of_trend(trend)
    console.print(trend_table(trend) if missing else course_table(course))
    draw_course(course, chart)
    console.print(f"Chart: {chart}", soft_wrap=True)
