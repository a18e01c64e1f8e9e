"""What a shop has: the catalogue of features adapts to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from footfall.engine import Engine, literal
from footfall.tables import TABLES

_COUNTED = {
    "customers": (
        "gender", "birth_date", "age", "location", "profession", "income", "loyalty_tier", "household", "channel",
    ),
    "lines": ("product_id", "category", "brand", "store_id"),
    "events": ("product_id", "category", "session_id"),
    "orders": ("amount", "discount", "channel", "payment_method", "store_id"),
    "reviews": ("rating", "text"),
    "calendar": ("holiday", "promotion"),
    "series": ("store_id", "category", "product_id", "brand", "channel"),
}  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """Rows per table, columns with at least two values among them, event types, and the span of the facts (UTC)."""

    rows: dict[str, int]
    columns: dict[str, frozenset[str]]
    event_types: tuple[str, ...] = ()
    returns: bool = False
    first: datetime | None = None
    last: datetime | None = None
    last_by_day: tuple[datetime, ...] = ()
    """The last fact of each of the last days that have any (of the shop's local clock), in order."""

    def has(self, table: str, column: str | None = None) -> bool:
        return self.rows.get(table, 0) > 0 and (column is None or column in self.columns.get(table, frozenset()))

    @property
    def days(self) -> float:
        """Days of history between the first fact and the last one."""
        return (self.last - self.first).total_seconds() / 86400 if self.first and self.last else 0.0


def shape(engine: Engine, tz: str = "UTC") -> Shape:
    """Look at the shop once. Event types count from 1% of the events on, the ten most frequent."""
    rows: dict[str, int] = {}
    columns: dict[str, frozenset[str]] = {}
    spans = []
    for name, table in TABLES.items():
        looked = _COUNTED.get(name, ())
        # A day without a holiday is null, so that one name in the calendar's column is enough.
        varied = " and min({0}) is distinct from max({0})" if name != "calendar" else ""
        parts = "".join(f", count({c}) > 0{varied.format(c)}" for c in looked)
        dated = name in ("orders", "lines", "events", "reviews", "satisfaction", "offers")
        time = ", min(occurred_at), max(occurred_at)" if dated else ""
        found = engine.rows(f"select count(*){parts}{time} from facts.{name}")[0]
        rows[name] = int(found[0])
        columns[name] = frozenset(c for c, there in zip(looked, found[1:], strict=False) if there)
        if dated and table.customer and found[-1]:
            spans.append((found[-2], found[-1]))
    types: tuple[str, ...] = ()
    if rows["events"]:
        types = tuple(
            str(r[0])
            for r in engine.rows(
                "select type from facts.events where type is not null group by type "
                "having count(*) * 100 >= (select count(*) from facts.events) order by count(*) desc, type limit 10"
            )
        )
    returns = bool(rows["lines"] and engine.value("select count(*) from facts.lines where kind = 'return'"))
    first = min((s[0] for s in spans), default=None)
    last = max((s[1] for s in spans), default=None)
    return Shape(rows, columns, types, returns, first, last, _last_by_day(engine, rows, last, tz))


def _last_by_day(engine: Engine, rows: dict[str, int], last: datetime | None, tz: str) -> tuple[datetime, ...]:
    if last is None:
        return ()
    union = " union all ".join(
        f"select occurred_at from facts.{t} where occurred_at > {literal(last - timedelta(days=29))}"
        for t in ("orders", "lines", "events")
        if rows[t]
    )
    if not union:
        return (last,)
    day = f"cast(local_time(occurred_at, {literal(tz)}) as date)"
    return tuple(r[0] for r in engine.rows(f"select max(occurred_at) from ({union}) group by {day} order by 1"))
