"""What carrying out a task needs of a shop, and no more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from footfall.engine import Engine
from footfall.errors import FootfallError
from footfall.tabular import Clock, Settings, make_clock
from footfall.windows import Shape, shape

Progress = Callable[[str], None]


def _quiet(message: str) -> None:
    del message


@dataclass(frozen=True)
class Context:
    """The engine, where models are kept, the shop's time zone, how much work a fit may do, and whom to tell.

    `kept` holds what was prepared last, so that verbs that follow each other need not prepare it again; whoever changes
    the data empties it.
    """

    engine: Engine
    models: Path
    tz: str = "UTC"
    settings: Settings = field(default_factory=Settings)
    progress: Progress = _quiet
    kept: dict[Any, Any] = field(default_factory=dict, compare=False)

    def shape(self) -> Shape:
        """What the shop has. Raises FootfallError when it holds no dated facts."""
        found = shape(self.engine, self.tz)
        if found.first is None:
            raise FootfallError(
                "the shop holds no dated facts yet; load some first (footfall load FILES --source NAME)"
            )
        return found

    def clock(self, found: Shape) -> Clock:
        return make_clock(found, self.tz)


def now() -> datetime:
    """The wall clock, for `made_at` only: no answer depends on it."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)
