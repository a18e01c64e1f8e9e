"""Footfall: raw records of an online business in, answers a merchant acts on out."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "open": "footfall.shop",
    "Shop": "footfall.shop",
    "Task": "footfall.tasks",
    "simulate": "footfall.simulate",
    "FootfallError": "footfall.errors",
    "UsageError": "footfall.errors",
    "Span": "footfall.spans",
    "span": "footfall.spans",
    **dict.fromkeys(["orders", "lines", "events", "reviews", "satisfaction", "customers"], "footfall.windows"),
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'footfall' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


class _Front(ModuleType):
    """A room that bears the name of a verb (`simulate`) does not take the verb's place when it is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Front
