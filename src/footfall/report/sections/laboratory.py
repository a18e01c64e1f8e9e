"""Models side by side: what each is worth and what it costs; and what the search for better settings found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from footfall.report.blocks import Block, Cell, Column, Figure, Grid, Group, Points, spread
from footfall.report.measures import measure
from footfall.report.numbers import FORMATS, NOTHING, blank, seconds, text
from footfall.report.page import Page, Row
from footfall.report.section import Section

_JUDGED = {"yes": ("better", "good"), "no": ("worse", "bad"), "cannot tell": ("cannot tell", "unclear")}
_NOTE = (
    "Over the test dates: the mean, its spread from date to date in small print. The difference is to the best single "
    "model, picked with hindsight; the 95% interval is paired."
)
_HELD = (
    " Held out: customers in turn, within the dates learnt from. It tells how steady a fit is and is no verdict, since "
    "nothing in it lies in the future."
)


def _compared(page: Page, task: str) -> list[Block]:
    rows = page.rows("comparison", task=task)
    if len(rows) < 2:
        return []
    known = measure(rows[0].get("metric"))
    show, change = FORMATS[known.format], FORMATS[known.change]

    def about(value: object, around: object) -> Cell:
        return Cell(NOTHING) if blank(value) else Cell(show(value), "" if blank(around) else f"± {show(around)}")

    def difference(row: Row) -> Cell:
        if row.get("model") == row.get("best"):
            return Cell("the best single model")
        _, tone = _JUDGED.get(str(row.get("better")), ("", "unclear"))
        ends = (row.get("difference_lower"), row.get("difference_upper"))
        return spread(row.get("difference"), *ends, change, "good" if tone == "good" else "plain")

    held = any(row.get("folds") for row in rows)
    columns = [
        Column("Model", lambda r: Cell(text(r.get("model")), text(r.get("readable")))),
        Column(known.label, lambda r: about(r.get("mean"), r.get("spread")), "number", known.hint),
        Column("Against the best single one", difference, "number"),
        *([Column("Held out", lambda r: about(r.get("fold_mean"), r.get("fold_spread")), "number")] if held else []),
        Column("Learnt in", lambda r: Cell(_timed(r.get("fit_seconds"))), "number"),
        Column("Answers in", lambda r: Cell(_timed(r.get("predict_seconds"))), "number", "for one test date"),
        Column("Saved", "size_bytes", "size"),
    ]
    said = [(str(r["model"]), _after(str(r.get("words") or ""), str(r["model"]))) for r in rows if r.get("words")]
    grid = Grid("Models side by side", columns, rows, ("comparison",), _NOTE + (_HELD if held else ""), stack=True)
    return [grid, Points("What to make of it", said)] if said else [grid]


def _timed(value: Any) -> str:
    """Seconds; of less than one, hundredths."""
    return f"{value:.2f} s" if not blank(value) and 0.005 <= float(value) < 1 else seconds(value)


def _after(words: str, model: str) -> str:
    """The words without the name they begin with."""
    return words.removeprefix(f"{model}: ")


def _tuned(page: Page, task: str) -> list[Block]:
    rows = page.rows("tuning", task=task)
    blocks: list[Block] = []
    for model in dict.fromkeys(str(r["model"]) for r in rows):
        mine = [r for r in rows if r["model"] == model]
        newest = max(r["cutoff"] for r in mine)
        mine = [r for r in mine if r["cutoff"] == newest]
        tried = [r for r in mine if not blank(r.get("against"))]
        own = next((r["loss"] for r in mine if r.get("state") == "own"), None)
        chosen = next((r for r in mine if r.get("chosen")), {})
        if blank(own) or len(tried) < 2:
            continue
        if chosen.get("state") == "own":
            words = f"None of {len(mine) - 1} settings beats its own ({own:.4g}) by more than chance, so those stay."
        else:
            found = f"{chosen.get('loss'):.4g} instead of {own:.4g}"
            words = f"Of {len(mine) - 1} settings, number {chosen.get('trial')} is used: {found}."
        note = (
            "Each mark is a try, judged on dates before the one asked about; pruned ones fell behind on the first of "
            "them. The line is the least loss so far. Settings are taken only where they beat the model's own by a "
            "standard error."
        )
        options = {"title": "Loss against its own settings"}
        blocks.append(Figure("tuning", f"Settings tried for {model}", tried, words, note, ("tuning",), options))
    return blocks


def _draw(page: Page) -> Sequence[Block]:
    groups = []
    for task in page.tasks("comparison", "tuning"):
        blocks = [*_compared(page, task), *_tuned(page, task)]
        sentence = page.question(task).get("sentence")
        if blocks:
            groups.append(Group(task if blank(sentence) else text(sentence), blocks, "" if blank(sentence) else task))
    return groups


SECTION = Section(
    "laboratory",
    "Which model, and at what price",
    55,
    "Models of several kinds on the same test dates: how good, how steady, how fast, how large, and how readable.",
    ("comparison", "tuning"),
    _draw,
)
