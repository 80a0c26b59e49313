"""The inbox in an object store, against a real one."""

import asyncio
import io
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import numpy as np
import obstore
import pytest
from obstore.store import S3Store
from PIL import Image

from flows.errors import InboxError
from flows.resources import Resources
from flows.scoring.every_source import SourcePass
from flows.scoring.flow import RunSummary
from flows.settings import SourceSettings
from flows.sources import OrderedStore, object_store, open_archive
from flows.sources.inbox import Inbox, open_inbox
from flows.sources.object_store import open_bucket
from flows.sources.store import Addition, Entry
from severity.domain import Reason
from severity.errors import RejectedImage
from tests.builders.ports import reserved_port
from tests.builders.s3_server import SECRET, S3Server, running_s3
from tests.builders.surveys import Survey, survey

NOW = datetime(2020, 3, 1, tzinfo=UTC)  # long before the objects were made: nothing is deferred
BUCKET = "images"
Put = Callable[[str, bytes], None]


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_s3(tmp_path_factory.mktemp("s3")) as server:
        obstore.put(server.bucket(BUCKET), "elsewhere/other.png", b"of somebody else")
        yield server


@pytest.fixture
def aws(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment of a program that may use the server."""
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture
def prefix() -> str:
    """A prefix for one test."""
    return f"night-{uuid4().hex}"


@pytest.fixture
def put(s3_server: S3Server, prefix: str) -> Put:
    bucket: S3Store = s3_server.bucket(BUCKET)

    def put(key: str, content: bytes) -> None:
        obstore.put(bucket, f"{prefix}/{key}", content)

    return put


@pytest.fixture
def inbox(aws: object, prefix: str) -> Inbox:
    return open_inbox(f"s3://{BUCKET}/{prefix}", settle=timedelta(seconds=30))


def surveyed(inbox: Inbox) -> Survey:
    return survey(inbox, now=NOW)


def keys(inbox: Inbox) -> list[str]:
    return surveyed(inbox).keys


def refusal(location: str) -> str:
    """Fail to list an inbox, soon, and return the message."""
    begun = time.monotonic()
    with pytest.raises(InboxError) as refused:
        surveyed(open_inbox(location, settle=timedelta(0)))
    assert time.monotonic() - begun < 20
    return str(refused.value)


def test_only_what_lies_below_the_prefix_is_listed(
    put: Put, inbox: Inbox, prefix: str, s3_server: S3Server
) -> None:
    put("b.png", b"1")
    put("sub/a.png", b"22")
    put(".hidden/c.png", b"3")
    obstore.put(s3_server.bucket(BUCKET), f"{prefix}ly/d.png", b"4")

    assert [(item.key, item.size) for item in surveyed(inbox).objects] == [
        ("b.png", 1),
        ("sub/a.png", 2),
    ]


@pytest.mark.usefixtures("aws")
def test_a_bucket_without_a_prefix_is_listed_whole() -> None:
    assert "elsewhere/other.png" in keys(open_inbox(f"s3://{BUCKET}", settle=timedelta(0)))


def test_a_slash_at_the_end_changes_nothing(put: Put, inbox: Inbox) -> None:
    put("a.png", b"1")

    other = open_inbox(f"{inbox.location}/", settle=timedelta(0))

    assert other.location == inbox.location
    assert keys(other) == ["a.png"]


def test_a_prefix_with_nothing_below_it_is_an_empty_inbox(inbox: Inbox) -> None:
    assert surveyed(inbox).portions == ()


def test_more_objects_than_one_answer_holds_are_all_listed(put: Put, inbox: Inbox) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: put(f"{number}.png", b"1"), range(1005)))

    assert len(keys(inbox)) == 1005


def test_objects_are_read(put: Put, inbox: Inbox) -> None:
    put("sub/a.png", b"image")

    assert asyncio.run(inbox.read("sub/a.png")) == b"image"


def test_an_object_that_is_gone_has_vanished(inbox: Inbox) -> None:
    with pytest.raises(RejectedImage) as rejected:
        asyncio.run(inbox.read("gone.png"))

    assert rejected.value.reason is Reason.VANISHED


def test_an_object_that_is_too_large_is_refused(put: Put, inbox: Inbox) -> None:
    put("a.png", b"12345")

    with pytest.raises(RejectedImage) as rejected:
        asyncio.run(inbox.store.read("a.png", most_bytes=4))

    assert rejected.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize(
    "name",
    ["two words.png", " ends ", "50%.png", "a%20b.png", "%2F.png", "größe-肺-😀.png",
     "a#b?c&d=e.png", "a+b.png", "<&>'\".png", "(~*!$,;:@).png", "zero\u200dwidth.png",
     "-rf", "x" * 200],
)  # fmt: skip
def test_any_name_is_listed_read_and_described(put: Put, inbox: Inbox, name: str) -> None:
    put(f"é 1/{name}", name.encode())
    quoted = name.replace('"', '""')
    put("é 1/metadata.csv", f'filename,patient_id\n"{quoted}",P1\n'.encode())

    listed = surveyed(inbox)
    (image,) = listed.objects

    assert asyncio.run(inbox.read(image.key)) == name.encode()
    assert image.key.isprintable()
    # A sidecar's names are stripped: what begins or ends with a space cannot be named.
    assert (listed.patient(image.key) == "P1") == (name == name.strip())


def test_a_sidecar_in_the_bucket_describes_its_images(put: Put, inbox: Inbox) -> None:
    put("a.png", b"1")
    put("sub/b.png", b"2")
    put("metadata.json", b'[{"filename": "a.png", "patient_id": "P1"}]')
    put("sub/metadata.csv", b"no file names\n1\n")

    listed = surveyed(inbox)

    assert listed.keys == ["a.png"]
    assert listed.patient("a.png") == "P1"
    assert listed.deferred == 1
    assert listed.listing.unreadable_sidecars == ("sub/metadata.csv",)


def test_a_fingerprint_changes_when_the_content_does(put: Put, inbox: Inbox) -> None:
    put("a.png", b"one")
    put("b.png", b"one")
    before = surveyed(inbox).objects
    put("a.png", b"two")
    after = surveyed(inbox).objects

    assert before[0].fingerprint != after[0].fingerprint
    assert before[1] == after[1]


def test_the_marker_of_a_folder_is_not_an_image(put: Put, inbox: Inbox) -> None:
    put("2020.03.01", b"")
    put("2020.03.01/a.png", b"1")
    put("empty", b"")
    put("empty.png", b"")

    assert keys(inbox) == ["2020.03.01/a.png", "empty.png"]


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"])
def test_wrong_credentials_are_refused_in_one_line_without_them(
    aws: pytest.MonkeyPatch, name: str
) -> None:
    aws.setenv(name, "something-else-entirely")

    message = refusal(f"s3://{BUCKET}/night")

    assert message.startswith(f"s3://{BUCKET}/night cannot be listed: ")
    assert "key" in message
    assert "\n" not in message
    assert SECRET not in message
    assert "something-else-entirely" not in message


def test_wrong_credentials_are_not_the_fault_of_an_object(
    put: Put, inbox: Inbox, aws: pytest.MonkeyPatch
) -> None:
    put("a.png", b"1")
    aws.setenv("AWS_SECRET_ACCESS_KEY", "something-else-entirely")
    stranger = open_inbox(inbox.location, settle=timedelta(0))

    with pytest.raises(InboxError, match="does not answer: SignatureDoesNotMatch"):
        asyncio.run(stranger.read("a.png"))


def test_no_credentials_at_all_are_asked_for(aws: pytest.MonkeyPatch) -> None:
    aws.delenv("AWS_ACCESS_KEY_ID")
    aws.delenv("AWS_SECRET_ACCESS_KEY")
    with reserved_port() as port:
        aws.setenv("AWS_METADATA_ENDPOINT", f"http://127.0.0.1:{port}")
        message = refusal(f"s3://{BUCKET}")

    assert "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in message


@pytest.mark.usefixtures("aws")
def test_a_bucket_that_is_missing_is_refused() -> None:
    assert "NoSuchBucket" in refusal("s3://no-such-bucket/night")


def test_an_endpoint_that_is_down_is_given_up_soon(aws: pytest.MonkeyPatch) -> None:
    with reserved_port() as port:
        aws.setenv("AWS_ENDPOINT", f"http://127.0.0.1:{port}")
        message = refusal(f"s3://{BUCKET}/night")

    assert message.startswith(f"s3://{BUCKET}/night cannot be listed: no connection")


def test_an_endpoint_that_stays_silent_is_given_up(aws: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        aws.setenv("AWS_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        bucket = open_bucket(f"s3://{BUCKET}", patience=timedelta(seconds=0.2))

        begun = time.monotonic()
        with pytest.raises(InboxError, match="cannot be listed"):
            surveyed(Inbox(bucket.location, bucket, timedelta(0)))

    assert time.monotonic() - begun < 5


def test_plain_http_must_be_meant(aws: pytest.MonkeyPatch) -> None:
    aws.delenv("AWS_ALLOW_HTTP")

    assert "AWS_ALLOW_HTTP=true" in refusal(f"s3://{BUCKET}")


@pytest.mark.parametrize(
    "name", ["AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ALLOW_HTTP", "AWS_READ_TIMEOUT"]
)
def test_a_wrong_setting_is_refused(aws: pytest.MonkeyPatch, name: str) -> None:
    aws.setenv(name, "no such thing")

    with pytest.raises(InboxError):
        open_inbox(f"s3://{BUCKET}", settle=timedelta(0))


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("location", ["s3://", "s3:///night", "s3://two words/x", "s3://a/b//c"])
def test_a_wrong_address_is_refused(location: str) -> None:
    with pytest.raises(InboxError, match="cannot be opened"):
        open_inbox(location, settle=timedelta(0))


@pytest.mark.usefixtures("aws")
def test_an_address_with_a_secret_is_refused_and_not_repeated() -> None:
    with pytest.raises(InboxError) as refused:
        open_inbox(f"s3://me:{SECRET}@images/night", settle=timedelta(0))

    assert SECRET not in str(refused.value)


def test_a_bucket_is_scored_and_each_image_once(
    put: Put, inbox: Inbox, score: Callable[[str], RunSummary]
) -> None:
    for number in range(5):
        put(f"ward {number % 2}/image-{number}.png", png(seed=number))
    put("copy.png", png(seed=0))
    put("broken.png", png(seed=9)[:200])
    put("metadata.csv", sidecar(described=[0, 1, 2, 3]))

    first = score(inbox.location)
    put("metadata.csv", sidecar(described=[0, 1, 2, 3, 4]))
    second = score(inbox.location)

    assert (first.scored, first.rejected) == (4, 3)
    assert (second.enlisted, second.scored, second.rejected) == (1, 1, 0)
    assert second.balance.holds


def test_what_is_scored_is_archived_in_the_bucket_and_what_comes_later_is_listed(
    put: Put,
    prefix: str,
    inbox: Inbox,
    score_source: Callable[[Resources], SourcePass],
    resources: Resources,
) -> None:
    archive = f"s3://{BUCKET}/{prefix}-archive"
    pacs = SourceSettings(
        name="pacs", location=inbox.location, arrives_in_order=True, archive=archive
    )
    settings = resources.settings.model_copy(update={"sources": {"pacs": pacs}})
    served = Resources(settings, resources.progress, resources.opened)
    for number in range(2):
        put(f"1/image-{number}.png", png(seed=number))
    put("1/metadata.csv", sidecar(described=[0, 1]))

    first = score_source(served).summary
    put("2/image-2.png", png(seed=2))
    put("2/image-3.png", png(seed=3)[:200])
    put("2/metadata.csv", sidecar(described=[2, 3]))
    second = score_source(served).summary

    assert first is not None
    assert second is not None
    assert (first.scored, first.archived) == (2, 2)
    assert (second.enlisted, second.scored, second.rejected, second.archived) == (2, 1, 1, 1)
    assert second.balance.holds
    assert keys(inbox) == ["2/image-3.png"]
    assert keys(open_inbox(archive, settle=timedelta(0))) == [
        "1/image-0.png",
        "1/image-1.png",
        "2/image-2.png",
    ]


def test_an_archived_object_is_never_overwritten_by_another(
    put: Put, prefix: str, inbox: Inbox, s3_server: S3Server
) -> None:
    bucket = s3_server.bucket(BUCKET)
    archive = open_archive(inbox, f"s3://{BUCKET}/{prefix}-archive")
    film = Addition("a.dcm", 7, lambda _: True)

    def archived(key: str) -> bytes:
        return bytes(obstore.get(bucket, f"{prefix}-archive/{key}").bytes())

    def arrive(content: bytes) -> str | None:
        put("a.dcm", content)
        return asyncio.run(archive.add(film))

    assert arrive(b"night 1") == "a.dcm"
    assert arrive(b"night 1") == "a.dcm"  # a run was killed before it removed the object
    assert arrive(b"night 2") == "a.7.dcm"
    assert arrive(b"night 3") is None
    assert (archived("a.dcm"), archived("a.7.dcm")) == (b"night 1", b"night 2")
    assert keys(inbox) == ["a.dcm"]

    # A copy has another tag than its original, if that was put there in parts.
    parts = f"{prefix}/b.dcm"
    obstore.put(bucket, parts, b"1" * 2**23, use_multipart=True, chunk_size=5 * 2**20)
    scored = Addition("b.dcm", 8, lambda _: True)
    assert [asyncio.run(archive.add(scored)) for _ in range(2)] == ["b.dcm", "b.dcm"]


def test_objects_are_listed_from_a_key_on_in_the_order_of_keys(put: Put, inbox: Inbox) -> None:
    for name in ("b", "a/2.png", "a/1.png", "c d.png", "ä.png", "Z.png", "empty.png"):
        put(name, b"" if name == "empty.png" else b"1")

    async def after(key: str) -> list[str]:
        assert isinstance(inbox.store, OrderedStore)
        return [entry.key async for entries in inbox.store.entries_after(key) for entry in entries]

    assert asyncio.run(after("a/1.png")) == ["a/2.png", "b", "c d.png", "empty.png", "ä.png"]
    assert isinstance(inbox.store, OrderedStore)
    assert asyncio.run(inbox.store.has("c d.png"))
    assert not asyncio.run(inbox.store.has("a"))


def test_an_empty_object_is_shown_in_the_order_of_keys_unless_others_lie_below_it(
    put: Put, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "_CHUNK", 1)
    for name in ("a.png", "b.d", "b.d-1.png", "b.d/1.png", "b.d/2.png", "c.png", "d.png", "e"):
        put(name, b"1" if "1" in name or name == "d.png" else b"")

    async def listed(entries: AsyncIterator[Sequence[Entry]]) -> list[str]:
        return [entry.key async for chunk in entries for entry in chunk]

    store = inbox.store
    assert isinstance(store, OrderedStore)
    after = asyncio.run(listed(store.entries_after("a.png")))
    assert sorted(after[:3]) == ["b.d-1.png", "b.d/1.png", "b.d/2.png"]  # in the store's own order
    assert after[3:] == ["c.png", "d.png"]
    assert asyncio.run(listed(store.entries())) == ["a.png", *after]


def png(*, seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 256, (128, 128), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    return file.getvalue()


def sidecar(*, described: list[int]) -> bytes:
    rows = [f"image-{number}.png,P{number % 2},2020-03-{number + 1:02},PA" for number in described]
    return "\n".join(["filename,patient_id,acquired_at,view", *rows]).encode()
