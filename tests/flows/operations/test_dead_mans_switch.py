"""The call after a successful pass: it is made, and nothing depends on how it ends."""

import json
import logging
import socket

import pytest
from pydantic import ValidationError

from flows.cli.options import chosen_settings
from flows.operations.dead_mans_switch import report_success
from flows.resources import Progress, Resources
from flows.scoring.every_source import score_sources
from flows.settings import Settings, SourceSettings
from tests.builders.alert_servers import web_server
from tests.builders.ports import reserved_port


@pytest.fixture
def watch():
    """The service that raises the alarm when it is not called."""
    with web_server() as watch:
        yield watch


def test_the_url_is_called_once(watch):
    report_success(Settings(success_url=watch.url))

    assert watch.calls == 1


def test_without_a_url_nothing_is_called(watch):
    report_success(Settings())

    assert watch.calls == 0


def test_a_failure_is_logged_without_the_url_and_stops_nothing(watch, caplog):
    watch.status = 500
    with reserved_port() as port, caplog.at_level(logging.WARNING):
        report_success(Settings(success_url=f"http://127.0.0.1:{port}/secret-token"))
        report_success(Settings(success_url=watch.url))

    assert len(caplog.messages) == 2
    assert "secret" not in caplog.text


def test_an_answer_that_never_comes_is_not_waited_for(monkeypatch, caplog):
    monkeypatch.setattr("flows.operations.dead_mans_switch._SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent, caplog.at_level(logging.WARNING):
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/secret"
        report_success(Settings(success_url=url))

    assert caplog.messages
    assert "secret" not in caplog.text


def test_only_an_address_of_the_web_is_called():
    with pytest.raises(ValidationError):
        Settings(success_url="file:///etc/passwd")


async def test_a_pass_over_all_sources_reports_success_unless_one_of_them_failed(
    watch, resources, tmp_path
):
    (tmp_path / "ward").mkdir()
    settings = type(resources.settings)(
        **resources.settings.model_dump(exclude_unset=True) | {"success_url": watch.url}
    )
    watched = Resources(settings, Progress())
    ward, gone = (
        SourceSettings(name=name, location=str(tmp_path / name)) for name in ("ward", "gone")
    )

    await score_sources([ward, gone], watched)
    after_failure = watch.calls
    await score_sources([ward], watched)

    assert [after_failure, watch.calls] == [0, 1]


async def test_a_pass_that_leaves_out_a_source_that_is_set_reports_nothing(
    watch, resources, tmp_path, monkeypatch
):
    for name in ("ward", "icu"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("SEVERITY_SUCCESS_URL", watch.url)
    monkeypatch.setenv("SEVERITY_INBOX", str(tmp_path / "icu"))
    monkeypatch.setenv("SEVERITY_SOURCES", json.dumps({"ward": str(tmp_path / "ward")}))
    own = resources.settings.model_dump(exclude_unset=True, exclude={"home"})

    for inbox, names in ((None, ["ward"]), (str(tmp_path / "ward"), [])):
        chosen = chosen_settings(**own | ({"inbox": inbox} if inbox else {}))
        await score_sources(chosen.sources_named(*names), Resources(chosen, Progress()))
    after_parts = watch.calls
    whole = chosen_settings(**own)
    await score_sources(whole.sources_named(), Resources(whole, Progress()))

    assert [after_parts, watch.calls] == [0, 1]
