"""What is bought: growth, categories, brands and products, baskets, prices and seasons."""

from __future__ import annotations

from collections.abc import Sequence

from footfall.report.blocks import Block, Column, Figure, Grid, Group
from footfall.report.numbers import blank, money, number
from footfall.report.page import Page
from footfall.report.section import Section
from footfall.report.told import table, told, whole

_GROWTH, _BASKETS, _PAIRS = table("growth"), table("baskets"), table("bought-together")
_PRICES, _SEASONS = table("price-bands"), table("seasonality")
_SOLD = ("categories", "brands", "products")
_SHOWN = 12


def _growth(page: Page) -> list[Block]:
    rows = whole(page.rows(_GROWTH), "month", "amount")
    if len(rows) < 3:
        return [*told(page, "growth")]
    show = money(page.business.get("currency"))
    words = "; ".join(f"{r['month']:%b %Y}: {show(r['amount'])}" for r in rows)
    shown = [{"date": r["month"], "amount": r["amount"]} for r in rows]
    options = {"value": "amount", "title": page.business.get("currency") or "Revenue"}
    return [*told(page, "growth"), Figure("trend", "Revenue by month", shown, words, "", (_GROWTH,), options)]


def _sold(page: Page, what: str) -> list[Block]:
    source, show = table(what), money(page.business.get("currency"))
    columns = [
        Column(what.capitalize(), "name"),
        Column("Revenue", "amount", show),
        Column("Share", "share", "percent"),
        Column("Units", "units", "count"),
        Column("Orders", "orders", "count"),
        Column("Customers", "customers", "count"),
        Column("Last 90 days", "now_amount", show),
        Column("Growth", "growth", "signed_percent", "on the 90 days before"),
    ]
    rows = page.rows(source)
    if any(not blank(r.get("year_growth")) for r in rows):
        columns.append(Column("In a year", "year_growth", "signed_percent", "on the same days a year before"))
    grid = Grid(f"Best selling {what}", columns, rows, (source,), "", _SHOWN, stack=True)
    return [*told(page, what), grid] if rows else []


def _baskets(page: Page) -> list[Block]:
    show = money(page.business.get("currency"))
    blocks: list[Block] = []
    if page.has(_BASKETS):
        columns = [
            Column("Different products", "products"),
            Column("Orders", "orders", "count"),
            Column("Share", "share", "percent"),
            Column("Mean value", "amount_each", show),
            Column("Share of revenue", "amount_share", "percent"),
        ]
        blocks += [*told(page, "baskets"), Grid("Baskets", columns, page.rows(_BASKETS), (_BASKETS,))]
    if page.has(_PAIRS):
        columns = [
            Column("One", "one"),
            Column("Other", "other"),
            Column("Orders with both", "orders", "count"),
            Column("By chance", "by_chance", "number"),
            Column("Times as often", "lift", "number"),
        ]
        grid = Grid("Bought together", columns, page.rows(_PAIRS), (_PAIRS,), "", 8, stack=True)
        blocks += [*told(page, "bought-together"), grid]
    return blocks


def _prices(page: Page) -> list[Block]:
    show = money(page.business.get("currency"))
    columns = [
        Column("A unit costs", lambda r: f"{show(r['low'])} to {show(r['high'])}"),
        Column("Units", "units", "count"),
        Column("Revenue", "amount", show),
        Column("Share of revenue", "amount_share", "percent"),
    ]
    rows = page.rows(_PRICES)
    return [*told(page, "price-bands"), Grid("Prices", columns, rows, (_PRICES,))] if rows else []


def _seasons(page: Page) -> list[Block]:
    blocks: list[Block] = []
    for dimension, title in (("month", "Seasons: revenue a day by month"), ("weekday", "Revenue by weekday")):
        rows = whole(page.rows(_SEASONS, dimension=dimension), "category", "period", "name", "index")
        if len({r["period"] for r in rows}) < 3:
            continue
        names = list(dict.fromkeys(r["category"] for r in rows))
        ordered = sorted(rows, key=lambda r: (names.index(r["category"]), r["period"]))
        first = sorted({(r["period"], r["name"]) for r in rows})
        # The order of the columns is that of the first rows: the whole shop has every period.
        ordered = [r for r in ordered if r["category"] == "all"] + [r for r in ordered if r["category"] != "all"]
        shown = [{"x": r["name"], "y": r["category"], "value": r["index"]} for r in ordered]
        mean = {r["period"]: r["index"] for r in rows if r["category"] == "all"}
        words = "; ".join(f"{n}: {number(mean.get(p))}" for p, n in first)
        options = {"across": "", "down": "", "format": ".2f"}
        note = "Beside the category's own mean: 1 is average."
        blocks.append(Figure("heat", title, shown, words, note, (_SEASONS,), options))
    return [*told(page, "seasonality"), *blocks] if blocks else []


def _draw(page: Page) -> Sequence[Block]:
    sold = {w: _sold(page, w) for w in _SOLD}
    cards = [
        Group("Categories", sold["categories"], open=True),
        Group("Brands", sold["brands"]),
        Group("Products", sold["products"]),
        Group("Baskets", _baskets(page)),
        Group("Prices", _prices(page)),
        Group("Seasons", _seasons(page)),
    ]
    return [*_growth(page), *(g for g in cards if g.blocks)]


SECTION = Section(
    "what",
    "What they buy",
    24,
    "Growth, the best selling, baskets, prices and seasons.",
    (_GROWTH, _BASKETS, _PAIRS, _PRICES, _SEASONS, *(table(w) for w in _SOLD)),
    _draw,
)
