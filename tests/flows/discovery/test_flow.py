"""The look of every few minutes, with real PostgreSQL and Prefect, and who is told of alerts."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr as Secret
from sqlalchemy import text

from db.reading.site import balances
from flows.deployments.plan import Infrastructure, planned
from flows.resources import Opened, Resources, using
from flows.settings import SourceSettings
from tests.builders.alert_servers import Webhook, mail_server, web_server
from tests.builders.small_images import write_inbox

Look = Callable[..., Any]


@pytest.fixture
def look(prefect: None, resources: Resources, tmp_path: Path) -> Look:
    """Look at the inbox, with these settings."""
    from flows.discovery.flow import discover

    def look(resources: Resources = resources, **update: object) -> Any:
        settings = resources.settings.model_copy(
            update={"inbox": str(tmp_path / "DOE-JANE"), **update}
        )
        with using(replace(resources, settings=settings)):
            return asyncio.run(discover(return_state=True))

    return look


@pytest.fixture
def asked_for(prefect: None) -> Iterator[Callable[[], int]]:
    """How many runs that score were asked for; other tests find neither them nor deployments."""
    yield lambda: len(asyncio.run(_asked_for()))
    asyncio.run(_forget())


def test_a_look_enlists_and_loads_no_network(
    look: Look, resources: Resources, tmp_path: Path
) -> None:
    write_inbox(tmp_path / "DOE-JANE", images=3)

    assert look().result() == 3
    assert resources.opened.model is None


def test_a_source_that_cannot_be_read_keeps_no_other_from_being_looked_at(
    look: Look, resources: Resources, tmp_path: Path
) -> None:
    write_inbox(tmp_path / "ward", images=2)

    state = look(sources={"ward": SourceSettings(name="ward", location=str(tmp_path / "ward"))})

    assert state.is_failed()
    with resources.open_database().transaction() as session:
        assert [entry.unread for entry in balances.balances(session) if entry.name == "ward"] == [2]


def test_a_fault_of_the_program_in_one_source_keeps_no_other_from_being_looked_at(
    look: Look, resources: Resources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.discovery import flow as discovery

    enlist = discovery.enlist

    async def enlist_or_fail(run: Any) -> Any:
        if run.source_settings.name == "ward":
            raise ValueError("of a file of DOE-JANE")
        return await enlist(run)

    monkeypatch.setattr(discovery, "enlist", enlist_or_fail)
    sources = {}
    for name in ("ward", "icu"):
        write_inbox(tmp_path / name, images=2)
        sources[name] = SourceSettings(name=name, location=str(tmp_path / name))

    state = look(inbox=None, sources=sources)

    assert state.is_failed()
    assert "DOE" not in str(state.message)
    with resources.open_database().transaction() as session:
        assert [entry.unread for entry in balances.balances(session) if entry.name == "icu"] == [2]


def test_much_that_waits_starts_one_run_that_scores_and_no_second(
    look: Look, asked_for: Callable[[], int], tmp_path: Path
) -> None:
    write_inbox(tmp_path / "DOE-JANE", images=3)
    look(backlog_images=3)
    assert asked_for() == 0  # without the deployment, as beside `serve`
    asyncio.run(_deploy())
    look(backlog_images=4)
    assert asked_for() == 0

    look(backlog_images=3)
    look(backlog_images=3)

    assert asked_for() == 1


def test_what_waits_in_a_source_counts_though_most_of_its_files_are_gone_at_once(
    look: Look, asked_for: Callable[[], int], tmp_path: Path
) -> None:
    write_inbox(tmp_path / "DOE-JANE", images=20)
    asyncio.run(_deploy())
    look()
    for image in sorted((tmp_path / "DOE-JANE").glob("*.png"))[1:]:
        image.unlink()

    assert look(backlog_images=3).is_failed()

    assert asked_for() == 1


async def _deploy() -> None:
    from flows.deployments.registering import register
    from flows.settings import Settings

    jobs = planned(Settings(schedules={"discover": "", "courses": "", "retention": ""}))
    await register(jobs, Infrastructure.PROCESS, zone="UTC")


async def _asked_for() -> list[Any]:
    """The runs that score, but for those on their schedule."""
    from prefect import get_client
    from prefect.client.schemas.filters import FlowFilter, FlowFilterName

    flow = FlowFilter(name=FlowFilterName(any_=["score-inbox"]))
    async with get_client() as client:
        runs = await client.read_flow_runs(flow_filter=flow)
    return [run for run in runs if run.state_name == "Scheduled" and not run.auto_scheduled]


async def _forget() -> None:
    from prefect import get_client

    async with get_client() as client:
        for run in await _asked_for():
            await client.delete_flow_run(run.id)
        for deployment in await client.read_deployments():
            await client.delete_deployment(deployment.id)
        for automation in await client.read_automations():
            await client.delete_automation(automation.id)


def raised(hook: Webhook) -> list[list[str]]:
    return [[alert["code"] for alert in json.loads(post)["raised"]] for post in hook.posts]


def test_an_alert_is_told_once_and_when_it_is_over_by_webhook_and_mail(
    look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.discovery import flow

    async def fail() -> None:
        raise ConnectionError

    with web_server() as hook, mail_server() as box:
        told = {
            "alert_webhook": Secret(hook.url),
            "alert_mail_server": Secret(box.url),
            "alert_mail_from": "severity@site.example",
            "alert_mail_to": ("a@site.example",),
        }
        hook.status = 503
        failed = look(**told)  # there is no such folder
        hook.status = 200
        with monkeypatch.context() as patch:
            patch.setattr(flow, "restart_lost_runs", fail)
            look(**told)  # although no run can be restarted
        look(**told)
        write_inbox(tmp_path / "DOE-JANE", images=1)
        look(**told)

    assert failed.is_failed()
    assert raised(hook) == [["look"], ["look"], []]  # the first was refused
    assert [mail["Subject"] for mail in box.mails] == [
        "cxr-severity: look",
        "cxr-severity: over: look",
    ]
    assert json.loads(hook.posts[-1])["over"] == ["look"]
    everything = [*hook.posts, *(mail.as_bytes() for mail in box.mails)]
    assert not any(b"DOE" in message for message in everything)


def test_a_balance_that_fails_is_not_over_because_the_database_is_down(
    look: Look, resources: Resources, tmp_path: Path
) -> None:
    def count_seen(step: int) -> None:
        with resources.open_database().transaction() as session:
            session.execute(
                text("UPDATE tally SET n = n + :step WHERE what = 'seen'"), {"step": step}
            )

    write_inbox(tmp_path / "DOE-JANE", images=1)
    look()
    count_seen(1)
    with web_server() as hook:
        told = {"alert_webhook": Secret(hook.url)}
        look(**told)
        nowhere = Secret("postgresql://nobody@127.0.0.1:9/none")
        look(replace(resources, opened=Opened()), database_url=nowhere, **told)
        count_seen(-1)
        look(**told)

    assert raised(hook) == [["look", "balance"], ["database"], []]
    over = [json.loads(post)["over"] for post in hook.posts]
    assert over == [[], [], ["balance", "database", "look"]]
