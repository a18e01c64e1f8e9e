"""A section of the report: one file in `sections/`, found by its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

from footfall.names import members
from footfall.report.blocks import Block
from footfall.report.page import Page

_HOME = "footfall.report.sections"


@dataclass(frozen=True)
class Section:
    """One part of the report.

    `order` places it along CRISP-DM (10 business, 20 data, 30 quality, 40 questions, 50 how good, 60 what drives,
    70 who, 80 limits, 90 how it was made). `needs` are the tables it shows: it is left out when all of them are
    absent or empty; with no `needs` it is always there. `draw` turns the page into blocks; no block, no section.
    """

    name: str
    title: str
    order: int
    lead: str
    needs: tuple[str, ...]
    draw: Callable[[Page], Sequence[Block]]

    def shown(self, page: Page) -> bool:
        return not self.needs or any(page.has(t) for t in self.needs)


def sections() -> tuple[Section, ...]:
    """Every section there is, in order."""
    found: list[Section] = [import_module(f"{_HOME}.{n}").SECTION for n in members(_HOME, "SECTION")]
    return tuple(sorted(found, key=lambda s: (s.order, s.name)))
