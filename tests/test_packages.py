"""What a package offers is in its `__all__`: names, or modules where these take time to load."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = [
    ".".join(path.parent.relative_to(ROOT).parts)
    for top in ("db", "flows")
    for path in sorted((ROOT / top).rglob("__init__.py"))
    if "migrations" not in path.parts
]
MODULES = [
    path.relative_to(ROOT)
    for top in ("db", "flows", "training", "benchmarks", "documentation")
    for path in sorted((ROOT / top).rglob("*.py"))
]
SLOW = ("matplotlib", "openvino", "prefect", "sklearn", "torch")


def imported(module: Path) -> Iterator[tuple[str, str]]:
    """Each name that a module imports of our packages, and the package or module it is of."""
    for node in ast.walk(ast.parse((ROOT / module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def package_of(module: str) -> str:
    return max((one for one in PACKAGES if f"{module}.".startswith(f"{one}.")), key=len, default="")


@pytest.mark.parametrize("package", [one for one in PACKAGES if one != "flows"])
def test_what_a_package_offers_is_there(package: str) -> None:
    loaded = import_module(package)

    for name in loaded.__all__:
        assert hasattr(loaded, name) or find_spec(f"{package}.{name}"), name


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_takes_of_another_package_only_what_that_offers(module: Path) -> None:
    inside = f"{'.'.join(module.with_suffix('').parts)}."
    for source, name in imported(module):
        package = package_of(source)
        if package in {"", "flows"} or inside.startswith(f"{package}."):
            continue
        taken = name if source == package else source.removeprefix(f"{package}.")
        assert taken in import_module(package).__all__, f"{source}: {name}"


def test_packages_are_cheap_to_import() -> None:
    program = f"import sys, {', '.join(PACKAGES)}; print(*(set({SLOW}) & set(sys.modules)))"

    ended = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)

    assert ended.stdout.split() == []
