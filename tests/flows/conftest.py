"""One Prefect server for the session, and runs of the real flow."""

import asyncio
import hashlib
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from flows.cli.app import main
from flows.orchestration.server import prefect_api, send_logs
from flows.resources import Progress, Resources, using
from flows.settings import Settings
from tests.builders.commands import Command, CommandResult
from tests.builders.dicom_nodes import Orthanc, orthanc
from tests.builders.prefect_database import lay_out
from tests.builders.settings import SECRET


@pytest.fixture(scope="session")
def prefect(_own_home: Path, prefect_database: Path) -> Iterator[None]:
    """Start Prefect's server once, as the product does; without it each flow starts its own."""
    lay_out(prefect_database, _own_home)
    with prefect_api():
        yield
        asyncio.run(send_logs())


@pytest.fixture(scope="session")
def _orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("orthanc")) as archive:
        yield archive


@pytest.fixture
def pacs(_orthanc: Orthanc) -> Orthanc:
    """The session's Orthanc, emptied."""
    _orthanc.remove()
    return _orthanc


@pytest.fixture
def resources(database_url: str, database: object, tmp_path: Path) -> Resources:
    """The resources of a run, on a database of its own."""
    settings = Settings(
        database_url=database_url,
        pseudonym_key=SECRET,
        home=tmp_path / "home",
        settle_seconds=0,
        device="cpu",
    )
    return Resources(settings, Progress())


@pytest.fixture
def score(prefect: None, resources: Resources) -> Callable[[Path], object]:
    """Run the flow over a folder, as the service does."""
    from flows.scoring.flow import score_inbox

    def score(inbox: Path, using_resources: Resources = resources) -> object:
        settings = using_resources.settings.model_copy(update={"inbox": str(inbox)})
        with using(replace(using_resources, settings=settings)):
            (source_pass,) = asyncio.run(score_inbox())
            return source_pass.summary

    return score


@pytest.fixture
def score_source(prefect: None) -> Callable[[Resources], object]:
    """Run the flow over the one source of these settings; return its pass."""
    from flows.scoring.flow import score_inbox

    def score_source(resources: Resources) -> object:
        with using(resources):
            (source_pass,) = asyncio.run(score_inbox())
            return source_pass

    return score_source


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEVERITY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SEVERITY_DEVICE", "cpu")
    # A port where nothing listens: any download would fail.
    monkeypatch.setenv("SEVERITY_WEIGHTS_URL", "http://127.0.0.1:9/weights.pt")
    return tmp_path / "home"


@pytest.fixture
def command(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Run the command line in this process, as its script does."""

    def run(*arguments: str) -> CommandResult:
        monkeypatch.setattr(sys, "argv", ["cxr-severity", *arguments])
        code, interrupted = 0, signal.getsignal(signal.SIGINT)
        try:
            main()
        except SystemExit as error:
            code = int(error.code or 0)
        finally:
            signal.signal(signal.SIGINT, interrupted)  # a program that was interrupted ends
        out, err = capsys.readouterr()
        return CommandResult(code, out, err)

    return run


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A file in the published format with random weights, and its hash."""
    pytest.importorskip("torch")
    import torch
    from torchxrayvision.models import DenseNet

    torch.manual_seed(0)
    backbone = DenseNet()
    with torch.no_grad():  # logits of a size that real ones have
        backbone.classifier.weight.mul_(1e-3)
    file = tmp_path_factory.mktemp("weights") / "random.pt"
    torch.save(backbone, file)
    return file, hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture
def with_weights(random_weights: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Set those weights as the published ones, as an operator would."""
    file, sha256 = random_weights
    monkeypatch.setenv("SEVERITY_WEIGHTS_FILE", str(file))
    monkeypatch.setenv("SEVERITY_WEIGHTS_SHA256", sha256)
    return sha256
