"""The two sentences of an insight, and the statement behind it, for the sections that show insights."""

from __future__ import annotations

from collections.abc import Sequence

from footfall.report.blocks import Prose
from footfall.report.numbers import blank, text
from footfall.report.page import Page, Row


def table(insight: str) -> str:
    """Where an insight's rows are: `category-bayes` -> `insight_category_bayes`."""
    return "insight_" + insight.replace("-", "_")


def told(page: Page, insight: str) -> list[Prose]:
    """Its sentences; none when it was not asked."""
    return [Prose(text(r["words"])) for r in page.rows("insights", insight=insight) if not blank(r.get("words"))]


def whole(rows: Sequence[Row], *fields: str) -> list[Row]:
    """The rows that have all these fields: what a chart can draw."""
    return [r for r in rows if not any(blank(r.get(f)) for f in fields)]
