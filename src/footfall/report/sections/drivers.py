"""What drives the answers, in aggregate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from footfall.report.blocks import Block, Figure, Prose, Side
from footfall.report.numbers import blank, text
from footfall.report.page import Page, Row
from footfall.report.section import Section

_SHOWN = 8


def _effect(row: Row) -> str:
    way: Any = row.get("direction")
    if blank(way) or abs(float(way)) < 0.1:
        return "depends"
    return "raises it" if float(way) > 0 else "lowers it"


def _draw(page: Page) -> Sequence[Block]:
    figures: list[Block] = []
    for task in page.tasks("importances"):
        rows = page.rows("importances", task=task)
        models = {r.get("model") for r in rows}
        chosen = page.model(task)
        mine = [r for r in rows if len(models) == 1 or chosen not in models or r.get("model") == chosen]
        mine = sorted(mine, key=lambda r: (r.get("rank") is None, r.get("rank") or 0))[:_SHOWN]
        shown = [{**r, "label": text(r.get("label") or r.get("feature")), "effect": _effect(r)} for r in mine]
        words = "; ".join(f"{r['label']}: more of it {r['effect']}" for r in shown)
        options = {"title": "How much it moves the answer"}
        sentence = page.question(task).get("sentence")
        title = task if blank(sentence) else text(sentence)
        figures.append(Figure("drivers", title, shown, words, "", ("importances",), options))
    note = (
        "A bar says how much a trait moves the answer, its colour what a higher value does to it. "
        "This is what goes together, not what causes what."
    )
    return [Side(figures), Prose(note, "note")] if figures else []


SECTION = Section(
    "drivers",
    "What drives them",
    60,
    "The traits of a customer that move the answers most.",
    ("importances",),
    _draw,
)
