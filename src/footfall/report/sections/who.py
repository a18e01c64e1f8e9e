"""Who the customers are: what is stated of them, their segments, whether they come back, and how much hangs on few."""

from __future__ import annotations

from collections.abc import Sequence

from footfall.report.blocks import Block, Column, Figure, Grid, Group, Side
from footfall.report.numbers import count, money, percent, text
from footfall.report.page import Page
from footfall.report.section import Section
from footfall.report.told import table, told, whole

_CUSTOMERS, _RFM, _COHORTS = table("customers"), table("rfm"), table("cohorts")
_RETURNING, _TOP = table("new-and-returning"), table("concentration")
_MONTHS = 13


def _stated(page: Page) -> list[Block]:
    rows = page.rows(_CUSTOMERS)
    show = money(page.business.get("currency"))
    figures: list[Block] = []
    for dimension in dict.fromkeys(text(r["dimension"]) for r in rows):
        mine = whole([r for r in rows if r["dimension"] == dimension], "value", "customers")
        of = [r for r in mine if r["value"] != "not stated"]
        unknown = next((r for r in mine if r["value"] == "not stated"), None)
        if len(of) < 2:
            continue
        shown = [{"label": text(r["value"]), "value": r["customers"]} for r in of]
        words = "; ".join(f"{r['value']}: {count(r['customers'])}, {show(r['amount_per_buyer'])} a buyer" for r in of)
        note = f"Not stated: {percent(unknown['share'])}." if unknown else ""
        title = f"Customers by {dimension.replace('_', ' ')}"
        figures.append(Figure("bars", title, shown, words, note, (_CUSTOMERS,), {"title": "Customers"}))
    columns = [
        Column("By", lambda r: text(r["dimension"]).replace("_", " ")),
        Column("Group", "value"),
        Column("Customers", "customers", "count"),
        Column("Share", "share", "percent"),
        Column("Buyers", "buyers", "count"),
        Column("Spend", "amount", show),
        Column("Spend a buyer", "amount_per_buyer", show),
    ]
    sides = [Side(figures[i : i + 2]) for i in range(0, len(figures), 2)]
    grid = Grid("All groups", columns, rows, (_CUSTOMERS,), "", 60)
    return [*told(page, "customers"), Group("What they state of themselves", [*sides, grid])] if rows else []


def _segments(page: Page) -> list[Block]:
    rows = page.rows(_RFM)
    show = money(page.business.get("currency"))
    columns = [
        Column("Segment", "segment"),
        Column("Meaning", "meaning"),
        Column("Customers", "customers", "count"),
        Column("Share", "share", "percent"),
        Column("Share of spend", "amount_share", "percent"),
        Column("Orders each", "orders_each", "number"),
        Column("Spend each", "amount_each", show),
        Column("Days since the last order", "days_since", "count", "median"),
    ]
    note = "By fifths of recency, frequency and spend, among customers with an order."
    return [*told(page, "rfm"), Grid("Segments", columns, rows, (_RFM,), note, stack=True)] if rows else []


def _return(page: Page) -> list[Block]:
    known = whole(page.rows(_COHORTS), "cohort", "months_since", "retention")
    rows = [r for r in known if 0 < r["months_since"] <= _MONTHS]
    blocks: list[Block] = []
    if rows:
        recent = sorted({r["cohort"] for r in rows})[-_MONTHS:]
        shown = [
            {"x": r["months_since"], "y": f"{r['cohort']:%b %Y} ({count(r['customers'])})", "value": r["retention"]}
            for r in rows
            if r["cohort"] in recent
        ]
        first = {r["cohort"]: r for r in reversed(rows) if r["cohort"] in recent}
        words = "; ".join(f"{c:%b %Y}: {percent(r['retention'])} in month 1" for c, r in sorted(first.items()))
        options = {"across": "months after the first order", "down": "first order (customers)"}
        title = "Share of customers who order again"
        blocks += [*told(page, "cohorts"), Figure("heat", title, shown, words, "", (_COHORTS,), options)]
    months = whole(page.rows(_RETURNING), "month")
    if len(months) >= 3:
        show = [{"date": r["month"], "share": 100 * (r["returning_share"] or 0)} for r in months]
        words = "; ".join(f"{r['date']:%b %Y}: {count(r['share'])}%" for r in show)
        title = "Share of the spend by customers who returned, %"
        options = {"value": "share", "title": "% of spend"}
        blocks += [
            *told(page, "new-and-returning"),
            Figure("trend", title, show, words, "", (_RETURNING,), options),
        ]
    return blocks


def _few(page: Page) -> list[Block]:
    columns = [
        Column("Of the buyers", lambda r: f"top {count(100 * (r['top'] or 0))}%"),
        Column("Customers", "customers", "count"),
        Column("Spend", "amount", money(page.business.get("currency"))),
        Column("Share of all spend", "amount_share", "percent"),
    ]
    rows = page.rows(_TOP)
    return [*told(page, "concentration"), Grid("How much hangs on a few", columns, rows, (_TOP,))] if rows else []


def _draw(page: Page) -> Sequence[Block]:
    return [*_segments(page), *_return(page), *_few(page), *_stated(page)]


SECTION = Section(
    "who",
    "Who the customers are",
    22,
    "Segments, loyalty, and what customers state of themselves.",
    (_CUSTOMERS, _RFM, _COHORTS, _RETURNING, _TOP),
    _draw,
)
