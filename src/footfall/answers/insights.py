"""Insights of a shop: asked, kept as tables, and drawn."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from footfall.answers.context import Context, now
from footfall.answers.keep import write_text
from footfall.errors import FootfallError
from footfall.insights import Answer as Answer
from footfall.insights import ask_all, catalogue, ground, insights_named, keep, page_queries, page_statements
from footfall.report import SECTIONS, Page, render

EXPLORE = "explore"


def tell_insights(context: Context, name: str | None = None) -> tuple[list[Answer], list[tuple[str, str]]]:
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
    return told, left


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
