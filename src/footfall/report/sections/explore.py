"""A look at every table: what is missing, how values spread, what hangs together. Shown on a page of its own."""

from __future__ import annotations

from collections.abc import Sequence

from footfall.report.blocks import Block, Column, Figure, Grid, Group, Side
from footfall.report.numbers import NOTHING, blank, count, number, percent, text
from footfall.report.page import Page, Row
from footfall.report.section import Section
from footfall.report.told import table, told, whole

_COLUMNS, _SPREADS, _PAIRS = (table(f"explore-{n}") for n in ("columns", "distributions", "correlations"))


def _profile(rows: Sequence[Row]) -> list[Block]:
    columns = [
        Column("Column", "column_name"),
        Column("Type", "type"),
        Column("Missing", "missing", "percent"),
        Column("Different values", "values_about", "count", "about"),
        Column("Lowest", lambda r: _spot(r, "low")),
        Column("Middle", lambda r: _spot(r, "middle")),
        Column("Highest", lambda r: _spot(r, "high")),
        Column("Mean", "mean", "number"),
        Column("Most frequent", "often"),
    ]
    return [Grid("Columns", columns, rows, (_COLUMNS,), "", 40)] if rows else []


def _spot(row: Row, field: str) -> str:
    """A value of a column where it lies: a day, or a number in short."""
    found = row.get(field)
    if blank(found):
        return NOTHING
    return str(found)[:10] if str(row.get("type")).startswith(("DATE", "TIMESTAMP")) else _edge(found)


def _edge(value: object) -> str:
    try:
        return number(float(str(value)))
    except ValueError:
        return text(value)


def _spreads(rows: Sequence[Row]) -> list[Block]:
    figures: list[Block] = []
    drawn = whole(rows, "column_name", "bin", "rows")
    for name in dict.fromkeys(r["column_name"] for r in drawn):
        of = [r for r in drawn if r["column_name"] == name]
        if len(of) < 2:
            continue
        dated = not any(r["place"] for r in of)  # months and years, which are no amounts
        shown = [{"bin": text(r["bin"]) if dated else _edge(r["bin"]), "rows": r["rows"]} for r in of]
        words = "; ".join(f"{r['bin']}: {count(r['rows'])}" for r in shown)
        if of[0]["place"] == 1:  # busiest values
            shown = [{"label": r["bin"], "value": r["rows"]} for r in shown]
            figures.append(Figure("bars", text(name), shown, words, "", (_SPREADS,), {"title": "Rows"}))
        else:
            options = {"title": text(name), "what": "Rows"}
            figures.append(Figure("histogram", text(name), shown, words, "", (_SPREADS,), options))
    return [Side(figures[i : i + 2]) for i in range(0, len(figures), 2)]


def _pairs(pairs: Sequence[Row]) -> list[Block]:
    rows = whole(pairs, "one", "other", "strength")
    if not rows:
        return []
    names = sorted({r[k] for r in rows for k in ("one", "other")})
    found = {(r["one"], r["other"]): abs(r["strength"]) for r in rows}
    found |= {(b, a): v for (a, b), v in found.items()}
    shown = [{"x": a, "y": b, "value": found[a, b]} for b in names for a in names if (a, b) in found]
    words = "; ".join(f"{r['one']} and {r['other']}: {number(r['strength'])}" for r in rows[:12])
    note = "Numbers by rank; groups by Cramér's V; a number by a group: the root of the share of its spread."
    options = {"across": "", "down": "", "format": ".2f"}
    return [Figure("heat", "What hangs together", shown, words, note, (_PAIRS,), options)]


def _draw(page: Page) -> Sequence[Block]:
    blocks: list[Block] = [p for n in ("columns", "distributions", "correlations") for p in told(page, f"explore-{n}")]
    for name in dict.fromkeys(r["table_name"] for r in page.rows(_COLUMNS)):
        columns = page.rows(_COLUMNS, table_name=name)
        inside = [
            *_profile(columns),
            *_spreads(page.rows(_SPREADS, table_name=name)),
            *_pairs(page.rows(_PAIRS, table_name=name)),
        ]
        first = columns[0]
        sampled = whole([first], "read", "rows") and first["read"] < first["rows"]
        read = f", read by a sample of {percent(first['read'] / first['rows'])}" if sampled else ""
        blocks.append(Group(text(name), inside, note=f"{count(first['rows'])} rows{read}"))
    return blocks


SECTION = Section(
    "explore",
    "A look at the data",
    26,
    "What the tables hold, what is missing, and what hangs together.",
    (_COLUMNS, _SPREADS, _PAIRS),
    _draw,
)
