"""Who to look at: the top of each list, with the interval and the reasons in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from footfall.report.blocks import Block, Cell, Column, Figure, Grid, Group, gauge
from footfall.report.numbers import NOTHING, blank, count, money, number, percent, text
from footfall.report.page import Page, Row
from footfall.report.section import Section

_SHOWN = 10


def _reasons(value: Any) -> Cell:
    if blank(value):
        return Cell(NOTHING)
    parts = value if isinstance(value, (list, tuple)) else re.split(r"\s*[;|\n]\s*", str(value))
    return Cell("", points=tuple(text(p) for p in parts if not blank(p)))


def _list(page: Page, task: str) -> list[Block]:
    rows = page.rows("top_scores", task=task)
    if not rows:
        return []
    field = "chance" if any(not blank(r.get("chance")) for r in rows) else "amount"
    amount = number if page.question(task).get("unit") == "number" else money(page.business.get("currency"))
    show = percent if field == "chance" else amount
    ends: list[Any] = [r.get(f) for r in rows for f in (field, "upper")]
    top = max((float(v) for v in ends if not blank(v)), default=1.0)
    columns = [Column("Customer", "customer_id")]
    if any(not blank(r.get("category")) for r in rows):
        columns.append(Column("Category", "category"))
    columns += [
        Column("Chance" if field == "chance" else "Expected", lambda r: gauge(r, field, show, top)),
        Column("Why", lambda r: _reasons(r.get("reasons"))),
    ]
    what = "chance" if field == "chance" else "expected amount"
    note = f"The band is the 95% interval of the {what} itself, not of what one customer does."
    return [Grid("Top of the list", columns, rows, ("top_scores",), note, _SHOWN, stack=True)]


def _edge(value: Any) -> str:
    return percent(value) if isinstance(value, float) and 0 <= value <= 1 else text(value)


def _spread(page: Page, task: str) -> list[Block]:
    rows: list[Row] = [r for r in page.rows("score_histogram", task=task) if not blank(r.get("bin"))]
    if len(rows) < 2:
        return []
    chances = all(isinstance(r["bin"], float) and 0 <= r["bin"] <= 1 for r in rows)
    words = "; ".join(f"{_edge(r['bin'])}: {count(r.get('rows'))}" for r in rows)
    options = {"title": "Chance, from" if chances else "Answer", "edges": "percent" if chances else "text"}
    title = "How the answers spread over all customers"
    return [Figure("histogram", title, rows, words, "", ("score_histogram",), options)]


def _draw(page: Page) -> Sequence[Block]:
    groups: list[Block] = []
    for task in page.tasks("top_scores", "score_histogram"):
        blocks = [*_list(page, task), *_spread(page, task)]
        sentence = page.question(task).get("sentence")
        title = task if blank(sentence) else text(sentence)
        if blocks:
            note = "" if blank(sentence) else task
            groups.append(Group(title, blocks, note=note, open=not groups))
    return groups


SECTION = Section(
    "people",
    "Who to look at",
    70,
    "The customers at the top of each list, and why they are there.",
    ("top_scores", "score_histogram"),
    _draw,
)
