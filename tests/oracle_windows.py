"""What a window is worth, in plain Python over rows given as dicts: slow, obvious, and written without SQL.

A row has `occurred_at` and `known_at` (naive UTC) and its table's columns. The rows of one table are a list;
a shop is a dict of such lists. Only the shifting of instants by spans is shared with the package.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from footfall.spans import shift
from footfall.windows import Aggregate, Fact, Frame, Future, Past, Ratio, Upcoming

Row = dict[str, Any]
Shop = dict[str, list[Row]]

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda a, b: a in b,
}


def column_value(row: Row, column: str, tz: str) -> Any:
    if column not in ("hour", "weekday", "day"):
        return row[column]
    local = row["occurred_at"].replace(tzinfo=UTC).astimezone(ZoneInfo(tz))
    return {"hour": local.hour, "weekday": local.isoweekday(), "day": local.date()}[column]


def meets(row: Row, conditions: Any, tz: str) -> bool:
    for one in conditions:
        value = column_value(row, one.column, tz)
        if value is None or not COMPARE[one.operator](value, one.value):
            return False
    return True


def rows_of(shop: Shop, fact: Fact, frame: Frame, entity: Row) -> list[Row]:
    """The entity's rows of a fact: NULL keys belong to nobody."""
    keys = frame.keys if fact.per is None else fact.per
    return [
        r
        for r in shop.get(fact.table, [])
        if all(r[k] is not None and r[k] == entity[k] for k in keys) and meets(r, fact.conditions, frame.tz)
    ]


def inside(window: Past | Future, rows: list[Row], frame: Frame, cutoff: datetime) -> list[Row]:
    if isinstance(window, Future):
        end = shift(cutoff, window.span, 1, frame.tz)
        found = [r for r in rows if cutoff <= r["occurred_at"] < end]
        return [r for r in found if frame.as_of is None or r["known_at"] < frame.as_of]
    found = [r for r in rows if r["occurred_at"] < cutoff and r["known_at"] < cutoff]
    if window.span is None:
        return found
    start = shift(cutoff, window.span, -1, frame.tz)
    return [r for r in found if r["occurred_at"] >= start]


def days(gap: timedelta) -> float:
    return gap / timedelta(days=1)


def aggregate(of: Aggregate, rows: list[Row], tz: str, cutoff: datetime) -> Any:
    times = sorted(r["occurred_at"] for r in rows)
    if of.function in ("any", "none", "count"):
        return {"any": bool(rows), "none": not rows, "count": len(rows)}[of.function]
    if of.function == "share":
        return sum(meets(r, of.conditions, tz) for r in rows) / len(rows) if rows else None
    if of.function == "recency":
        return days(cutoff - times[-1]) if times else None
    if of.function == "tenure":
        return days(cutoff - times[0]) if times else None
    if of.function == "gap":
        return days(times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else None
    seen = [(r["occurred_at"], column_value(r, str(of.column), tz)) for r in rows]
    seen = [(at, value) for at, value in seen if value is not None]
    values = [value for _, value in seen]
    if of.function == "sum":
        return sum(values) if values else 0
    if of.function == "nunique":
        return len(set(values))
    if not values:
        return None
    if of.function == "mean":
        return float(sum(values)) / len(values)
    if of.function == "distinct":
        return sorted(set(values))
    if of.function == "most_common":
        counts = Counter(values)
        return max(v for v in counts if counts[v] == max(counts.values()))
    return {
        "min": lambda: min(values),
        "max": lambda: max(values),
        "latest": lambda: max(seen)[1],
        "earliest": lambda: min(seen)[1],
    }[of.function]()


def upcoming(window: Upcoming, shop: Shop, frame: Frame, cutoff: datetime) -> int:
    def local_day(at: datetime) -> Any:
        return at.replace(tzinfo=UTC).astimezone(ZoneInfo(frame.tz)).date()

    end = local_day(shift(cutoff, window.span, 1, frame.tz))
    return len(
        {
            r["date"]
            for r in shop.get("calendar", [])
            if r[window.column] is not None
            and local_day(cutoff) <= r["date"] < end
            and (r["known_at"] is None or r["known_at"] < cutoff)
        }
    )


def value(window: Any, shop: Shop, frame: Frame, entity: Row, cutoff: datetime) -> Any:
    """What `compile_windows` must answer for one entity and cutoff."""
    if isinstance(window, Upcoming):
        return upcoming(window, shop, frame, cutoff)
    if isinstance(window, Ratio):
        top = value(window.top, shop, frame, entity, cutoff)
        bottom = value(window.bottom, shop, frame, entity, cutoff)
        return float(top) / float(bottom) * window.scale if top is not None and bottom else None
    rows = rows_of(shop, window.aggregate.fact, frame, entity)
    found = aggregate(window.aggregate, inside(window, rows, frame, cutoff), frame.tz, cutoff)
    if isinstance(window, Past) and window.minimum is not None:
        return (found or 0) >= window.minimum
    return found


def members(shop: Shop, key: str, cutoff: datetime) -> list[Any]:
    """The members of one key that are known before the cutoff."""
    tables = shop if key == "customer_id" else {"lines": shop.get("lines", [])}
    return sorted(
        {
            r[key]
            for rows in tables.values()
            for r in rows
            if r.get(key) is not None and r["occurred_at"] < cutoff and r["known_at"] < cutoff
        }
    )


def spine(shop: Shop, frame: Frame) -> list[tuple[Row, datetime]]:
    """Every member (of several keys: every combination) beside every cutoff."""
    found: list[tuple[Row, datetime]] = []
    for cutoff in frame.cutoffs:
        entities: list[Row] = [{}]
        for key in frame.keys:
            entities = [{**e, key: m} for e in entities for m in members(shop, key, cutoff)]
        found += [(e, cutoff) for e in entities]
    return found
