"""What `serve` has Prefect start, and how it ends."""

import asyncio
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from flows.errors import UsageError
from flows.settings import Settings

PACS = {"pacs": "PACS@pacs.example:104"}


async def served(client: Any, settings: Settings) -> dict[str, str]:
    """The schedules of the flows that `serve` brings to Prefect, by name."""
    from prefect.runner import Runner

    from flows.deployments.service import forget_earlier_service, provide_flows

    await forget_earlier_service(settings)
    await provide_flows(Runner(name="serve"), settings)
    deployments = await client.read_deployments()
    return {
        (await client.read_flow(each.flow_id)).name: ", ".join(
            str(getattr(entry.schedule, "cron", "") or entry.schedule.interval)
            for entry in each.schedules
        )
        for each in deployments
    }


async def test_a_pacs_is_asked_on_a_schedule_as_long_as_one_is_set(client: Any) -> None:
    inbox: dict[str, Any] = {"inbox": "/srv/inbox"}
    score = {"score-inbox": "0 2 * * *"}
    asked = {"fetch": "0:05:00", "reconcile": "0 1 * * *"}

    assert await served(client, Settings(**inbox, **PACS)) == score | asked
    by_cron = Settings(**inbox, **PACS, schedules={"fetch": ""})
    assert await served(client, by_cron) == score | {"reconcile": "0 1 * * *"}
    assert await served(client, Settings(**inbox)) == score


async def test_what_is_no_line_of_cron_is_wrong_use() -> None:
    from flows.deployments.schedules import prefect_schedules

    with pytest.raises(UsageError, match="cron"):
        await prefect_schedules(["every night"], "UTC")


@pytest.mark.parametrize("line", ["0 0 30 2 *", "0 0 31 4,6,9,11 *"])
async def test_a_line_of_cron_that_never_comes_due_is_wrong_use(line: str) -> None:
    """Prefect's scheduler took it, and then scheduled nothing at all, no poll either."""
    from flows.deployments.schedules import prefect_schedules

    with pytest.raises(UsageError, match="never comes due"):
        await prefect_schedules(["0 2 * * *", line], "Europe/Berlin")


async def test_a_line_of_cron_that_comes_due_in_leap_years_alone_is_taken() -> None:
    from flows.deployments.schedules import prefect_schedules

    assert len(await prefect_schedules(["0 0 29 2 *"], "UTC")) == 1


@pytest.fixture
def _handlers() -> Iterator[None]:
    """Restore what becomes of signals."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.usefixtures("client", "_handlers")
@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
async def test_a_service_that_is_told_to_end_while_it_starts_ends(
    told: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was deaf from its first moment until it had spoken with Prefect's server."""
    from prefect.runner import Runner

    from flows.deployments.service import serve_schedule

    start = Runner.__aenter__

    async def told_meanwhile(runner: Runner) -> Runner:
        os.kill(os.getpid(), told)
        await asyncio.sleep(0.1)  # the signal is heard by the loop
        return await start(runner)

    monkeypatch.setattr(Runner, "__aenter__", told_meanwhile)
    interrupted = False
    try:
        async with asyncio.timeout(30):
            await serve_schedule(Settings(inbox="/srv/inbox"))
    except KeyboardInterrupt:
        interrupted = True
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)

    assert interrupted == (told is signal.SIGINT)
