"""What to show whom: how good the lists are, and the lists of a few customers with their reasons."""

from __future__ import annotations

from collections.abc import Sequence

from footfall.report.blocks import Block, Cell, Column, Grid, Group, Prose, spread
from footfall.report.measures import BADGES, TONES
from footfall.report.numbers import FORMATS, blank, text
from footfall.report.page import Page, Row
from footfall.report.section import Section

_MEASURES = {
    "ndcg@20": "The right things high up (ndcg at 20)",
    "recall@20": "Of what was taken, in the first 20",
    "recall@5": "Of what was taken, in the first 5",
    "hit_rate@5": "Customers with a hit in the first 5",
}
_SQL = "select rank, name, reason from recommendations where customer_id = 'C-1042' and rank <= 5 order by rank"


def _quality(page: Page, task: str) -> list[Block]:
    rows = page.rows("ranking_evaluations", task=task)
    shown: list[Row] = []
    for model in dict.fromkeys(str(r["model"]) for r in rows):
        mine = {str(r["metric"]): r for r in rows if r["model"] == model}
        shown.append({"model": model, **mine})

    def cell(metric: str) -> Column:
        def get(row: Row) -> Cell:
            found = row.get(metric)
            if found is None:
                return Cell("–")
            return spread(found["value"], found["lower"], found["upper"], FORMATS["percent"])

        return Column(_MEASURES[metric], get, "number")

    have = [m for m in _MEASURES if any(r["metric"] == m for r in rows)]
    columns = [Column("Lists made by", "model"), *(cell(m) for m in have)]
    note = "On later dates, over the whole catalogue; small print is the 95% interval."
    return (
        [Grid("How good the lists are", columns, shown, ("ranking_evaluations",), note, 15, stack=True)] if rows else []
    )


def _lists(page: Page, task: str) -> list[Block]:
    columns = [
        Column("Customer", "customer_id"), Column("", "rank", "count"), Column("What", "what"), Column("Why", "reason"),
    ]  # fmt: skip
    note = f'The customers who ordered most. In the shop: footfall sql "{_SQL}"'
    rows = page.rows("recommended", task=task)
    return [Grid("The first five, for example", columns, rows, ("recommended",), note, 20, stack=True)]


def _draw(page: Page) -> Sequence[Block]:
    blocks: list[Block] = []
    for i, task in enumerate(page.tasks("recommended")):
        told = next((r for r in page.rows("ranking_verdicts", task=task) if not blank(r.get("verdict"))), {})
        inner = [*_lists(page, task), *_quality(page, task)]
        if told:
            inner.append(Prose(text(told["sentence"]), "note"))
        badge = BADGES.get(str(told.get("verdict")), "")
        tone = TONES.get(str(told.get("verdict")), "plain")
        sentence = page.question(task).get("sentence")
        blocks.append(Group(task, inner, "" if blank(sentence) else text(sentence), badge, tone, open=i == 0))
    return blocks


SECTION = Section(
    "recommendations",
    "What to show whom",
    69,
    "Each customer's own list, with the reason for each place.",
    ("recommended",),
    _draw,
)
