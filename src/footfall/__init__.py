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
    "SklearnModel": "footfall.models.sklearn",
    **dict.fromkeys(
        ["orders", "lines", "events", "reviews", "satisfaction", "customers", "series"],
        "footfall.windows",
    ),
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'footfall' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


# A room that bears the name of a verb (`simulate`) must not take the verb's place when it is imported.
_Front = type(
    "_Front",
    (ModuleType,),
    {
        "__setattr__": lambda self, name, value: (
            None if name in _HOMES and isinstance(value, ModuleType) else ModuleType.__setattr__(self, name, value)
        )
    },
)
sys.modules[__name__].__class__ = _Front
