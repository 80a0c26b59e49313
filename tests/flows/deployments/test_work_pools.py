"""The base job templates, as the workers of Prefect read them. No container is started."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.deployments.plan import Infrastructure, Pool
from flows.deployments.work_pools import base_job_template


async def configuration(worker_module: str, worker: str, pool: Pool, **values: str) -> Any:
    """What a worker starts a run with, by a template and a deployment's own values."""
    module = pytest.importorskip(worker_module)
    worker_class = getattr(module, worker)
    template = base_job_template(pool, Infrastructure(worker_class.type))
    return await worker_class.job_configuration.from_template_and_values(template, values)


KUBERNETES = Path(__file__).parents[3] / "deploy" / "kubernetes" / "base"
# Prefect's `prefect flow-run execute` would be an argument of the image's own entry point.
INSTEAD_OF_OURS = ["env"]


def manifest_of(file: str, kind: str) -> Any:
    objects = yaml.safe_load_all((KUBERNETES / file).read_text(encoding="utf-8"))
    return next(each for each in objects if each["kind"] == kind)


@pytest.mark.parametrize("pool", Pool)
async def test_a_process_takes_the_cpu_unless_its_worker_has_a_gpu(
    prefect: None, pool: Pool
) -> None:
    job = await configuration("prefect.workers.process", "ProcessWorker", pool)

    assert job.env.get("SEVERITY_DEVICE") == ("cpu" if pool is Pool.CPU else None)
    assert job.env["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == "30"


@pytest.mark.parametrize("pool", Pool)
async def test_a_container_has_no_rights_and_a_gpu_only_in_its_pool(
    prefect: None, pool: Pool
) -> None:
    job = await configuration("prefect_docker.worker", "DockerWorker", pool, image="ours:1")

    options = job.container_create_kwargs
    assert job.image == "ours:1"
    assert options["entrypoint"] == INSTEAD_OF_OURS
    assert options["read_only"]
    assert options["cap_drop"] == ["ALL"]
    assert ("device_requests" in options) == (pool is Pool.GPU)


@pytest.mark.parametrize("pool", Pool)
async def test_a_pod_has_its_secrets_from_the_cluster_and_a_gpu_only_in_its_pool(
    prefect: None,
    pool: Pool,
) -> None:
    job = await configuration("prefect_kubernetes.worker", "KubernetesWorker", pool)

    pod = job.job_manifest["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["command"] == INSTEAD_OF_OURS
    assert job.job_manifest["spec"]["backoffLimit"] == 0  # Prefect restarts, and counts
    secrets = {
        variable["name"]: variable["valueFrom"]["secretKeyRef"]
        for variable in container["env"]
        if "valueFrom" in variable
    }
    worker = manifest_of("worker.yaml", "Deployment")["spec"]["template"]["spec"]
    assert secrets == {
        variable["name"]: variable["valueFrom"]["secretKeyRef"]
        for variable in worker["containers"][0]["env"]
        if "valueFrom" in variable
    }
    claims = {
        volume["persistentVolumeClaim"]["claimName"]
        for volume in pod["volumes"]
        if "persistentVolumeClaim" in volume
    }
    assert claims == {"films", "receipts", "models"}
    policies = (KUBERNETES / "network-policies.yaml").read_text(encoding="utf-8")
    labels = job.job_manifest["spec"]["template"]["metadata"]["labels"]
    assert f"component: {labels['app.kubernetes.io/component']}\n" in policies
    assert ("nvidia.com/gpu" in container["resources"]["limits"]) == (pool is Pool.GPU)
    assert not any("KEY" in variable or "URL" in variable for variable in job.env)
