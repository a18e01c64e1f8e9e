"""The questions asked of the data, each as a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from footfall.report.blocks import Block, Cell, Column, Grid
from footfall.report.numbers import blank, count, money, number, percent, text
from footfall.report.page import Page, Row
from footfall.report.section import Section


def _draw(page: Page) -> Sequence[Block]:
    currency = money(page.business.get("currency"))

    def usual(row: Row) -> Cell:
        rate, positives = row.get("base_rate"), row.get("positives")
        if row.get("kind") == "amount" and not blank(rate):
            return Cell(number(rate) if row.get("unit") == "number" else currency(rate), "on average")
        of = "" if blank(positives) else f"learnt from {count(positives)} cases"
        return Cell(percent(rate), of)

    def question(row: Row) -> Cell:
        notes = () if blank(row.get("caution")) else (f"Caution: {text(row['caution'])}",)
        return Cell(text(row.get("sentence")), text(row.get("task")), points=notes)

    return [
        Grid(
            "Questions",
            [
                Column("Question", question),
                Column("Asked about", "population", "count", "how many"),
                Column("Usual answer", usual, "percent", "without any model"),
                Column("Answered by", "model"),
            ],
            page.rows("questions"),
            ("questions",),
            stack=True,
        )
    ]


SECTION = Section(
    "questions",
    "What we asked",
    40,
    "Each question is about a time after a cutoff, answered only from what was known before it.",
    ("questions",),
    _draw,
)
