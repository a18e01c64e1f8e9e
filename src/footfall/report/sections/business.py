"""Business understanding: what the shop wants, and when it has it."""

from __future__ import annotations

from collections.abc import Sequence

from footfall.report.blocks import Block, Points, Prose, Side
from footfall.report.numbers import blank, text
from footfall.report.page import Page, items
from footfall.report.section import Section

_SILENT: dict[str, list[str]] = {
    "goals": [
        "Know who is likely to buy soon, and reach them while it matters.",
        "Notice customers who are drifting away early enough to win them back.",
        "Spend marketing money where it changes something, and nowhere else.",
    ],
    "success": [
        "The answers beat a simple baseline on later data, by more than chance explains.",
        "A stated chance of 20% comes true in about 20 of 100 cases.",
        "The list is short enough to act on, and each name on it has a reason.",
    ],
    "stakeholders": [
        "The merchant, who decides whom to contact and what to offer.",
        "Marketing and service, who work through the lists.",
        "The customers, whose records are used with care and only for this.",
    ],
    "plan": [
        "Load the raw records and check them.",
        "Ask the questions, and answer them from the past alone.",
        "Test the answers on times the models have not seen.",
        "Act on the lists, then compare with what really happened.",
    ],
}
_TITLES = {
    "goals": "Goals",
    "success": "Success looks like",
    "stakeholders": "Who it concerns",
    "plan": "Plan",
}
_OTHER_NAMES = {
    "goals": ("goal", "objectives"),
    "success": ("success_criteria", "criteria"),
    "stakeholders": ("stakeholder",),
    "plan": ("steps", "project_plan"),
}


def _draw(page: Page) -> Sequence[Block]:
    said = page.business
    about = said.get("about") or said.get("background")
    blocks: list[Block] = [Prose(text(about), "lead")] if not blank(about) else []
    lists, silent = [], []
    for key, title in _TITLES.items():
        found = next((items(said[k]) for k in (key, *_OTHER_NAMES[key]) if items(said.get(k))), [])
        if not found:
            silent.append(title.lower())
        lists.append(Points(title, found or [("", t) for t in _SILENT[key]]))
    blocks.append(Side(lists))
    if silent:
        blocks.append(
            Prose(f"Usual texts stand for: {', '.join(silent)}. Write your own in shop.toml, under [business].", "note")
        )
    return blocks


SECTION = Section("business", "What we want", 10, "The goals this page is measured by.", (), _draw)
