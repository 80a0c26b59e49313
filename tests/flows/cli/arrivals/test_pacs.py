"""Asking a PACS by command: what a person and a scheduler are told."""

import json
import logging
from logging.handlers import BufferingHandler

import pytest

from tests.builders.archived_films import archived_film, by_dimse
from tests.builders.dicom_films import film_uid
from tests.builders.dicom_nodes import DICOMWEB_PLUGIN, ORTHANC_USER
from tests.builders.ports import reserved_port


@pytest.fixture
def at_site(correct, monkeypatch, tmp_path):
    """Run a command at a site with these settings."""
    (tmp_path / "inbox").mkdir()

    def run(*arguments, **settings):
        settings |= {"inbox": tmp_path / "inbox", "pacs_attempts": 1}
        for name, value in settings.items():
            monkeypatch.setenv(f"SEVERITY_{name.upper()}", str(value))
        return correct(*arguments)

    return run


def test_what_is_missing_is_told_by_day_and_named_by_a_digest(at_site, pacs, tmp_path):
    pacs.store(archived_film("a"))

    fetched = at_site("fetch", **by_dimse(pacs))
    compared = at_site("reconcile", "--json", **by_dimse(pacs))

    assert (fetched.code, fetched.err) == (0, "")
    assert "Research use only" in fetched.out
    (day,) = json.loads(compared.out)["days"]
    assert (day["modality"], day["in_pacs"], day["waiting"], day["missing"]) == ("CR", 1, 1, [])
    told = fetched.out + compared.out
    assert not [secret for secret in ("ROE", "Roe", film_uid("a")) if secret in told]


def test_a_film_that_stays_missing_needs_attention(at_site, pacs, tmp_path):
    """No C-GET context takes it: a film of another kind, under the modality of films."""
    pacs.store(archived_film("a", SOPClassUID="1.2.840.10008.5.1.4.1.1.2"))  # CT

    result = at_site("reconcile", **by_dimse(pacs))

    assert (result.code, result.err) == (3, "1 film of the PACS is missing: 1 refused\n")


def test_a_pacs_that_does_not_answer_ends_in_one_line(at_site):
    with reserved_port() as port:
        result = at_site("fetch", pacs=f"PACS@127.0.0.1:{port}")

    assert result.code == 1
    assert result.err == f"cxr-severity: the PACS PACS@127.0.0.1:{port} does not answer\n"


@pytest.mark.skipif(not DICOMWEB_PLUGIN.exists(), reason="orthanc-dicomweb is not installed")
def test_no_library_writes_the_addresses_of_films_into_a_log(at_site, pacs, monkeypatch):
    pacs.store(archived_film("a"))
    listener = BufferingHandler(10_000)
    monkeypatch.setattr(logging.root, "handlers", [listener])
    monkeypatch.setattr(logging.root, "level", logging.DEBUG)

    name, password = ORTHANC_USER
    result = at_site(
        "fetch",
        pacs=pacs.dicomweb,
        pacs_ca=pacs.certificate,
        pacs_user=name,
        pacs_password=password,
    )

    assert result.code == 0
    assert not [record for record in listener.buffer if film_uid("a") in record.getMessage()]
