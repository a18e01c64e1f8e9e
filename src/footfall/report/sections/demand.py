"""Whose demand rises beyond chance, and whether the forecast and the customers say the same."""

from __future__ import annotations

from collections.abc import Sequence

from footfall.report.blocks import Block, Cell, Column, Grid, Points, Prose, spread
from footfall.report.numbers import blank, count, money, percent, signed_percent, text
from footfall.report.page import Page, Row
from footfall.report.section import Section

_MOST_POINTS = 5


def _product(row: Row) -> Cell:
    named = not blank(row.get("name"))
    small = [text(row.get(k)) for k in ("product_id", "category") if not blank(row.get(k))]
    return Cell(text(row.get("name" if named else "product_id")), " · ".join(small if named else small[1:]))


def _growth(row: Row) -> Cell:
    if blank(row.get("growth")):
        return Cell("from nothing", "" if blank(row.get("lower")) else f"at least {signed_percent(row['lower'])}")
    return spread(row.get("growth"), row.get("lower"), row.get("upper"), signed_percent, "good")


def _leads(page: Page) -> list[Block]:
    rows = page.rows("demand_leads")
    if not rows:
        return []
    rising = [r for r in rows if r.get("rising")]
    looked = count(rows[0].get("looked_at", len(rows)))
    if not rising:
        return [Prose(f"Of {looked} products, none sells more than before beyond what chance explains.")]
    sell = "sells" if len(rising) == 1 else "sell"
    columns = [
        Column("Product", _product),
        Column("Before", "before_units", "count"),
        Column("Now", "now_units", "count"),
        Column("Growth", _growth, "number", "beside the rest of the shop"),
        Column("By luck", "adjusted_p", percent, "false ones among such"),
        Column("In words", "words"),
    ]
    note = (
        "Growth is what remains once that of the rest of the shop is taken out; the 95% interval in small print. "
        "Those whose growth is most to be counted on stand first."
    )
    return [
        Prose(
            f"Of {looked} products, {count(len(rising))} {sell} more than before, beyond what chance explains.", "lead"
        ),
        Grid("Whose demand rises", columns, rising, ("demand_leads",), note, 12, stack=True),
    ]


def _agreement(page: Page) -> list[Block]:
    rows = page.rows("agreement")
    if not rows:
        return []
    show = money(page.business.get("currency"))

    def left(row: Row) -> Cell:
        if blank(row.get("unexplained")):
            return Cell("nobody asked", tone="muted", badge=True)
        inside = bool(row.get("inside"))
        word, tone = ("in its range", "good") if inside else ("look closer", "unclear")
        return Cell(show(row["unexplained"]), word, tone)  # type: ignore[arg-type]

    columns = [
        Column("Category", "category"),
        Column("Forecast", lambda r: spread(r.get("forecast"), r.get("forecast_lower"), r.get("forecast_upper"), show),
               "number"),
        Column("Known customers", "customers", show),
        Column("New ones, usually", "newcomers", show),
        Column("Guests, usually", "guests", show),
        Column("Left over", left, "number"),
    ]  # fmt: skip
    note = (
        "Two ways to the same number: the forecast looks at what each category sold, the customers' side adds up what "
        "each known customer is expected to spend. New customers (and those back after long) and guests stand beside "
        "it with what they usually bring. What is left over should lie within the forecast's own range."
    )
    beyond = [(text(r.get("category")), text(r.get("words"))) for r in rows if r.get("inside") is False][:_MOST_POINTS]
    grid = Grid("Do the forecast and the customers agree?", columns, rows, ("agreement",), note, 16, stack=True)
    return [grid, *([Points("Where they do not", beyond)] if beyond else [])]


def _draw(page: Page) -> Sequence[Block]:
    return [*_leads(page), *_agreement(page)]


SECTION = Section(
    "demand",
    "Where demand is going",
    68,
    "Products that sell more than before, and the forecast beside what customers are expected to spend.",
    ("demand_leads", "agreement"),
    _draw,
)
