"""Tests of the containers' files that need no Docker engine."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from sqlalchemy import URL

from db.engine import Database
from flows.errors import UsageError
from flows.settings import Settings, read_settings
from tests.builders.commands import environment
from tests.builders.settings import SECRET

ROOT = Path(__file__).parents[2]
REQUIRED = (
    "POSTGRES_PASSWORD",
    "DATABASE_PASSWORD",
    "WORKER_PASSWORD",
    "DASHBOARD_PASSWORD",
    "SEVERITY_PSEUDONYM_KEY",
    "PREFECT_PASSWORD",
    "GRAFANA_ADMIN_PASSWORD",
    "GRAFANA_SECRET_KEY",
    "SEVERITY_DASHBOARD_PASSWORD",
    "INBOX",
)
BACKUPS = "SEVERITY_BACKUP_FOLDER"
OURS = {"migrate": ["db", "upgrade"], "worker": ["serve"], "dashboard": ["dashboard"]}
OURS |= {"receiver": ["receive"], "fetcher": ["fetch"]}
BASE = ("docker-compose.yml",)
GPU = (*BASE, "docker-compose.gpu.yml")


def _example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    return {name: value for name, _, value in pairs}


def _compose(
    folder: Path, values: dict[str, str], *arguments: str, files: tuple[str, ...] = BASE
) -> subprocess.CompletedProcess[str]:
    """Run Compose on the project's files with only these values."""
    program = shutil.which(
        "docker-compose", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    assert program, "docker-compose comes with the extra `dev`"
    env_file = folder / "env"
    env_file.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    options = [part for name in files for part in ("--file", str(ROOT / name))]
    return subprocess.run(
        [program, "--env-file", env_file, *options, "config", *arguments],
        # With the services of each profile.
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "COMPOSE_PROFILES": "*"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    inbox = tmp_path_factory.mktemp("inbox")
    return {name: f"value-of-{name}" for name in REQUIRED} | {"INBOX": str(inbox)}


@pytest.fixture(scope="module")
def services(
    tmp_path_factory: pytest.TempPathFactory, filled: dict[str, str]
) -> dict[str, dict[str, Any]]:
    result = _compose(tmp_path_factory.mktemp("compose"), filled, "--format", "json")
    assert result.returncode == 0, result.stderr
    configured: dict[str, dict[str, Any]] = json.loads(result.stdout)["services"]
    return configured


@pytest.mark.parametrize("files", [BASE, GPU])
def test_compose_accepts_the_files_once_the_example_is_filled_in(
    tmp_path: Path, filled: dict[str, str], files: tuple[str, ...]
) -> None:
    result = _compose(tmp_path, _example() | filled, "--quiet", files=files)

    assert result.returncode == 0, result.stderr
    assert result.stderr == ""


@pytest.mark.parametrize("name", REQUIRED)
def test_compose_refuses_to_start_with_an_empty_value_and_names_it(
    tmp_path: Path, filled: dict[str, str], name: str
) -> None:
    """As the example has them; one that is missing is refused by the same sign, `:?`."""
    result = _compose(tmp_path, filled | {name: ""}, "--quiet")

    assert result.returncode != 0
    assert f"fill in {name}, see .env.example" in result.stderr


def test_the_example_names_every_variable_without_a_value() -> None:
    used = set()
    for name in GPU:
        content = (ROOT / name).read_text(encoding="utf-8")
        used |= set(re.findall(r"\$\{(\w+)", content))

    assert set(_example()) == used
    assert not any(_example().values())


def test_only_what_is_optional_has_a_default() -> None:
    content = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    references = re.findall(r"\$\{(\w+)(:\?|:-)?(.*?)\}", content)

    assert {name for name, kind, _ in references if kind == ":?"} == set(REQUIRED)
    assert all(kind for _, kind, _ in references)
    defaults = {(name, default) for name, kind, default in references if kind == ":-" and default}
    # A volume must be mounted somewhere; the program's setting stays empty.
    assert defaults == {(BACKUPS, "backups"), (BACKUPS, "/backups")}


def test_the_receiver_s_port_alone_is_reachable_from_other_machines(
    services: dict[str, dict[str, Any]],
) -> None:
    published = {
        name: port.get("host_ip")
        for name, service in services.items()
        for port in service.get("ports", ())
    }
    assert published == {
        "prefect-server": "127.0.0.1",
        "dashboard": "127.0.0.1",
        "grafana": "127.0.0.1",
        "receiver": None,
    }


def test_the_receiver_is_started_where_it_is_asked_for_and_reaches_no_other_service(
    services: dict[str, dict[str, Any]],
) -> None:
    profiles = {name: service.get("profiles") for name, service in services.items()}
    assert {name: chosen for name, chosen in profiles.items() if chosen} == {
        "receiver": ["pacs"],
        "fetcher": ["fetch"],
    }
    receiver = services["receiver"]
    others = [set(service["networks"]) for name, service in services.items() if name != "receiver"]
    assert not set(receiver["networks"]) & set().union(*others)
    assert not {"DATABASE_URL", "PGPASSWORD"} & set(receiver["environment"])


def test_the_receiver_and_the_worker_mean_the_same_folder_and_the_same_receipts(
    services: dict[str, dict[str, Any]],
) -> None:
    receiver, worker = services["receiver"], services["worker"]
    mounts = [
        {volume["target"]: volume["source"] for volume in service["volumes"]}
        for service in (receiver, worker)
    ]
    folder = receiver["environment"]["SEVERITY_RECEIVER_FOLDER"]
    home = receiver["environment"]["SEVERITY_HOME"]

    assert folder == worker["environment"]["SEVERITY_INBOX"]
    assert home == worker["environment"]["SEVERITY_HOME"]
    assert {target: mounts[1][target] for target in mounts[0]} == mounts[0]
    assert {folder, home} <= mounts[0].keys()


def test_what_writes_and_deletes_backups_means_the_same_folder_and_the_page_sees_none(
    tmp_path: Path, filled: dict[str, str]
) -> None:
    """A backup that retention does not see stays for ever; a page could read a whole database."""
    backups = str(tmp_path / "backups")
    config = _compose(tmp_path, filled | {"SEVERITY_BACKUP_FOLDER": backups}, "--format", "json")
    services = json.loads(config.stdout)["services"]
    mounted = {
        name: {volume["target"]: volume["source"] for volume in service.get("volumes", ())}
        for name, service in services.items()
    }

    for name in ("migrate", "worker"):
        assert services[name]["environment"]["SEVERITY_BACKUP_FOLDER"] == backups
        assert mounted[name][backups] == backups
    see = {name for name, folders in mounted.items() if backups in folders}
    assert see == {"migrate", "worker"}


def test_whatever_shows_scores_knows_model_and_zone_of_the_worker(
    tmp_path: Path, filled: dict[str, str]
) -> None:
    """Else the page went on with the scores of a model by which nothing new is scored."""
    shared = {"SEVERITY_TIMEZONE": "Asia/Tokyo", "SEVERITY_MODEL": "compact-2"}
    config = _compose(tmp_path, filled | shared, "--format", "json")
    services = json.loads(config.stdout)["services"]

    for name in ("worker", "dashboard", "migrate", "fetcher"):
        assert services[name]["environment"].items() >= shared.items()


def test_every_service_is_contained(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not {"privileged", "cap_add", "network_mode", "pid", "ipc"} & set(service), name
        sources = [volume["source"] for volume in service["volumes"]]
        assert not any("docker.sock" in source for source in sources), name


def test_what_the_worker_may_write_does_not_include_the_inbox(
    services: dict[str, dict[str, Any]], filled: dict[str, str]
) -> None:
    volumes = {volume["target"]: volume for volume in services["worker"]["volumes"]}

    assert services["worker"]["environment"]["SEVERITY_INBOX"] == "/inbox"
    assert volumes["/inbox"]["source"] == filled["INBOX"]
    assert volumes["/inbox"]["read_only"]
    assert not volumes["/inbox"]["bind"]["create_host_path"]
    home = services["worker"]["environment"]["SEVERITY_HOME"]
    assert not volumes[home].get("read_only", False)


def test_the_worker_starts_after_the_database_is_migrated(
    services: dict[str, dict[str, Any]],
) -> None:
    waits = {name: waited["condition"] for name, waited in services["worker"]["depends_on"].items()}
    assert waits == {
        "postgres": "service_healthy",
        "migrate": "service_completed_successfully",
        "prefect-server": "service_healthy",
    }
    assert all("healthcheck" in services[name] for name in ("postgres", "prefect-server"))


def test_whatever_goes_on_is_asked_whether_it_does(services: dict[str, dict[str, Any]]) -> None:
    goes_on = {name for name, service in services.items() if service.get("restart") != "no"}

    assert {name for name, service in services.items() if "healthcheck" in service} == goes_on
    asked = services["worker"]["environment"]["PREFECT_RUNNER_SERVER_PORT"]
    assert f"127.0.0.1:{asked}/health" in services["worker"]["healthcheck"]["test"][-1]


@pytest.mark.parametrize(
    ("files", "values", "requirements"),
    [
        (BASE, {}, ""),  # the Dockerfile's default: without torch
        (BASE, {"REQUIREMENTS": "requirements.lock"}, "requirements.lock"),
        (GPU, {}, "requirements.lock"),
    ],
)
def test_the_image_has_torch_where_a_gpu_or_the_operator_asks_for_it(
    tmp_path: Path,
    filled: dict[str, str],
    files: tuple[str, ...],
    values: dict[str, str],
    requirements: str,
) -> None:
    config = _compose(tmp_path, filled | values, "--format", "json", files=files)
    built = [
        service["build"]
        for service in json.loads(config.stdout)["services"].values()
        if "build" in service
    ]

    assert len(built) == len(OURS)
    for build in built:  # of one image
        assert build["args"] == {"REQUIREMENTS": requirements}


def test_every_image_that_is_fetched_is_pinned(services: dict[str, dict[str, Any]]) -> None:
    fetched = {service["image"] for service in services.values() if "build" not in service}

    assert len(fetched) == 3
    for image in fetched:
        assert re.search(r":\d+\.\d+", image), image


def test_the_prefect_server_has_the_version_of_the_worker(
    services: dict[str, dict[str, Any]],
) -> None:
    image = services["prefect-server"]["image"]
    assert image.startswith(f"prefecthq/prefect:{version('prefect')}-")


def test_each_setting_of_our_services_exists(services: dict[str, dict[str, Any]]) -> None:
    known = {f"SEVERITY_{name.upper()}" for name in Settings.model_fields}
    for name in OURS:
        settings = {key for key in services[name]["environment"] if key.startswith("SEVERITY_")}
        assert settings <= known, name


def test_secrets_are_the_same_on_both_sides(services: dict[str, dict[str, Any]]) -> None:
    environment = {name: service["environment"] for name, service in services.items()}

    assert environment["worker"]["PGPASSWORD"] == environment["postgres"]["WORKER_PASSWORD"]
    assert environment["dashboard"]["PGPASSWORD"] == environment["postgres"]["DASHBOARD_PASSWORD"]
    assert environment["migrate"]["PGPASSWORD"] == environment["postgres"]["DATABASE_PASSWORD"]
    assert (
        environment["grafana"]["DASHBOARD_PASSWORD"]
        == environment["postgres"]["DASHBOARD_PASSWORD"]
    )
    assert (
        environment["worker"]["PREFECT_API_AUTH_STRING"]
        == environment["prefect-server"]["PREFECT_SERVER_API_AUTH_STRING"]
    )


def test_grafana_needs_a_login_and_contacts_no_server(services: dict[str, dict[str, Any]]) -> None:
    environment = services["grafana"]["environment"]
    for name in (
        "GF_AUTH_ANONYMOUS_ENABLED",
        "GF_USERS_ALLOW_SIGN_UP",
        "GF_ANALYTICS_REPORTING_ENABLED",
        "GF_ANALYTICS_CHECK_FOR_UPDATES",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES",
    ):
        assert environment[name] == "false", name


def test_the_files_that_containers_mount_exist(services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        for volume in service["volumes"]:
            if volume["type"] == "bind":
                assert Path(volume["source"]).exists()
    provider = yaml.safe_load(
        (ROOT / "deploy/grafana/provisioning/dashboards/severity.yml").read_text(encoding="utf-8")
    )
    mounted = {volume["target"] for volume in services["grafana"]["volumes"]}
    assert provider["providers"][0]["options"]["path"] in mounted


def test_the_build_sees_exactly_what_the_dockerfile_copies() -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    copied = {
        source
        for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, flags=re.MULTILINE)
        for source in sources.split()
    }

    assert "*" in ignore
    assert {line[1:].rstrip("/") for line in ignore if line.startswith("!")} == copied


def natively(
    service: dict[str, Any], tmp_path: Path, **replaced: str
) -> tuple[list[str], dict[str, str]]:
    """The command of a service as this machine starts it, and its environment."""
    settings = {name: value or "" for name, value in service["environment"].items()}
    settings |= {"SEVERITY_PSEUDONYM_KEY": SECRET, "SEVERITY_HOME": str(tmp_path / "home")}
    return [sys.executable, "-m", "flows", *service["command"]], environment(**settings | replaced)


def test_each_of_our_services_runs_a_command(services: dict[str, dict[str, Any]]) -> None:
    """The dashboard runs below, and all others in tests of their own."""
    ours = {name: service["command"] for name, service in services.items() if "build" in service}
    assert ours == OURS


def test_each_service_reaches_the_database_as_a_role_of_its_own(
    services: dict[str, dict[str, Any]],
) -> None:
    urls = {
        name: service["environment"]["DATABASE_URL"]
        for name, service in services.items()
        if "DATABASE_URL" in service["environment"]
    }
    assert urls == {
        "migrate": "postgresql://severity@postgres/severity",
        "worker": "postgresql://severity_scorer@postgres/severity",
        "fetcher": "postgresql://severity_scorer@postgres/severity",
        "dashboard": "postgresql://severity_dashboard@postgres/severity",
    }


def test_the_dashboard_shows_with_a_reader_s_rights_what_a_password_opens(
    services: dict[str, dict[str, Any]], deployed_url: URL, scorer: Database, tmp_path: Path
) -> None:
    del scorer  # it has filled the database
    reader = deployed_url.set(username="severity_dashboard")
    command, settings = natively(
        services["dashboard"],
        tmp_path,
        DATABASE_URL=reader.render_as_string(hide_password=False),
        SEVERITY_DASHBOARD_PORT="0",
        SEVERITY_DASHBOARD_HOST="127.0.0.1",
    )
    password = settings["SEVERITY_DASHBOARD_PASSWORD"]

    with subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        address = process.stdout.readline().split("http://")[1].split()[0]
        known = httpx.get(f"http://{address}/api/v1/balance", auth=("monitor", password))
        unknown = httpx.get(f"http://{address}/api/v1/balance")
        process.terminate()

    assert known.status_code == httpx.codes.OK, known.text
    assert unknown.status_code == httpx.codes.UNAUTHORIZED


def test_the_receiver_starts_with_its_settings_and_not_without_senders(
    services: dict[str, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, settings = natively(services["receiver"], tmp_path)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match="SEVERITY_RECEIVER_ADDRESSES"):
        read_settings()

    monkeypatch.setenv("SEVERITY_RECEIVER_ADDRESSES", "192.0.2.0/24")
    assert read_settings().receiver_title == "CXRSEVERITY"
