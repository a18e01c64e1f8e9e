"""An insight: a named question, one SQL statement a reader can copy, a table, a chart and two sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from footfall.engine import Engine
from footfall.errors import FootfallError
from footfall.spans import midnight, shift, span
from footfall.tables import refresh_known
from footfall.tables.canonical import Table, _columns
from footfall.windows import Shape, shape

Row = dict[str, Any]


@dataclass(frozen=True)
class Ground:
    """What insights stand on: what the shop has, its time zone, and how many customers and visitors it knows."""

    shape: Shape
    tz: str = "UTC"
    known: int = 0

    @property
    def first(self) -> datetime:
        """Of the first dated fact. Raises FootfallError when there is none."""
        if self.shape.first is None:
            raise FootfallError(
                "the shop holds no dated facts yet; load some first (footfall load FILES --source NAME)"
            )
        return self.shape.first

    @property
    def end(self) -> datetime:
        """The local midnight that the facts are whole up to.

        The last day is whole unless its last fact comes earlier in the day than that of every day of the four weeks
        before it: an export or a load that stopped during the day.
        """
        _ = self.first
        assert self.shape.last is not None
        start = midnight(self.shape.last, self.tz)
        *before, last = [at - midnight(at, self.tz) for at in self.shape.last_by_day or (self.shape.last,)]
        whole = len(before) < 7 or last >= min(before)
        return shift(start, span("1d"), 1, self.tz) if whole else start


def ground(engine: Engine, tz: str = "UTC") -> Ground:
    """Look at the shop once, for any number of insights."""
    if not engine.has("known_customers"):  # loaded, but not looked at since
        refresh_known(engine)
    return Ground(shape(engine, tz), tz, int(engine.value("select count(*) from known_customers")))


@dataclass(frozen=True)
class Chart:
    """A chart of the report's by name, the rows it draws, and its options; one for each value of the columns `each`."""

    kind: str
    title: str
    rows: Callable[[Sequence[Row]], Sequence[Row]]
    options: Mapping[str, Any] = field(default_factory=dict)
    each: str = ""


@dataclass(frozen=True)
class Drawing:
    """A chart with its rows: what `report.charts` has under `kind`, called with `rows` and `options`."""

    kind: str
    title: str
    rows: Sequence[Row]
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Insight:
    """One entry of the catalogue.

    Args:
        name: how it is called, as in "category-bayes".
        question: what it answers, in the merchant's words.
        columns: what a row holds, one `name TYPE meaning` a line.
        sql: the ground -> the statement. Raises FootfallError where the history is too short for it.
        words: the finished rows -> two sentences.
        needs: tables, or columns as `table.column`, without which there is nothing to ask.
        finish: the statement's rows -> the rows shown, for what SQL cannot work out (quantiles, corrections).
        digest: the same from the statement's whole result, for a statement of many rows.
        charts: how to draw it.
    """

    name: str
    question: str
    columns: str
    sql: Callable[[Ground], str]
    words: Callable[[Sequence[Row], Ground], str]
    needs: tuple[str, ...] = ()
    finish: Callable[[list[Row], Ground], list[Row]] | None = None
    digest: Callable[[pa.Table, Ground], list[Row]] | None = None
    charts: tuple[Chart, ...] = ()

    @property
    def table(self) -> Table:
        """The table the rows are kept in: `insight_category_bayes`."""
        return Table("insight_" + self.name.replace("-", "_"), self.question, _columns(self.columns))

    def missing(self, ground: Ground) -> list[str]:
        """What it needs and the shop has not."""
        return [n for n in self.needs if not ground.shape.has(*n.split("."))]


@dataclass(frozen=True)
class Answer:
    """What an insight found: `table` holds the rows, `sql` the statement, `words` two sentences."""

    insight: Insight
    sql: str
    table: pa.Table
    words: str

    @property
    def rows(self) -> list[Row]:
        found: list[Row] = self.table.to_pylist()
        return found

    def drawings(self) -> list[Drawing]:
        """Its charts, ready to be drawn; those that have nothing to show are left out."""
        rows, found = self.rows, []
        for chart in self.insight.charts:
            keys = chart.each.split()
            groups: dict[tuple[Any, ...], list[Row]] = {}
            for r in rows:
                groups.setdefault(tuple(r[k] for k in keys), []).append(r)
            for values, of in groups.items():
                shown = chart.rows(of)
                if shown:
                    title = chart.title.format(**dict(zip(keys, values, strict=True)))
                    found.append(Drawing(chart.kind, title.replace("_", " "), shown, chart.options))
        return found
