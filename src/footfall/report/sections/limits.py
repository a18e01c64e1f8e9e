"""Limits and next steps."""

from __future__ import annotations

from collections.abc import Sequence

from footfall.report.blocks import Block, Points, Side
from footfall.report.numbers import blank, text
from footfall.report.page import Page, items
from footfall.report.section import Section

_ALWAYS = [
    ("", "The answers are chances, not promises: of ten customers at 30%, about seven will not."),
    ("", "They say who is likely, not who can be changed: whether an offer moves anyone takes a trial."),
    ("", "They hold while the shop stays as it was; after a new range, price list or season, test again."),
]
_NEXT = [
    ("Act", "Work through the lists from the top, and keep a random tenth out, to see what the effort brings."),
    ("Compare", "When the time asked about has passed, put the chances beside what happened."),
    ("Mend", "Take the largest findings under data quality to whoever exports the data."),
]


def _draw(page: Page) -> Sequence[Block]:
    limits = items(page.business.get("limits"))
    for row in page.rows("questions"):
        if not blank(row.get("caution")):
            limits.append((text(row.get("task")), text(row["caution"])))
    for row in page.rows("verdicts"):
        if row.get("verdict") in ("no", "cannot tell") and row.get("model") == page.model(str(row.get("task"))):
            limits.append((text(row.get("task")), text(row.get("sentence"))))
    steps = items(page.business.get("next_steps") or page.business.get("next"))
    limits = list(dict.fromkeys(limits))
    return [Side([Points("Mind", [*limits, *_ALWAYS]), Points("Next steps", steps or _NEXT)])]


SECTION = Section("limits", "Limits and next steps", 80, "What these answers cannot do, and what to do now.", (), _draw)
