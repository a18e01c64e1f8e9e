"""Data quality: what was found, what was done about it, what it may do to the answers."""

from __future__ import annotations

import json
from collections.abc import Sequence

from footfall.report.blocks import Block, Cell, Column, Grid, Prose, Tone
from footfall.report.numbers import blank, percent, text
from footfall.report.page import Page, Row
from footfall.report.section import Section

_ACTIONS: dict[str, Tone] = {"repaired": "good", "set aside": "unclear", "kept": "muted"}


def _finding(row: Row) -> Cell:
    name = text(row.get("check_name")).replace("_", " ").replace("-", " ")
    place = ".".join(str(row[k]) for k in ("table_name", "column_name") if not blank(row.get(k)))
    return Cell(name[:1].upper() + name[1:], " · ".join(p for p in (place, str(row.get("kind") or "")) if p))


def _action(row: Row) -> Cell:
    action = text(row.get("action"))
    return Cell(action, tone=_ACTIONS.get(action, "muted"), badge=True)


def _rows(row: Row) -> Cell:
    share = row.get("share")
    return Cell(f"{row['rows']:,}" if not blank(row.get("rows")) else "–", "" if blank(share) else percent(share))


def _effect(row: Row) -> Cell:
    """The effect in words, and below it a few examples, which the table keeps as a JSON list."""
    given = row.get("examples")
    try:
        listed = json.loads(given) if given else []
    except ValueError:
        listed = given
    examples = ", ".join(map(str, listed)) if isinstance(listed, list) else str(listed)
    silent = "None expected: what was meant is certain." if row.get("action") == "repaired" else ""
    effect = text(row.get("effect")) if not blank(row.get("effect")) else silent
    return Cell(effect[:1].upper() + effect[1:], f"e.g. {examples}" if examples else "")


def _draw(page: Page) -> Sequence[Block]:
    findings = Grid(
        "Findings",
        [
            Column("Finding", _finding),
            Column("Rows", _rows, "count"),
            Column("Done", _action),
            Column("Likely effect on the answers", _effect),
        ],
        page.rows("quality"),
        ("quality",),
        limit=12,
        stack=True,
    )
    aside = page.rows("quarantine_reasons")
    reasons = Grid(
        "Rows set aside, kept whole in the table quarantine",
        [
            Column("Why", "reason"),
            Column("Source", "source"),
            Column("Rows", "rows", "count"),
            Column("Example", "example"),
        ],
        aside,
        ("quarantine_reasons",),
        limit=15,
        stack=True,
    )
    blocks: list[Block] = []
    if not findings.rows and page.has("quality"):
        blocks.append(Prose("The checks found nothing to say."))
    blocks += [g for g in (findings, reasons) if g.rows]
    return blocks


SECTION = Section(
    "quality",
    "How clean it is",
    30,
    "Nothing is dropped in silence: each row was loaded, repaired, set aside, or a copy of one that is there.",
    ("quality", "quarantine_reasons"),
    _draw,
)
