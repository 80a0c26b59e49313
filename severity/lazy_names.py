"""Packages that offer names of their modules, and import a module when it is first needed."""

import ast
import pkgutil
from collections.abc import Callable
from functools import cache
from importlib import import_module


def importing_when_asked(package: str) -> Callable[[str], object]:
    """Return a package's ``__getattr__`` (PEP 562), so that importing the package costs nothing.

    Where each name comes from, the package says under ``if TYPE_CHECKING:``. Type checkers read
    it there, linters hold it against ``__all__``, and it is read here, so that there is no third
    list to differ from both. lazy_loader does so with a stub, out of sight of who reads the code.
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

    def offered(name: str) -> object:
        if name.startswith("_") or name not in modules():
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(modules()[name]), name)

    return offered
