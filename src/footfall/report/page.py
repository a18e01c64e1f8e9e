"""What a report is made from: texts and finished result tables. Nothing here is computed."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa

from footfall.report.numbers import blank, text

Row = dict[str, Any]


@dataclass(frozen=True)
class Headline:
    """One number of the summary box: what it is, the value (already in words), and a short remark."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Page:
    """Everything a report shows.

    `business` holds the texts of `shop.toml`: `goals`, `success`, `stakeholders`, `plan`, `limits`, `next_steps`
    (each one text, a list of texts or a table name -> text), `about`, `currency`; all may be absent.
    `made_at` is shown as it stands. `tables` are results by name, `queries` the SQL that made each.
    """

    title: str
    business: dict[str, Any] = field(default_factory=dict)
    made_at: str = ""
    tables: dict[str, pa.Table] = field(default_factory=dict)
    queries: dict[str, str] = field(default_factory=dict)
    headlines: list[Headline] = field(default_factory=list)

    @cached_property
    def _lists(self) -> dict[str, list[Row]]:
        return {}  # tables already turned into rows

    def has(self, table: str) -> bool:
        """Is there a table of this name with at least one row?"""
        found = self.tables.get(table)
        return found is not None and found.num_rows > 0

    def rows(self, table: str, **where: Any) -> list[Row]:
        """The table's rows whose columns equal `where`, in the table's order; none when it is absent."""
        if table not in self._lists:
            found = self.tables.get(table)
            self._lists[table] = [] if found is None else found.to_pylist()
        return [r for r in self._lists[table] if all(r.get(k) == v for k, v in where.items())]

    def tasks(self, *tables: str) -> list[str]:
        """The tasks named in `tables`: those of `questions` first, in its order, then in order of appearance."""
        seen = [r.get("task") for t in tables for r in self.rows(t)]
        order = [r.get("task") for r in self.rows("questions")]
        return list(dict.fromkeys(str(t) for t in [*[o for o in order if o in seen], *seen] if t))

    def question(self, task: str) -> Row:
        """The row of `questions` about `task`, empty when there is none."""
        return next(iter(self.rows("questions", task=task)), {})

    def model(self, task: str) -> str | None:
        """The model whose answers the shop uses for `task`: as `questions` says, else the first with a verdict."""
        named = [self.question(task).get("model")]
        named += [r.get("model") for t in ("verdicts", "importances", "curves") for r in self.rows(t, task=task)]
        return next((str(m) for m in named if m), None)


def items(value: Any) -> list[tuple[str, str]]:
    """A text, a list of texts or a table name -> text, as (bold word, text) pairs."""
    if isinstance(value, dict):
        return [(str(k), text(v)) for k, v in value.items() if not blank(v)]
    if isinstance(value, (list, tuple)):
        return [pair for v in value for pair in items(v)]
    return [] if blank(value) else [("", text(value))]
