"""Why they buy: the way from a look to a purchase, and what distinguishes buyers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from footfall.report.blocks import Block, Cell, Column, Figure, Grid, Prose
from footfall.report.numbers import NOTHING, blank, count, percent, text
from footfall.report.page import Page, Row
from footfall.report.section import Section
from footfall.report.told import table, told, whole

_FUNNEL, _DIFFER = table("funnel"), table("buyers-differ")
_STEPS = {"looked": "Looked at a product", "carted": "Put it into the cart", "bought": "Bought it from there"}
_SHOWN = 12
_ASKED = "buy-30d"
"""The question whose model is set beside what distinguishes buyers: both look at the 30 days ahead."""


def _hours(value: Any) -> str:
    if blank(value):
        return "–"
    if value < 1:
        return f"{60 * value:.0f} min" if value >= 1 / 60 else "under 1 min"
    return f"{value:.0f} h" if value < 48 else f"{value / 24:.0f} days"


def _way(page: Page) -> list[Block]:
    rows = page.rows(_FUNNEL)
    first = next((r for r in rows if r["dimension"] == "all"), None)
    shown = [{"label": label, "value": first[step]} for step, label in _STEPS.items()] if first else []
    words = "; ".join(f"{r['label']}: {count(r['value'])}" for r in shown)
    columns = [
        Column("Segment", _segment),
        Column("Looks", "looked", "count"),
        Column("To the cart", "look_to_cart", "percent"),
        Column("Cart to purchase", "cart_to_purchase", "percent"),
        Column("Bought", "look_to_purchase", "percent"),
        Column("Time to cart", "hours_to_cart", _hours),
        Column("Then to buy", "hours_to_purchase", _hours),
    ]
    note = "A journey is a customer's first look at a product; each has the same time to get to a purchase."
    options = {"title": "Journeys"}
    bars: list[Block] = [Figure("bars", "From look to purchase", shown, words, note, (_FUNNEL,), options)]
    legend = "Bought: of all looks, without the cart too. Times are medians, the second one from the cart on."
    grid = Grid("The same by segment", columns, rows, (_FUNNEL,), legend, 40)
    return [*told(page, "funnel"), *(bars if whole(shown, "value") else []), grid] if rows else []


def _differ(page: Page) -> list[Block]:
    rows = page.rows(_DIFFER)
    sure = [r for r in whole(rows, "label", "more_often", "lower", "upper") if r["sure"]][:_SHOWN]
    shown = [{**r, "label": text(r["label"]), "value": r["more_often"], "other": 0.5} for r in sure]
    words = "; ".join(f"{r['label']}: {percent(r['more_often'])}" for r in shown)
    drives = {str(r["feature"]): r["rank"] for r in page.rows("importances", task=_ASKED)}

    def beside(row: Row) -> Cell:
        found = drives.get(str(row.get("feature")))
        return Cell(NOTHING if found is None else f"no. {found}")

    hint = f"place among the ten that move the answer of {_ASKED} most"
    columns = [
        Column("Feature", "label"),
        Column("Buyers", "buyers_mean", "number", "mean"),
        Column("Others", "others_mean", "number", "mean"),
        Column("A buyer has more", "more_often", "percent", "in so many pairs of a buyer and another; 50% is even"),
        Column("95% interval", lambda r: f"{percent(r['lower'])} to {percent(r['upper'])}"),
        Column("Corrected p", "adjusted_p", "number"),
        *([Column("In the model", beside, hint=hint)] if drives else []),
    ]
    figures: list[Block] = []
    if shown:
        options = {"title": "Pairs in which the buyer has more of it", "beside": "no difference", "format": ".0%"}
        figures = [Figure("ranges", "What distinguishes buyers", shown, words, "", (_DIFFER,), options)]
    note = (
        "Each feature on its own; what the models make of all together stands under what drives the answers. Features "
        "that go together are both told, and neither need be a cause."
    )
    grid = Grid("The surest first", columns, rows, (_DIFFER,), "", _SHOWN, stack=True)
    return [*told(page, "buyers-differ"), *figures, grid, Prose(note, "note")] if rows else []


def _segment(row: Row) -> Cell:
    by = text(row["dimension"]).replace("_", " ")
    return Cell(text(row["segment"]), "" if by == row["segment"] else by)


def _draw(page: Page) -> Sequence[Block]:
    return [*_way(page), *_differ(page)]


SECTION = Section(
    "why",
    "Why they buy",
    61,
    "The way from a look to a purchase, and what distinguishes those who go it.",
    (_FUNNEL, _DIFFER),
    _draw,
)
