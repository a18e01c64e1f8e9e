"""How the page was made: the stages of the run and the saved models."""

from __future__ import annotations

from collections.abc import Sequence

from footfall.report.blocks import Block, Cell, Column, Grid, gauge
from footfall.report.numbers import blank, seconds
from footfall.report.page import Page, Row
from footfall.report.section import Section


def _draw(page: Page) -> Sequence[Block]:
    stages = page.rows("stages")
    top = max((float(r["seconds"]) for r in stages if not blank(r.get("seconds"))), default=1.0)

    def time(row: Row) -> Cell:
        return gauge({"seconds": row.get("seconds")}, "seconds", seconds, top)

    grids = [
        Grid(
            "Stages of the run",
            [Column("Stage", "stage"), Column("Time", time), Column("What it did", "detail")],
            stages,
            ("stages",),
            limit=40,
            stack=True,
        ),
        Grid(
            "Saved models",
            [
                Column("Question", "task"),
                Column("Model", "model"),
                Column("Learnt from before", "cutoff", "day"),
                Column("Made", "made_at", "instant"),
            ],
            page.rows("models"),
            ("models",),
        ),
    ]
    return [g for g in grids if g.rows]


SECTION = Section(
    "making",
    "How this page was made",
    90,
    "Every number comes from a table of the shop; its query stands under it.",
    ("stages", "models"),
    _draw,
)
