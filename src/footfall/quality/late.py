"""What came to the business long after it happened."""

from __future__ import annotations

from footfall.quality.declare import RowCheck

_DELAY = "known_at - occurred_at"
_DATED = "occurred_at > timestamp '1900-01-01'"
_WORDS = {
    "events": "events",
    "orders": "orders",
    "lines": "order lines",
    "reviews": "reviews",
    "satisfaction": "satisfaction scores",
}

_TOLD = {"hour": ("late",), "day": ("approved after a day or more",)}
"""How sources call late rows when they load."""


def _late(table: str, unit: str, words: str) -> RowCheck:
    longest = f"max(days_between(occurred_at, known_at)) filter (where {_DATED})"
    return RowCheck(
        f"late_{unit}",
        table,
        "known_at",
        "late",
        f"{words} that reached the business more than an {unit} after they happened".replace("an day", "a day"),
        "a prediction made in between could not see them; Footfall asks known_at, so they do not leak into the past",
        where=f"{_DELAY} > interval 1 {unit} and {_DATED}",
        among=_DATED,
        summary=f"['longest: ' || printf('%.1f', {longest}) || ' days']",
        covers=_TOLD[unit],
    )


LATE = tuple(_late(table, unit, words) for table, words in _WORDS.items() for unit in ("hour", "day"))
