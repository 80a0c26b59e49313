"""Packages that export names of their modules and import each module on first use."""

import ast
import pkgutil
from collections.abc import Callable
from functools import cache
from importlib import import_module


def importing_when_asked(package: str) -> Callable[[str], object]:
    """Return a package's ``__getattr__`` (PEP 562), so that importing the package costs nothing.

    The package's imports under ``if TYPE_CHECKING:`` state where each name comes from. Type
    checkers read them, linters compare them with ``__all__``, and they are parsed here, so that
    no third list can differ from both. lazy_loader reads a stub instead, out of sight of a reader.
    """

    @cache
    def modules() -> dict[str, str]:
        tree = ast.parse(pkgutil.get_data(package, "__init__.py") or b"")
        return {
            name.name: statement.module
            for statement in ast.walk(tree)
            if isinstance(statement, ast.ImportFrom) and statement.module
            for name in statement.names
        }

    def attribute(name: str) -> object:
        if name.startswith("_") or name not in modules():
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(modules()[name]), name)

    return attribute
