"""One new file is one new source, model or engine: find a module of a package by its file name."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from footfall.errors import UsageError, did_you_mean


def members(package: str, mark: str) -> list[str]:
    """Names of the modules of `package` that define `mark` (one attribute every member of the family has)."""
    home = import_module(package)
    names = [m.name for m in iter_modules(home.__path__) if not m.name.startswith("_")]
    return sorted(n for n in names if hasattr(import_module(f"{package}.{n}"), mark))


def find(package: str, name: str, mark: str, kind: str) -> ModuleType:
    """The module `package.name`. A wrong name raises UsageError with the right ones."""
    known = members(package, mark)
    if name not in known:
        raise UsageError(f"there is no {kind} '{name}'{did_you_mean(name, known)}")
    return import_module(f"{package}.{name}")
