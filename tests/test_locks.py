"""The lock files, of which two are installed on top of each other."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def pins(name: str) -> dict[str, frozenset[str]]:
    """The hashes of each requirement, by name, version and marker."""
    lines = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", "").splitlines()
    return {
        line.partition("--hash")[0].strip(): frozenset(re.findall(r"sha256:\w{64}", line))
        for line in lines
    }


SMALL, FULL, TOOLS = map(
    pins, ("requirements-cpu.lock", "requirements.lock", "requirements-dev.lock")
)


@pytest.mark.parametrize("other", [FULL, TOOLS], ids=["full", "tools"])
def test_the_small_lock_is_part_of_the_other_two(other: dict[str, frozenset[str]]) -> None:
    assert SMALL.items() <= other.items()
    assert all(SMALL.values()), "each requirement has a hash"


def test_what_two_locks_name_they_pin_to_the_same_files() -> None:
    apart = {pin for pin in FULL.keys() & TOOLS.keys() if FULL[pin] != TOOLS[pin]}
    names = [
        {pin.partition("==")[0] for pin in lock.keys() - SMALL.keys()} for lock in (FULL, TOOLS)
    ]

    assert apart == set()
    assert names[0] & names[1] == set(), "the tools bring nothing that torch brings"


def test_torch_and_what_it_brings_are_in_the_full_lock_alone() -> None:
    def gpu_parts(lock: dict[str, frozenset[str]]) -> set[str]:
        return {pin for pin in lock if re.match(r"torch|nvidia-|cuda-|triton", pin)}

    assert {pin.partition("==")[0] for pin in gpu_parts(FULL)} >= {
        "torch",
        "torchvision",
        "torchxrayvision",
    }
    assert gpu_parts(SMALL) == gpu_parts(TOOLS) == set()
