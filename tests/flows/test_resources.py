"""The resources of a run: the secret behind the pseudonyms is made once, and never replaced."""

import gc
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextvars import copy_context
from pathlib import Path
from tempfile import TemporaryDirectory
from weakref import ref

import pytest

from flows.errors import UsageError
from flows.resources import Progress, Resources, current, using
from flows.settings import Settings
from severity.domain import PatientId
from tests.builders.commands import environment
from tests.builders.settings import SECRET


@pytest.fixture
def short_home() -> Iterator[Path]:
    """A home folder that the embedded server's own user can reach."""
    with TemporaryDirectory(prefix="severity-home-") as home:
        yield Path(home) / "home"


@pytest.fixture
def embedded(short_home: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command on the embedded database."""

    def embedded(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "flows", *arguments],
            env=environment(SEVERITY_HOME=str(short_home)),
            capture_output=True,
            text=True,
            check=False,
        )

    return embedded


def test_looking_makes_no_database(embedded, short_home):
    result = embedded("status")

    assert result.returncode == 1
    assert "nothing was scored. `cxr-severity run` makes it; SEVERITY_HOME names" in result.stderr
    assert not (short_home / "postgres").exists()
    assert not (short_home / "pseudonym.key").exists()


def test_a_lost_key_file_is_not_replaced_and_its_return_mends_all(embedded, short_home):
    assert embedded("db", "upgrade").returncode == 0
    assert embedded("status").returncode == 0
    key, kept = short_home / "pseudonym.key", short_home / "kept"
    assert key.stat().st_mode & 0o077 == 0
    key.rename(kept)
    before = sorted(short_home.rglob("*"))

    refused = embedded("status")

    assert refused.returncode == 2
    assert f"{key} is missing" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert not key.exists()
    assert sorted(short_home.rglob("*")) == before, "nothing was written"

    kept.rename(key)
    assert embedded("status").returncode == 0


def keys(patient: PatientId, issuer: str = "") -> tuple[str, str]:
    settings = Settings(pseudonym_key=SECRET, issuer=issuer)
    resources = Resources(settings, Progress())
    return resources.pseudonym(patient), resources.unissued_pseudonym(patient)


def test_the_sites_issuer_is_assumed_where_none_is_named() -> None:
    bare, issued, other = PatientId("7"), PatientId("7", "City"), PatientId("7", "Town")

    assert keys(bare, "City") == keys(issued) == keys(issued, "City")
    assert keys(PatientId("7", "  "), "City") == keys(issued)
    assert keys(other, "City") == keys(other)
    assert keys(bare)[0] != keys(issued)[0]


def test_the_key_without_an_issuer_is_that_of_images_that_name_none() -> None:
    assert keys(PatientId("7", "City"))[1] == keys(PatientId("7"))[0]
    assert keys(PatientId("7"))[1] == ""


def test_what_a_flow_used_is_let_go_once_it_has_ended_though_prefect_keeps_its_context() -> None:
    """Each pass left a network behind: 120 MB, in a process that has many."""
    resources = Resources(Settings(), Progress())
    with using(resources):
        kept = copy_context()
        assert kept.run(current) is resources

    there = ref(resources)
    del resources
    gc.collect()
    assert there() is None
    with pytest.raises(RuntimeError):
        kept.run(current)


@pytest.mark.parametrize("content", ["", "short", f"{SECRET}=>short"])
def test_a_secret_that_is_too_short_is_refused_before_a_database_is_bound_to_it(
    content, database, resources
):
    """The fingerprint of an empty one was registered, and the first film failed."""
    settings = resources.settings.model_copy(update={"pseudonym_key": None})
    settings.home.mkdir()
    settings.pseudonym_file.write_text(content)

    with pytest.raises(UsageError, match="32 characters"):
        Resources(settings, Progress()).open_database()

    settings.pseudonym_file.write_text(SECRET)
    assert Resources(settings, Progress()).open_database() is not None


def test_a_secret_that_cannot_be_read_is_wrong_use(resources):
    settings = resources.settings.model_copy(update={"pseudonym_key": None})
    settings.pseudonym_file.mkdir(parents=True)

    with pytest.raises(UsageError, match="cannot be read"):
        Resources(settings, Progress()).open_database()
