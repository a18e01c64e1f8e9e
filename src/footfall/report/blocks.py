"""The few shapes a section is made of. Sections say WHAT is shown; `render.py` and the template say how."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from footfall.report.numbers import FORMATS, NOTHING, blank
from footfall.report.page import Row

Tone = Literal["plain", "good", "bad", "unclear", "muted"]
Show = Callable[[Any], str]


@dataclass(frozen=True)
class Cell:
    """A value in a table: its text, a smaller second text, a tone; `gauge` draws (low, value, high) in 0..1."""

    text: str
    small: str = ""
    tone: Tone = "plain"
    badge: bool = False
    gauge: tuple[float, float, float] | None = None
    points: tuple[str, ...] = ()


@dataclass(frozen=True)
class Column:
    """A column of a shown table: its heading, the field (or a function of the row) and a format of `numbers`."""

    title: str
    get: str | Callable[[Row], Any]
    format: str | Show = "text"
    hint: str = ""

    @property
    def right(self) -> bool:
        return callable(self.format) or self.format not in ("text", "day", "instant")

    @property
    def dated(self) -> bool:
        return self.format in ("day", "instant")

    def cell(self, row: Row) -> Cell:
        value = self.get(row) if callable(self.get) else row.get(self.get)
        if isinstance(value, Cell):
            return value
        show = self.format if callable(self.format) else FORMATS[self.format]
        return Cell(show(value))


@dataclass(frozen=True)
class Prose:
    """One paragraph. `lead` is larger, `note` smaller and grey, `caution` set apart."""

    text: str
    style: Literal["plain", "lead", "note", "caution", "good", "unclear", "bad"] = "plain"


@dataclass(frozen=True)
class Points:
    """A titled list of short texts, each with an optional bold word in front."""

    title: str
    items: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Grid:
    """A table on the page. `source` names the result tables behind it; rows over `limit` are counted, not shown.

    `stack`: on a phone each row becomes a small card; otherwise the table scrolls inside its box.
    """

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    source: tuple[str, ...] = ()
    note: str = ""
    limit: int = 25
    stack: bool = False


@dataclass(frozen=True)
class Figure:
    """A chart: `kind` is a function of `charts.py`, called with `rows` and `options`. `words` is its text twin."""

    kind: str
    title: str
    rows: Sequence[Row]
    words: str
    note: str = ""
    source: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Side:
    """Blocks beside each other where there is room, below each other on a phone."""

    blocks: Sequence[Any]


@dataclass(frozen=True)
class Group:
    """A folding card, one per task: title, a remark, a badge, and blocks inside."""

    title: str
    blocks: Sequence[Any]
    note: str = ""
    badge: str = ""
    tone: Tone = "plain"
    open: bool = False


Block = Prose | Points | Grid | Figure | Side | Group


def spread(value: Any, lower: Any, upper: Any, show: Show, tone: Tone = "plain") -> Cell:
    """A value with its interval in small print."""
    if blank(value):
        return Cell(NOTHING)
    if blank(lower) or blank(upper):
        return Cell(show(value), tone=tone)
    return Cell(show(value), f"{show(lower)} to {show(upper)}", tone)


def gauge(row: Row, field: str, show: Show, top: float) -> Cell:
    """A value with its interval, and both drawn on a line from 0 to `top`."""
    value = row.get(field)
    if blank(value):
        return Cell(NOTHING)
    lower, upper = row.get("lower"), row.get("upper")
    cell = spread(value, lower, upper, show)
    low, high = (0, value) if blank(lower) or blank(upper) else (lower, upper)
    ends: list[Any] = [low, value, high]
    low, mid, high = (min(1.0, max(0.0, float(v) / top)) if top > 0 else 0.0 for v in ends)
    return Cell(cell.text, cell.small, gauge=(low, mid, high))
