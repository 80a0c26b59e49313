"""What becomes of the processes that run tests: why one died, and how much memory each took.

A plugin of pytest. Where a process dies, its own words are far above the summary, or nowhere.
"""

import faulthandler
import resource
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

_FOLDER, _MEMORY = "tests_folder", "tests_memory"
_PATIENCE_SECONDS = 10
_MOST_LINES = 60  # of where it was
_folder = pytest.StashKey[Path]()
_told = pytest.StashKey[list[str]]()


@pytest.hookimpl(trylast=True)  # after pytest's own, which writes to the terminal
def pytest_configure(config: pytest.Config) -> None:
    """Let a process that dies write where it was into a file of its own."""
    given = getattr(config, "workerinput", None)
    if given is None:
        config.stash[_told] = []
        config.stash[_folder] = Path(tempfile.mkdtemp(prefix="tests-"))
    elif faulthandler.is_enabled():
        config.stash[_folder] = Path(given[_FOLDER])
        faulthandler.enable((config.stash[_folder] / given["workerid"]).open("w"))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput[_FOLDER] = str(node.config.stash[_folder])


def pytest_sessionfinish(session: pytest.Session) -> None:
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_MEMORY] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # from KiB


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    name, told = node.gateway.id, node.config.stash[_told]
    if not error:
        told.append(f"{name} took {node.workeroutput[_MEMORY]:.1f} GB at most")
        return
    code = node.gateway._io.popen.wait(_PATIENCE_SECONDS)  # noqa: SLF001 - nothing public knows
    words = (node.config.stash[_folder] / name).read_text().splitlines()[:_MOST_LINES]
    told += [f"{name} ended with {code} (negative: by this signal)", *words]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for line in config.stash[_told]:
        terminalreporter.write_line(line)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(config.stash[_folder])
