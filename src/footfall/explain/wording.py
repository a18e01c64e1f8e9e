"""Numbers and features as a merchant would say them."""

from __future__ import annotations

import math
from typing import Any

from footfall.windows import Feature, Past, Ratio, Upcoming


def number(value: float) -> str:
    """Short: whole where it can be, two figures where it is small, thousands apart."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if math.isclose(value, round(value), abs_tol=1e-9):
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"


def say(feature: Feature, value: Any, usual: float | None = None) -> str:
    """One feature's value in words: "last order 64 days ago (usually 21 days between orders)".

    `usual` is the customer's own typical gap, said beside a recency.
    """
    words = feature.words
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return words.missing
    if isinstance(value, str):
        return words.phrase.format(value=value)
    if isinstance(value, bool):
        return words.phrase.format(value="yes" if value else "no")
    kind = _function(feature)
    if kind in ("count", "nunique", "sum") and value == 0:
        return words.missing if kind != "nunique" else words.phrase.format(value="no")
    if kind == "share":
        return words.phrase.format(value=f"{100 * float(value):.0f}%")
    if kind in ("recency", "tenure"):
        days = math.floor(float(value))
        text = (
            words.phrase.format(value=days).replace("0 days ago", "today")
            if days == 0
            else words.phrase.format(value=days)
        )
        text = text.replace(" 1 days ago", " 1 day ago")
        return text + (f" (usually {number(usual)} days between)" if usual and kind == "recency" else "")
    text = words.phrase.format(value=number(float(value)))
    return _singular(text, value) if kind == "count" else text


def _function(feature: Feature) -> str:
    window = feature.window
    if isinstance(window, Ratio | Upcoming):
        return "ratio" if isinstance(window, Ratio) else "count"
    assert isinstance(window, Past)
    return window.aggregate.function


def _singular(text: str, value: float) -> str:
    if value != 1:
        return text
    for many, one in (
        ("orders", "order"), ("order lines", "order line"), ("views", "view"), ("clicks", "click"),
        ("additions", "addition"), ("removals", "removal"), ("searches", "search"), ("reviews", "review"),
        ("returns", "return"), ("events", "event"), ("purchases", "purchase"), ("favourites", "favourite"),
    ):  # fmt: skip
        if f" {many}" in text:
            return text.replace(f" {many}", f" {one}", 1)
    return text
