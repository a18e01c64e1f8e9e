"""Insights of a shop: asked, kept as tables, and drawn."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

import pyarrow as pa

from footfall.answers.context import Context, now
from footfall.answers.keep import write_text
from footfall.errors import FootfallError
from footfall.insights import Answer, ask_all, catalogue, ground, insights_named, keep, page_queries, page_statements
from footfall.report import SECTIONS, Chart, Page, chart, render
from footfall.report.terminal import cell

EXPLORE = "explore"
_ROWS = 12
"""Rows of the table that a notebook shows."""


@dataclass(frozen=True)
class Insighted(Answer):
    """An insight's answer; a notebook shows its question, its sentences, the first rows and the charts."""

    def charts(self) -> list[Chart]:
        """Its charts, each an object that a notebook shows, and that becomes an Altair chart or a picture."""
        return [chart(d.kind, d.title, d.rows, d.options) for d in self.drawings()]

    def _repr_html_(self) -> str:
        names = self.table.column_names
        rows = self.table.slice(0, _ROWS).to_pylist()
        head = "".join(f"<th>{escape(n)}</th>" for n in names)
        body = "".join("<tr>" + "".join(f"<td>{escape(cell(r[n]))}</td>" for n in names) + "</tr>" for r in rows)
        left = self.table.num_rows - len(rows)
        more = f"<p>... and {left:,} more rows</p>" if left > 0 else ""
        drawn = "".join(f"<figure>{c.svg()}</figure>" for c in self.charts())
        return (
            f"<h3>{escape(self.insight.question)}</h3><p>{escape(self.words)}</p>{drawn}"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"
        )


def tell_insights(context: Context, name: str | None = None) -> tuple[list[Insighted], list[tuple[str, str]]]:
    """Ask one insight, a group of them, or all but the look at the data; what is told is kept as tables.

    Returns the answers, and the names that could not be answered with the reason.

    Raises:
        UsageError: there is no such insight or group.
        FootfallError: the single insight asked for, or every one, cannot be answered.
    """
    asked = insights_named(name) if name else [i for i in catalogue().values() if not _explores(i.table.name)]
    context.progress(f"insights: {', '.join(i.name for i in asked)}")
    told, left = ask_all(context.engine, ground(context.engine, context.tz), asked)
    if not told:
        raise FootfallError(left[0][1])
    keep(context.engine, told, now())
    return [Insighted(a.insight, a.sql, a.table, a.words) for a in told], left


def explore_page(context: Context, out: Path) -> None:
    """Look at every table and write what there is as a page of its own."""
    tell_insights(context, EXPLORE)
    queries = page_queries(context.engine, explored=True)
    tables = {name: context.engine.fetch(sql) for name, sql in queries.items()}
    page = Page("A look at the data", {}, f"{now():%-d %B %Y}", tables, queries)
    write_text(render(page, [s for s in SECTIONS if s.name == EXPLORE]), out)


def insight_pages(context: Context) -> tuple[dict[str, pa.Table], dict[str, str]]:
    """Tables and statements of the insights that were kept, for the report."""
    statements = page_statements(context.engine)
    queries = page_queries(context.engine)
    tables = {name: context.engine.fetch(sql) for name, sql in queries.items()}
    return tables, {name: statements.get(name, sql) for name, sql in queries.items()}


def insight_page_tables() -> tuple[str, ...]:
    """Names of the tables that insights may bring to a page."""
    return ("insights", *(i.table.name for i in catalogue().values()))


def _explores(table: str) -> bool:
    return table.startswith(f"insight_{EXPLORE}")
