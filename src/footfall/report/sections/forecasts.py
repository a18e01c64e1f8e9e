"""What sells next: forecasts with their intervals, why this model, and how good it was on later data."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from footfall.report.blocks import Block, Cell, Column, Figure, Grid, Group, Prose, spread
from footfall.report.measures import BADGES, TONES, measure, rank
from footfall.report.numbers import FORMATS, NOTHING, blank, count, money, text
from footfall.report.page import Page, Row
from footfall.report.section import Section

_KEYS = ("product_id", "category", "brand", "store_id", "channel")
_SHOWN = ("wape", "mase", "rmsse", "bias", "pinball", "coverage_80", "coverage_95")
_BASELINES = ("seasonal_naive", "moving_average")
_PARTS = ("trend", "season", "holiday", "promotion")


def _member(row: Row) -> str:
    """The series' own name: the key of its level (of a product: its name where one is known)."""
    if str(row.get("level")) == "total":
        return "All"
    if not blank(row.get("name")):
        return text(row["name"])
    own = str(row.get("level")).split(" and ")
    found = [text(row.get(k)) for k in _KEYS if k.removesuffix("_id") in own and not blank(row.get(k))]
    return " · ".join(found) or "(unknown)"


def _show(page: Page, task: str) -> Any:
    """Money for revenue, pieces for the rest; from the task's own sentence."""
    sentence = text(page.question(task).get("sentence")).lower()
    currency = page.business.get("currency")
    return money(str(currency) if currency else None) if "spend" in sentence or "revenue" in sentence else count


def _outlook(page: Page, task: str) -> list[Block]:
    past = [{"date": r["period_start"], "actual": r["amount"], "censored": r["censored"]} for r in
            page.rows("forecast_history", task=task, level="total")]  # fmt: skip
    rows = page.rows("forecasts", task=task, level="total")
    if not rows:
        return []
    link = [{**{f"{s}_{n}": past[-1]["actual"] for s in ("lower", "upper") for n in (80, 95)}, "date": past[-1]["date"],
             "amount": past[-1]["actual"]}] if past else []  # fmt: skip
    ahead = [{**r, "date": r["period_start"]} for r in rows]
    show = _show(page, task)
    words = "; ".join(
        f"{FORMATS['day'](r['period_start'])}: {show(r['amount'])} ({show(r['lower_95'])} to {show(r['upper_95'])})"
        for r in rows
    )
    note = "Green is the forecast; it should lie in the dark band 4 times of 5 and in the light one 19 times of 20."
    options = {"title": "In all, per period"}
    return [Figure("outlook", "All together", [*past, *link, *ahead], words, note, ("forecasts",), options)]


def _sums(page: Page, task: str) -> list[Block]:
    rows = page.rows("forecast_totals", task=task)
    if not rows:
        return []
    show = _show(page, task)

    def past(field: str) -> Any:
        def cell(row: Row) -> Cell:
            value = row.get(field)
            if blank(value):
                return Cell(NOTHING)
            if not value:
                return Cell(show(value))
            return Cell(show(value), FORMATS["signed_percent"]((row["amount"] - value) / abs(value)))

        return cell

    columns = [
        Column("", _member),
        Column("Expected", lambda r: spread(r["amount"], r["lower_80"], r["upper_80"], show), "number", "4 times of 5"),
        Column("19 times of 20", lambda r: Cell(f"{show(r['lower_95'])} to {show(r['upper_95'])}"), "number"),
        Column("The same span before", past("before"), "number"),
        Column("A year ago", past("year_ago"), "number"),
    ]
    until = FORMATS["day"](rows[0]["period_end"])
    caption = f"What it comes to until {until}"
    note = "Each line has its own interval; the ends of intervals do not add up, the expected amounts do."
    return [Grid(caption, columns, rows, ("forecast_totals",), note, 16, stack=True)]


def _why(page: Page, task: str) -> list[Block]:
    rows = page.rows("forecast_words", task=task)
    columns = [Column("", _member), Column("What it is made of", "words")]
    note = "Parts add up to the forecast; holiday and promotion are what the models say with them, less without."
    return [Grid("Why so much", columns, rows, ("forecast_words",), note, 8, stack=True)] if rows else []


def _quality(page: Page, task: str) -> list[Block]:
    rows = [r for r in page.rows("forecast_evaluations", task=task) if r.get("metric") in _SHOWN]
    if not rows:
        return []
    models = list(dict.fromkeys(str(r["model"]) for r in rows))
    models.sort(key=lambda m: (m not in _BASELINES, m == "automatic", m))

    def cell(row: Row, model: str) -> Cell:
        known = measure(row["metric"])
        found = next((r for r in row["all"] if r["model"] == model), None)
        return Cell(NOTHING) if found is None else spread(
            found["value"], found["lower"], found["upper"], FORMATS[known.format]
        )  # fmt: skip

    shown: list[Row] = []
    for level in dict.fromkeys(r.get("level") for r in rows):
        mine = [r for r in rows if r.get("level") == level]
        for metric in sorted({str(r["metric"]) for r in mine}, key=rank):
            same = [r for r in mine if r["metric"] == metric]
            shown.append({"metric": metric, "level": level, "all": same})
    columns = [
        Column("Measure", lambda r: Cell(measure(r["metric"]).label, measure(r["metric"]).hint)),
        Column("Of", lambda r: Cell("each on its own" if blank(r["level"]) else f"level: {r['level']}")),
        *(Column(m.replace("_", " "), partial(cell, model=m), "number") for m in models),
    ]
    note = "On later data that the forecast had not seen; small print is the 95% interval."
    return [Grid("How good it was", columns, shown, ("forecast_evaluations",), note, 40, stack=False)]


def _choice(page: Page, task: str) -> list[Block]:
    words = text(page.question(task).get("caution"))
    return [Prose(words, "note")] if words and words != NOTHING else []


def _strange(page: Page, task: str) -> list[Block]:
    rows = page.rows("anomalies", task=task)
    columns = [Column("", _member), Column("From", "period_start", "day"), Column("What", "words")]
    return [Grid("What stood out in the past", columns, rows, ("anomalies",), "", 8, stack=True)] if rows else []


def _draw(page: Page) -> Sequence[Block]:
    blocks: list[Block] = []
    for i, task in enumerate(page.tasks("forecasts")):
        told = next(iter(page.rows("forecast_verdicts", task=task, model=page.model(task))), {})
        badge = BADGES.get(str(told.get("verdict")), "")
        tone = TONES.get(str(told.get("verdict")), "plain")
        inner = [
            *_outlook(page, task), *_sums(page, task), *_why(page, task), *_quality(page, task),
            *([Prose(text(told["sentence"]), "note")] if told else []), *_choice(page, task), *_strange(page, task),
        ]  # fmt: skip
        sentence = text(page.question(task).get("sentence"))
        blocks.append(Group(task, inner, sentence, badge, tone, open=i == 0))
    return blocks


SECTION = Section(
    "forecasts",
    "What sells next",
    66,
    "Forecasts per product, category and in all; each with the range it should lie in.",
    ("forecasts",),
    _draw,
)
