"""How content customers are, by age and by what they spend or earn."""

from __future__ import annotations

from collections.abc import Sequence

from footfall.report.blocks import Block, Column, Figure, Grid, Group, Side
from footfall.report.numbers import number, text
from footfall.report.page import Page
from footfall.report.section import Section
from footfall.report.told import table, told, whole

_INSIGHTS = {"satisfaction-by-age": "All ages", "satisfaction-by-spend": "By spend and income"}
_TABLES = tuple(table(i) for i in _INSIGHTS)
_TITLES = {"rating": "Average rating of a review", "score": "Average satisfaction score"}


def _of(page: Page, insight: str) -> list[Block]:
    name = table(insight)
    rows = whole(page.rows(name), "value", "mean")
    figures: list[Block] = []
    for measure, dimension in dict.fromkeys((text(r["measure"]), text(r["dimension"])) for r in rows):
        mine = whole([r for r in rows if (r["measure"], r["dimension"]) == (measure, dimension)], "lower", "upper")
        if len(mine) < 2:
            continue
        shown = [
            {"label": text(r["value"]), "value": r["mean"], "lower": r["lower"], "upper": r["upper"]} for r in mine
        ]
        words = "; ".join(f"{r['value']}: {number(r['mean'])}" for r in mine)
        title = f"{_TITLES.get(measure, measure)}, by {dimension}"
        options = {"title": "Average with its 95% interval", "format": ".2~f", "zero": False}
        figures.append(Figure("ranges", title, shown, words, "", (name,), options))
    columns = [
        Column("Measure", lambda r: _TITLES.get(text(r["measure"]), text(r["measure"]))),
        Column("By", "dimension"),
        Column("Group", "value"),
        Column("Customers", "customers", "count"),
        Column("Answers", "answers", "count"),
        Column("Average", "mean", "number"),
        Column("95% interval", lambda r: f"{number(r['lower'])} to {number(r['upper'])}"),
    ]
    sides = [Side(figures[i : i + 2]) for i in range(0, len(figures), 2)]
    grid = Grid("Averages", columns, rows, (name,), "An interval draws customers, not answers.", 40, stack=True)
    return [*told(page, insight), *sides, Group(_INSIGHTS[insight], [grid])] if rows else []


def _draw(page: Page) -> Sequence[Block]:
    return [block for insight in _INSIGHTS for block in _of(page, insight)]


SECTION = Section(
    "satisfaction",
    "How content they are",
    23,
    "What customers say in reviews and surveys, by who they are and what they spend.",
    _TABLES,
    _draw,
)
