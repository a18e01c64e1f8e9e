"""Numbers and features as a merchant would say them."""

from __future__ import annotations

import math
import re
from typing import Any

from footfall.windows import Feature, Past, Ratio, Upcoming

_FIRST = re.compile(r"^1 (?:different )?((?:product|order|promotion|satisfaction|'[^']*') )?(\w+s)\b")


def number(value: float) -> str:
    """Short: whole where it can be, two figures where it is small, thousands apart."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if math.isclose(value, round(value), abs_tol=1e-9):
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"


def say(feature: Feature, value: Any, usual: float | None = None) -> str:
    """One feature's value in words: "last order 64 days ago (usually 21 days between orders)".

    `usual` is the customer's own typical gap in days, said beside the time since the last one (see `gap_beside`).
    """
    told = _say(feature, value)
    if not usual or not math.isfinite(usual) or gap_beside(feature) is None or told == feature.words.missing:
        return told
    return f"{told} (usually {_days(usual)} between)"


def gap_beside(feature: Feature) -> str | None:
    """Name of the feature that holds the usual gap of what `feature` tells the time since; None for all others."""
    window = feature.window
    if isinstance(window, Past) and window.aggregate.function == "recency":
        return window.aggregate.fact.gap().past().name
    if isinstance(window, Ratio) and (window.top.aggregate.function, window.bottom.aggregate.function) == (
        "recency", "gap",
    ):  # fmt: skip
        return window.bottom.name
    return None


def _days(value: float) -> str:
    told = number(value)
    return "1 day" if told in ("1", "1.0") else f"{told} days"


def _say(feature: Feature, value: Any) -> str:
    words = feature.words
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return words.missing
    if isinstance(value, str):
        return words.phrase.format(value=value)
    if isinstance(value, bool):
        return words.phrase.format(value="yes" if value else "no")
    kind = _function(feature)
    if isinstance(feature.window, Ratio) and kind == "count" and value == 0:
        return Feature(feature.window.top, within=feature.within).words.missing
    if kind in ("count", "sum") and value == 0:
        return words.missing
    if kind == "nunique" and value == 0:
        return words.phrase.format(value="no").replace("no different ", "no ", 1)
    if kind == "share":
        return words.phrase.format(value=f"{100 * float(value):.0f}%")
    if kind == "age":
        return words.phrase.format(value=math.floor(float(value)))
    if kind in ("recency", "tenure"):
        days = math.floor(float(value))
        text = (
            words.phrase.format(value=days).replace("0 days ago", "today")
            if days == 0
            else words.phrase.format(value=days)
        )
        return text.replace(" 1 days ago", " 1 day ago")
    if kind == "gap":
        return words.phrase.replace("{value} days", "{value}").format(value=_days(float(value)))
    if kind == "count" and isinstance(feature.window, Ratio):
        return words.phrase.format(value=f"{float(value):.1f}")
    text = words.phrase.format(value=number(float(value)))
    return _FIRST.sub(lambda m: f"1 {m[1] or ''}{_one(m[2])}", text) if kind in ("count", "nunique", "sum") else text


def _function(feature: Feature) -> str:
    """What the value is: of a trend, what its pace is of."""
    window = feature.window
    if isinstance(window, Upcoming):
        return "count"
    if isinstance(window, Ratio):
        same = window.top.aggregate == window.bottom.aggregate
        return window.top.aggregate.function if same else "ratio"
    assert isinstance(window, Past)
    aggregate = window.aggregate
    return "age" if (aggregate.fact.table, aggregate.column) == ("customers", "birth_date") else aggregate.function


def _one(many: str) -> str:
    if many.endswith("ies"):
        return f"{many[:-3]}y"
    return many[:-2] if many.endswith("ches") else many[:-1]
