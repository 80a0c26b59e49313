"""Which URLs results may be sent to, and who can read what is sent to a folder."""

import os
from pathlib import Path

import pytest

from flows.errors import SendingError, UsageError
from flows.exports.destinations import Folder, checked_url


@pytest.mark.parametrize(
    "url",
    [
        "fhir.example",
        "ftp://fhir.example/base",
        "https://",
        "https://fhir.example:port/base",
        "https://fhir.example:99999/base",
        "https://xn--/base",
        "https://me:secret@fhir.example/base",
        "https://fhir.example/base?token=secret",
    ],
)
def test_a_url_without_a_host_or_with_a_secret_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as refusal:
        checked_url(url, has_token=False, is_identified=False)
    assert "secret" not in str(refusal.value)


def test_a_token_crosses_no_network_unencrypted() -> None:
    with pytest.raises(UsageError, match="https"):
        checked_url("http://fhir.example/base", has_token=True, is_identified=False)

    for url, has_token in (
        ("https://fhir.example/base", True),
        ("http://127.0.0.1:8080/fhir", True),
        ("http://fhir.example/base", False),
    ):
        assert checked_url(f"{url}/", has_token=has_token, is_identified=False) == url


def test_identifiers_cross_no_network_unencrypted() -> None:
    with pytest.raises(UsageError, match="https"):
        checked_url("http://fhir.example/base", has_token=False, is_identified=True)

    for url in ("https://fhir.example/base", "http://[::1]:8080/fhir"):
        assert checked_url(url, has_token=False, is_identified=True) == url


def test_the_folders_group_may_read_what_is_sent_whatever_the_umask(tmp_path: Path) -> None:
    group = max(os.getgroups() + [4711] * (os.getuid() == 0))
    os.chown(tmp_path, -1, group)
    before = os.umask(0o077)
    try:
        Folder(tmp_path).send("a.hl7", "MSH")
    finally:
        os.umask(before)

    (file,) = tmp_path.iterdir()
    assert (file.stat().st_mode & 0o777, file.stat().st_gid) == (0o640, group)


def test_files_by_name_are_in_the_order_of_sending(tmp_path: Path) -> None:
    for name in ("c.hl7", "a.hl7", "b.hl7", "a.hl7"):
        Folder(tmp_path).send(name, name)

    names = sorted(path.name for path in tmp_path.iterdir())
    assert [name.rpartition("-")[2] for name in names] == ["c.hl7", "a.hl7", "b.hl7", "a.hl7"]


def test_a_folder_that_cannot_be_written_keeps_no_draft(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SendingError):
        Folder(tmp_path / "file").send("a.hl7", "MSH")
