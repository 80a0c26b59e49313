"""What a site deploys, by its settings."""

from datetime import timedelta
from importlib import import_module

from flows.deployments.plan import PlannedDeployment, Pool, planned
from flows.settings import Settings
from flows.settings.orchestration import DEPLOYMENTS


def jobs(**settings: object) -> dict[str, PlannedDeployment]:
    return {job.name: job for job in planned(Settings(**settings))}


def test_each_job_is_a_flow_that_takes_no_parameter_from_whoever_reaches_the_api() -> None:
    from prefect.utilities.callables import parameter_schema

    for job in planned(Settings()):
        module, _, function = job.entrypoint.rpartition(".")
        flow = getattr(import_module(module), function)
        assert flow.name == job.flow_name
        assert parameter_schema(flow).properties == {}


def test_a_site_sets_when_a_job_is_due_or_that_it_is_not() -> None:
    changed = jobs(schedules={"courses": "0 6 * * *", "discover": ""}, cron="0 1 * * *")

    assert changed["courses"].due == ("0 6 * * *",)
    assert changed["discover"].due == ()
    assert changed["score"].due == ("0 1 * * *",)
    assert jobs(poll_seconds=60)["discover"].due == (timedelta(minutes=1),)


def test_what_settings_may_schedule_is_what_is_deployed() -> None:
    assert set(jobs()) == set(DEPLOYMENTS)


def test_what_loads_a_network_runs_where_the_device_is() -> None:
    on_gpu = {job.name for job in planned(Settings(device="cuda:1")) if job.pool is Pool.GPU}

    assert {"score", "evaluate"} <= on_gpu
    assert not {"discover", "courses", "retention"} & on_gpu
    assert all(job.pool is Pool.CPU for job in planned(Settings(device="cpu")))


def test_a_pacs_is_asked_once_there_is_one() -> None:
    assert jobs()["fetch"].due == jobs()["reconcile"].due == ()
    with_pacs = jobs(pacs="https://pacs.example/dicom-web")
    assert with_pacs["fetch"].due
    assert with_pacs["reconcile"].due


def test_the_evaluation_is_due_once_there_are_labelled_images(tmp_path) -> None:
    assert jobs()["evaluate"].due == ()
    assert jobs(evaluation_data=tmp_path)["evaluate"].due
