"""Tests of the manifests that need no cluster: Kubernetes' schemas, and what must fit together."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from flows.cli.app import app
from flows.settings import Settings

ROOT = Path(__file__).parents[2]
FOLDERS = [ROOT / "deploy/kubernetes" / name for name in ("base", "pacs")]
PAGE = (ROOT / "docs/how-to/kubernetes.md").read_text(encoding="utf-8")
VERSION = "1.37"  # of Kubernetes


def objects(folder: Path) -> list[dict[str, Any]]:
    """All objects of a folder's manifests."""
    resources = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    listed = [name for name in resources if name.endswith(".yaml")]
    assert {*listed, "kustomization.yaml"} == {file.name for file in folder.glob("*.yaml")}
    return [
        manifest for name in listed for manifest in yaml.safe_load_all((folder / name).read_text())
    ]


OBJECTS = [manifest for folder in FOLDERS for manifest in objects(folder)]
IN_BASE = len(objects(FOLDERS[0]))
NAMES = [f"{manifest['kind']} {manifest['metadata']['name']}" for manifest in OBJECTS]


def template(workload: dict[str, Any]) -> dict[str, Any]:
    """The pods that a deployment or a job makes."""
    spec = workload["spec"]
    return dict((spec["jobTemplate"]["spec"] if "jobTemplate" in spec else spec)["template"])


WORKLOADS = {
    manifest["metadata"]["name"]: template(manifest)
    for manifest in OBJECTS
    if manifest["kind"] in {"Deployment", "Job", "CronJob"}
}


def container(name: str) -> dict[str, Any]:
    (only,) = WORKLOADS[name]["spec"]["containers"]
    return dict(only)


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [manifest for manifest in OBJECTS if manifest["kind"] == kind]


@pytest.mark.parametrize("manifest", OBJECTS, ids=NAMES)
def test_each_manifest_is_what_kubernetes_takes(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, VERSION, strict=True)


@pytest.mark.parametrize("name", ["base", "gpu", "pacs"])
def test_kubectl_puts_the_manifests_together(name: str) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    built = subprocess.run(
        ["kubectl", "kustomize", ROOT / "deploy/kubernetes" / name],
        capture_output=True,
        text=True,
        check=True,
    )
    made = list(yaml.safe_load_all(built.stdout))

    assert len(made) == (len(OBJECTS) if name == "pacs" else IN_BASE)
    for manifest in made:
        if manifest["kind"] != "Namespace":
            assert manifest["metadata"]["namespace"] == "cxr-severity"
    (worker,) = (manifest for manifest in made if manifest["metadata"]["name"] == "worker")
    kubernetes_validate.validate(worker, VERSION, strict=True)
    (only,) = worker["spec"]["template"]["spec"]["containers"]
    assert only["image"].startswith("registry.example/")
    assert ("nvidia.com/gpu" in only["resources"]["limits"]) == (name == "gpu")


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_pod_is_contained(name: str) -> None:
    """As the namespace's pod security standard `restricted` asks for, and more."""
    pod, only = WORKLOADS[name]["spec"], container(name)

    assert not pod["automountServiceAccountToken"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert only["resources"]["limits"]["memory"]
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)


def test_each_pod_runs_a_command_with_settings_that_exist() -> None:
    known = {f"SEVERITY_{name.upper()}" for name in Settings.model_fields}
    maps = {manifest["metadata"]["name"]: manifest["data"] for manifest in of_kind("ConfigMap")}
    for name in WORKLOADS:
        only = container(name)
        shared = [maps[source["configMapRef"]["name"]] for source in only.get("envFrom", ())]
        given = {variable for values in shared for variable in values}
        given |= {variable["name"] for variable in only["env"]}
        assert {variable for variable in given if variable.startswith("SEVERITY_")} <= known
        if only["image"] == "cxr-severity":
            assert only["args"][0] in app.commands


def test_each_secret_is_made_as_the_page_says() -> None:
    made = set(re.findall(r"--from-literal=([a-z-]+)=", PAGE))
    used = {
        variable["valueFrom"]["secretKeyRef"]["key"]
        for name in WORKLOADS
        for variable in container(name)["env"]
        if "valueFrom" in variable
    }
    assert used == made


def test_the_receiver_has_no_password_of_the_database() -> None:
    variables = {variable["name"] for variable in container("receiver")["env"]}
    assert variables == {"SEVERITY_PSEUDONYM_KEY"}


def test_only_what_brings_films_may_write_them() -> None:
    for name in WORKLOADS:
        for mount in container(name)["volumeMounts"]:
            if mount["name"] == "films":
                assert mount.get("readOnly", False) == (name == "worker")


def test_what_is_due_by_the_clock_is_due_in_the_site_s_zone_and_can_be_applied_again() -> None:
    """In the cluster's own, `reconcile` came after the night that it is to be before."""
    (zone,) = (
        manifest["data"]["SEVERITY_TIMEZONE"]
        for manifest in of_kind("ConfigMap")
        if "SEVERITY_TIMEZONE" in manifest["data"]
    )
    jobs = of_kind("CronJob")

    assert {job["spec"]["timeZone"] for job in jobs} == {zone}
    assert not any(job["spec"]["suspend"] for job in jobs)  # stated, so that it ends a pause


def test_a_model_of_one_s_own_outlives_the_pod_that_imported_it() -> None:
    models = f"{Settings(home='/var/lib/cxr-severity').home}/models"
    mounts = {
        name: mount.get("readOnly", False)
        for name in WORKLOADS
        for mount in container(name)["volumeMounts"]
        if mount["mountPath"] == models and mount["name"] == "models"
    }
    assert mounts == {"worker": False, "dashboard": True}


def test_prometheus_may_ask_the_dashboard_with_a_token_of_its_own() -> None:
    variables = {variable["name"]: variable for variable in container("dashboard")["env"]}
    secret = variables["SEVERITY_DASHBOARD_METRICS_TOKEN"]["valueFrom"]["secretKeyRef"]
    assert secret["optional"]  # no reason not to start
    (policy,) = (
        policy
        for policy in of_kind("NetworkPolicy")
        if policy["metadata"]["name"] == "browsers-to-dashboard"
    )
    spaces = [
        source["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for rule in policy["spec"]["ingress"]
        for source in rule["from"]
    ]
    assert spaces == ["ingress-nginx", "monitoring"]


def test_services_policies_and_volumes_name_what_there_is() -> None:
    claims = {manifest["metadata"]["name"] for manifest in of_kind("PersistentVolumeClaim")}
    ports = {
        name: {port["name"] for port in container(name).get("ports", ())} for name in WORKLOADS
    }
    for name, pods in WORKLOADS.items():
        assert pods["metadata"]["labels"]["app.kubernetes.io/component"] == name
        volumes = {volume["name"]: volume for volume in pods["spec"]["volumes"]}
        assert {mount["name"] for mount in container(name)["volumeMounts"]} == set(volumes)
        for volume in volumes.values():
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in claims
    for service in of_kind("Service"):
        component = service["spec"]["selector"]["app.kubernetes.io/component"]
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports[component]
    for policy in of_kind("NetworkPolicy"):
        chosen = policy["spec"]["podSelector"].get("matchLabels", {})
        for rule in policy["spec"].get("ingress", ()):
            assert {port["port"] for port in rule["ports"]} <= ports[
                chosen["app.kubernetes.io/component"]
            ]


def test_the_prefect_server_is_the_one_of_compose() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    theirs = compose["services"]["prefect-server"]
    ours = {
        variable["name"]: variable.get("value")
        for variable in container("prefect-server")["env"]
        if "value" in variable
    }

    assert container("prefect-server")["image"] == theirs["image"]
    secret = "PREFECT_SERVER_API_AUTH_STRING"  # noqa: S105
    assert ours == {
        name: str(value) for name, value in theirs["environment"].items() if name != secret
    }
