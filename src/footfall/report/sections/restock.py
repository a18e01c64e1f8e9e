"""What to order now and what there is too much of, in the merchant's terms: pieces, days, and why."""

from __future__ import annotations

from collections.abc import Sequence

from footfall.report.blocks import Block, Cell, Column, Figure, Grid, Prose, spread
from footfall.report.numbers import NOTHING, blank, count, money, percent, text
from footfall.report.page import Page, Row
from footfall.report.section import Section

_MOST_BARS = 8
_SAID = {
    "order": "to be ordered now",
    "enough": "with enough in stock",
    "promote": "with too much in stock",
    "unknown stock": "whose stock is not known",
}


def _product(row: Row) -> Cell:
    """The name, with id and category in small print; without a name the id."""
    named = not blank(row.get("name"))
    small = [text(row.get(k)) for k in ("product_id", "category") if not blank(row.get(k))]
    return Cell(text(row.get("name" if named else "product_id")), " · ".join(small if named else small[1:]))


def _lasts(row: Row) -> Cell:
    days = row.get("days_of_cover")
    return Cell(NOTHING if blank(days) else f"{count(days)} days" if round(float(str(days))) != 1 else "1 day")


def _stock(row: Row) -> Cell:
    coming = row.get("on_order")
    more = "" if blank(coming) or not coming else f"{count(coming)} on the way"
    return Cell(count(row.get("on_hand")), more)


def _demand(row: Row) -> Cell:
    return spread(row.get("demand"), row.get("lower_80"), row.get("upper_80"), count)


def _summary(page: Page) -> list[Block]:
    told = {str(r.get("action")): r for r in page.rows("restock_actions")}
    parts = [f"{count(told[a].get('products'))} {words}" for a, words in _SAID.items() if a in told]
    if not parts:
        return []
    lead = f"Products: {', '.join(parts)}."
    order = told.get("order", {})
    if not blank(order.get("pieces")):
        lead += f" The orders come to {count(order['pieces'])} pieces"
        cost = order.get("cost")
        lead += f", {money(page.business.get('currency'))(cost)} at cost." if not blank(cost) else "."
    return [Prose(lead, "lead"), *_terms(page)]


def _terms(page: Page) -> list[Block]:
    """Lead time, review and service level, where all products have the same."""
    rows = page.rows("restock")
    same = {k: {r.get(k) for r in rows if not blank(r.get(k))} for k in ("lead_days", "review_days", "service_level")}
    if not all(len(v) == 1 for v in same.values()):
        return [Prose("Lead times or service levels differ by product; they stand in the table behind.", "note")]
    lead, review, level = (float(str(next(iter(same[k])))) for k in same)
    words = (
        f"An order takes {count(lead)} days to arrive and the next one is placed in {count(review)} days, so what is "
        f"ordered now must last {count(lead + review)} days. Orders are as large as it takes for a chance of "
        f"{percent(level)} that it does."
    )
    return [Prose(words, "note")]


def _orders(page: Page) -> list[Block]:
    rows = page.rows("restock", action="order")
    if not rows:
        return []
    most = sorted(rows, key=lambda r: -(r.get("order_now") or 0))[:_MOST_BARS]
    bars = [{"label": _product(r).text, "value": r["order_now"]} for r in most]
    words = "; ".join(f"{r['label']}: {count(r['value'])}" for r in bars)
    columns = [
        Column("Product", _product),
        Column("In stock", _stock, "count"),
        Column("Lasts", _lasts, "count"),
        Column("Expected to sell", _demand, "count", "until the next order arrives"),
        Column("Order now", "order_now", "count"),
        Column("Why", "note"),
    ]
    note = "Small print of the expected sale: where it should lie 4 times of 5. Those that run out first stand first."
    return [
        Figure("bars", "The largest orders", bars, words, "", ("restock",), {"title": "Pieces"}),
        Grid("To order now", columns, rows, ("restock",), note, 15, stack=True),
    ]


def _promote(page: Page) -> list[Block]:
    rows = page.rows("restock", action="promote")
    columns = [
        Column("Product", _product),
        Column("In stock", _stock, "count"),
        Column("Lasts", _lasts, "count"),
        Column("Why", "note"),
    ]
    note = "The largest stocks stand first."
    return [Grid("To promote: too much in stock", columns, rows, ("restock",), note, 12, stack=True)] if rows else []


def _unknown(page: Page) -> list[Block]:
    rows = page.rows("restock", action="unknown stock")
    if not rows:
        return []
    columns = [
        Column("Product", _product),
        Column("Expected to sell", _demand, "count", "until the next order arrives"),
        Column("Enough would be", "order_up_to", "count", "in stock and on the way"),
    ]
    words = text(rows[0].get("note"))
    grid = Grid("Stock not known", columns, rows, ("restock",), "Those that sell most stand first.", 12, stack=True)
    return [Prose(f"{words[:1].upper()}{words[1:]}.", "caution"), grid]


def _draw(page: Page) -> Sequence[Block]:
    return [*_summary(page), *_orders(page), *_promote(page), *_unknown(page)]


SECTION = Section(
    "restock",
    "What to order and what to promote",
    67,
    "From what is expected to sell, how sure that is, and what is in stock.",
    ("restock", "restock_actions"),
    _draw,
)
