"""Which settings of a model may be tuned, within which bounds, and how long a search may take."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from footfall.errors import UsageError
from footfall.models import find_model
from footfall.tabular.blend import bare

Space = Mapping[str, tuple[Any, ...]]
"""Setting -> (low, high, "float" | "int" | "log" | "log-int"), or the values to choose from."""
KINDS = ("float", "int", "log", "log-int")


def space_of(model: str) -> Space:
    """The settings of a model that may be tuned (its class attribute `space`); empty: none."""
    found: Space = getattr(find_model(bare(model)), "space", {})
    return {n: _checked(model, n, tuple(range_)) for n, range_ in found.items()}


def _checked(model: str, name: str, range_: tuple[Any, ...]) -> tuple[Any, ...]:
    """Bounds as written, or more than one value to choose from; tells a mistake in a model's own `space`."""
    if len(range_) == 3 and range_[2] in KINDS:
        if not range_[0] < range_[1] or (range_[2].startswith("log") and range_[0] <= 0):
            raise UsageError(f"model '{model}': the bounds of {name} are not in order")
    elif len(range_) < 2:
        raise UsageError(f"model '{model}': there is nothing to choose from for {name}")
    return range_


@dataclass(frozen=True)
class Budget:
    """How long a search may take: `seconds` of wall time, or a number of `trials` (the same on every machine)."""

    seconds: float | None = None
    trials: int | None = None

    def shared(self, among: int) -> Budget:
        """Of several searches: the time is shared, the number of trials is each one's own."""
        return self if self.seconds is None else Budget(self.seconds / max(among, 1))

    @property
    def words(self) -> str:
        return f"{self.trials} trials" if self.seconds is None else f"{self.seconds:.0f} s"


_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def budget_of(text: str) -> Budget:
    """`90s`, `5m`, `1h`: time; a plain number: so many trials. Raises UsageError for anything else."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
    if found and float(found[1]) > 0:
        if found[2]:
            return Budget(seconds=float(found[1]) * _UNITS[found[2]])
        if found[1].isdigit():
            return Budget(trials=int(found[1]))
    raise UsageError(
        f"'{text}' is no budget of a search; say a time as in 90s, 5m or 1h, or a number of trials as in 40"
    )
