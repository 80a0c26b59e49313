"""What `serve` has Prefect start."""

from typing import Any

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
