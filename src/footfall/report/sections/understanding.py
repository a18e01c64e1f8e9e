"""Data understanding: what was loaded, how much of it there is, over which time."""

from __future__ import annotations

from collections.abc import Sequence

from footfall.report.blocks import Block, Cell, Column, Figure, Grid, Side
from footfall.report.numbers import count, day, money
from footfall.report.page import Page, Row
from footfall.report.section import Section


def _file(row: Row) -> Cell:
    name = str(row.get("file") or "").replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    small = " · ".join(str(row[k]) for k in ("source", "role") if row.get(k))
    return Cell(name or "–", small)


def _trends(page: Page) -> list[Block]:
    rows = page.rows("daily")
    if len(rows) < 3:
        return []
    span = f"from {day(rows[0].get('date'))} to {day(rows[-1].get('date'))}"
    figures: list[Block] = []
    for field, title, unit in [
        ("orders", "Orders per day", "Orders"),
        ("revenue", "Revenue per day", page.business.get("currency") or "Revenue"),
        ("customers", "Customers who ordered, per day", "Customers"),
    ]:
        values = [r[field] for r in rows if r.get(field) is not None]
        if len(values) < 3 or (field == "customers" and len(figures) == 2):
            continue
        show = money(page.business.get("currency")) if field == "revenue" else count
        words = f"{title} {span}: between {show(min(values))} and {show(max(values))}."
        options = {"value": field, "title": str(unit)}
        figures.append(Figure("trend", title, rows, words, source=("daily",), options=options))
    return [Side(figures)] if figures else []


def _draw(page: Page) -> Sequence[Block]:
    loads = Grid(
        "Files that were loaded",
        [
            Column("File", _file),
            Column("Rows read", "rows_read", "count"),
            Column("Loaded", "rows_loaded", "count"),
            Column("Repaired of these", "rows_repaired", "count"),
            Column("Set aside", "rows_quarantined", "count"),
            Column("Copies", "rows_duplicate", "count"),
            Column("Size", "bytes", "size"),
            Column("When", "loaded_at", "day"),
        ],
        page.rows("loads"),
        ("loads",),
        limit=12,
    )
    rows = Grid(
        "What the shop holds now",
        [
            Column("Table", "table_name"),
            Column("Rows", "rows", "count"),
            Column("Customers", "customers", "count"),
            Column("First", "first", "day"),
            Column("Last", "last", "day"),
        ],
        page.rows("table_rows"),
        ("table_rows",),
    )
    return [*_trends(page), *(g for g in (rows, loads) if g.rows)]


SECTION = Section(
    "understanding",
    "What we know",
    20,
    "The records behind every number on this page.",
    ("loads", "table_rows", "daily"),
    _draw,
)
