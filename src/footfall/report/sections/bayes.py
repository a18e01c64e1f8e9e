"""Bayes' theorem at work: what interest in a category says about a purchase from it."""

from __future__ import annotations

from collections.abc import Sequence

from footfall.report.blocks import Block, Cell, Column, Figure, Grid, Prose, gauge
from footfall.report.numbers import NOTHING, blank, number, percent, text
from footfall.report.page import Page, Row
from footfall.report.section import Section
from footfall.report.told import table, told, whole

_BAYES, _ODDS = table("category-bayes"), table("category-odds")
_SHOWN = 15
_THEOREM = (
    "Bayes' theorem turns the question round. Counted are the share of buyers who were interested (the likelihood), "
    "the share of all who buy (the prior) and the share of all who were interested (the evidence); likelihood times "
    "prior over evidence is the chance that somebody interested buys. Small categories are drawn towards the others as "
    "far as they rest on few customers."
)


def _chances(page: Page) -> list[Block]:
    rows = page.rows(_BAYES)
    if not rows:
        return []
    top = max((float(r["upper"]) for r in rows if not blank(r.get("upper"))), default=1.0)
    columns = [
        Column("Category", "category"),
        Column("Prior", "prior", "percent"),
        Column("Likelihood", "likelihood", "percent"),
        Column("Evidence", "evidence", "percent"),
        Column("Counted", "posterior", "percent"),
        Column("Chance", lambda r: gauge(r, "pooled", percent, top)),
        Column("Lift", "lift", "number"),
    ]
    note = (
        "Prior: of all customers buy from it in a month. Likelihood: of the buyers had more than 3 interactions. "
        "Evidence: of all customers had. Counted: likelihood times prior over evidence. Chance: the same, small "
        "categories drawn to the others, with its 95% interval. Lift: chance over prior. One customer at one cutoff is "
        "one case; that customers repeat is allowed for in the intervals."
    )
    shown = [
        {**r, "label": text(r["category"]), "value": r["pooled"], "other": r["prior"]}
        for r in whole(rows[:_SHOWN], "category", "pooled", "lower", "upper")
    ]
    words = "; ".join(
        f"{r['label']}: {percent(r['pooled'])} ({percent(r['lower'])} to {percent(r['upper'])})" for r in shown
    )
    options = {"title": "Chance of a purchase in the next month", "beside": "of all customers"}
    title = "Chance of a purchase after more than 3 interactions"
    figures: list[Block] = [Figure("ranges", title, shown, words, "", (_BAYES,), options)] if shown else []
    return [
        *figures,
        Grid("The parts, category by category", columns, rows, (_BAYES,), note, _SHOWN, stack=True),
    ]


def _odds(page: Page) -> list[Block]:
    by: dict[str, dict[int | None, Row]] = {}
    for r in page.rows(_ODDS):
        by.setdefault(text(r.get("category")), {})[r.get("interactions")] = r
    if not by:
        return []
    order = [text(r["category"]) for r in page.rows(_BAYES)]
    names = sorted(by, key=lambda n: (n not in order, order.index(n) if n in order else 0, n))

    def cell(interactions: int) -> Column:
        def show(row: Row) -> Cell:
            found = by[row["category"]].get(interactions, {})
            if blank(found.get("odds")):
                return Cell(NOTHING)
            return Cell(number(found["odds"]), f"{number(found.get('lower'))} to {number(found.get('upper'))}")

        return Column("More than 3" if interactions == 4 else str(interactions), show, "number")

    columns = [Column("Category", "category"), *(cell(n) for n in range(5))]
    note = "Odds of 0.25 are one purchase for four times none. Below each, its 95% interval."
    rows = [{"category": n} for n in names]
    return [Grid("Odds of a purchase by number of interactions", columns, rows, (_ODDS,), note, _SHOWN, stack=True)]


def _draw(page: Page) -> Sequence[Block]:
    chances, odds = _chances(page), _odds(page)
    if not chances and not odds:
        return []
    return [
        *told(page, "category-bayes"), Prose(_THEOREM, "note"), *chances, *told(page, "category-odds"), *odds,
    ]  # fmt: skip


SECTION = Section(
    "bayes",
    "What interest says about a purchase",
    62,
    "Which category is likely to be bought from, after interest in it.",
    (_BAYES, _ODDS),
    _draw,
)
