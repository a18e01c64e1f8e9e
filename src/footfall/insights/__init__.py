"""Descriptive answers in SQL: each a named question, a statement to copy, a table, a chart and two sentences."""

from footfall.insights.catalogue import (
    KEPT,
    ask,
    ask_all,
    catalogue,
    groups,
    insight,
    insights_named,
    keep,
    page_queries,
    page_statements,
)
from footfall.insights.insight import Answer, Chart, Drawing, Ground, Insight, ground

__all__ = [
    "KEPT", "Answer", "Chart", "Drawing", "Ground", "Insight", "ask", "ask_all", "catalogue", "ground", "groups",
    "insight", "insights_named", "keep", "page_queries", "page_statements",
]  # fmt: skip
