"""Asking a PACS as Prefect runs it: for new films, and each night for all that should be here."""

import asyncio
from collections.abc import Callable, Iterator

from prefect import flow, get_run_logger
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from db.errors import DatabaseError
from flows.errors import FlowsError, quoting_nothing
from flows.library_messages import mute_libraries
from flows.orchestration.supervision import end_with_parent
from flows.pacs.comparison import DayReport
from flows.pacs.fetching import fetch_new, reconcile_all
from flows.pacs.text import attention_text, counts, reports_markdown
from flows.resources import Resources, current

_Ask = Callable[[Resources], Iterator[DayReport]]


@flow(name="fetch", validate_parameters=False, persist_result=False)
@quoting_nothing
async def fetch() -> State[None]:
    """Fetch the new films of the PACS that the settings name into the drop folder.

    Fails if the PACS does not answer, or does not give a film.
    """
    return await _ask(fetch_new)


@flow(name="reconcile", validate_parameters=False, persist_result=False)
@quoting_nothing
async def reconcile() -> State[None]:
    """Compare what the PACS has with what is here, by day, and fetch what is missing.

    Fails if the PACS does not answer, if films stay missing or wait for more than a day, or if it
    names fewer than before; the run's page has the days.
    """
    return await _ask(reconcile_all)


async def _ask(ask: _Ask) -> State[None]:
    end_with_parent()
    mute_libraries()
    try:
        reports = await asyncio.to_thread(_logged, ask, current())
    except (FlowsError, DatabaseError) as error:
        get_run_logger().error("the PACS could not be asked: %s", error)
        return Failed(message=str(error))
    if reports:
        await acreate_markdown_artifact(key="pacs", markdown=reports_markdown(reports))
    attention = attention_text(reports)
    if attention:
        return Failed(message=attention)
    return Completed(message=f"films fetched: {sum(len(report.fetched) for report in reports)}")


def _logged(ask: _Ask, resources: Resources) -> list[DayReport]:
    """Ask, and log a line for each study date and modality."""
    log, reports = get_run_logger(), []
    for report in ask(resources):
        log.info(
            "%s %s: PACS has %d, accepted %d, rejected %d, waiting %d, fetched %d, missing %d",
            report.day,
            report.modality,
            *counts(report),
        )
        reports.append(report)
    return reports
