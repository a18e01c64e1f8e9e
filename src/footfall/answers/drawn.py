"""Why the answers are what they are, as charts: of a sample of customers, or the way to one customer's answer."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from footfall.answers.context import Context, now
from footfall.answers.keep import Row, schema_of, write_bytes, write_text
from footfall.answers.verbs import explained_rows
from footfall.errors import FootfallError, UsageError
from footfall.report import Chart, Page, charts_of, render
from footfall.report.section import Section
from footfall.report.sections.drivers import contribution_figures, way_figure
from footfall.tasks import Task

ENDINGS = (".html", ".svg", ".png", ".json")
DEPEND = 4
"""Features whose dependence a page of its own shows."""


def draw_explanation(
    context: Context, task: Task, who: str | None = None, at: datetime | None = None, out: Path | None = None
) -> list[Chart]:
    """The charts: summary and dependence of a sample of all, or the way to the answer of one customer.

    `out`: also written, as a page (.html), or the first chart as a picture (.svg, .png) or as Vega-Lite (.json).

    Raises:
        UsageError: another ending.
        FootfallError: the task asks for no chance or amount, nobody to explain, or the file cannot be written.
    """
    if out is not None and out.suffix.lower() not in ENDINGS:
        raise UsageError(f"cannot draw into '{out}': the ending is one of {', '.join(ENDINGS)}")
    if task.kind not in ("chance", "amount"):
        raise FootfallError(f"{task.name} asks for a {task.kind}; charts of reasons are of chances and amounts")
    table, rows = explained_rows(context, task, who, at)
    section = _section(task, who, rows)
    page = Page(task.name, {}, f"{now():%-d %B %Y}", {table: _arrow(table, rows)}, {table: f"select * from {table}"})
    charts = charts_of(page, [section])
    if not charts:
        raise FootfallError(f"{task.name}: no feature moves any answer, so that there is nothing to draw")
    if out is not None:
        _write(page, section, charts[0], out)
    return charts


def _section(task: Task, who: str | None, rows: list[Row]) -> Section:
    def draw(page: Page) -> list[Any]:
        if who is None:
            return contribution_figures(page.rows("contributions"), task.kind, DEPEND)
        return [way_figure(page.rows("explained"), task.kind, f"How the answer for {who} comes about")]

    return Section("why", task.sentence, 10, "", (), draw)


def _arrow(table: str, rows: list[Row]) -> pa.Table:
    schema = schema_of(table)
    return pa.Table.from_pylist([{k: r.get(k) for k in schema.names} for r in rows], schema)


def _write(page: Page, section: Section, chart: Chart, out: Path) -> None:
    ending = out.suffix.lower()
    if ending == ".html":
        write_text(render(page, [section]), out)
    elif ending == ".json":
        write_text(json.dumps(chart.spec, indent=1, ensure_ascii=False), out)
    elif ending == ".svg":
        write_text(chart.svg(), out)
    else:
        write_bytes(chart.png(), out)
