import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(
    f"severity.{file.parent.name}"
    for file in (ROOT / "severity").glob("*/__init__.py")
    if "__all__" in file.read_text()
)
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]
NEED_TORCH = {module for contract in CONTRACTS for module in contract.get("protected_modules", ())}
PROGRAMS = ("severity", "db", "flows", "training", "benchmarks")


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_what_it_offers_and_nothing_else(package: str) -> None:
    offers = import_module(package)

    for name in offers.__all__:
        assert getattr(offers, name) is not None
    with pytest.raises(ImportError):
        exec(f"from {package} import not_offered")  # noqa: S102 - as a caller would write it


def test_packages_are_cheap_to_import() -> None:
    heavy = {"numpy", "scipy", "sklearn", "pydicom", "PIL", "torch", "openvino"}
    code = f"import sys, {', '.join(PACKAGES)}; print(*sorted({heavy} & set(sys.modules)))"

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ended.stdout.split() == []


def imported_from_outside(package: str) -> Iterator[tuple[str, str]]:
    """Yield each name of a package's modules that other code imports, and the importing file.

    Without those that need torch: import contracts say who may import them.
    """
    for file in (file for program in PROGRAMS for file in (ROOT / program).rglob("*.py")):
        if file.is_relative_to(ROOT / package.replace(".", "/")):
            continue
        for statement in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            module = (isinstance(statement, ast.ImportFrom) and statement.module) or ""
            if module.startswith(f"{package}.") and module not in NEED_TORCH:
                yield from ((name.name, str(file.relative_to(ROOT))) for name in statement.names)


@pytest.mark.parametrize("package", PACKAGES)
def test_what_a_package_does_not_offer_is_private(package: str) -> None:
    offers = set(import_module(package).__all__)

    assert [used for used in imported_from_outside(package) if used[0] not in offers] == []
