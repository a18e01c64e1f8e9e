"""What windows stand beside: the spine, one row per entity and cutoff, and the cutoffs with their boundaries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from footfall.engine import Query, values_sql
from footfall.errors import UsageError, did_you_mean
from footfall.spans import Span, midnight, shift

KEYS: dict[str, tuple[str, ...]] = {
    "customer": ("customer_id",),
    "product": ("product_id",),
    "category": ("category",),
    "brand": ("brand",),
    "store": ("store_id",),
    "channel": ("channel",),
    "series": ("series",),
    "all": (),
}
"""Entity -> the columns that tell its members apart."""


def key_columns(entity: str | tuple[str, ...]) -> tuple[str, ...]:
    """The key columns of an entity (one, or a tuple of several). Raises UsageError for an unknown one."""
    names = (entity,) if isinstance(entity, str) else entity
    for name in names:
        if name not in KEYS:
            raise UsageError(f"there is no entity '{name}'{did_you_mean(name, KEYS)}")
    return tuple(c for n in names for c in KEYS[n])


@dataclass(frozen=True)
class Frame:
    """Keys of the spine, its cutoffs (naive UTC, in order) and the shop's time zone.

    `as_of` bounds what a target may know: rows that reach the business at or after it do not exist yet. `tiled` says
    that a window ahead ends where the next cutoff's begins, as the periods of a series do: each fact then lies in one
    of them, and is brought there by its instant alone instead of beside every cutoff of its key.
    """

    keys: tuple[str, ...]
    cutoffs: tuple[datetime, ...]
    tz: str = "UTC"
    as_of: datetime | None = None
    tiled: bool = False

    def bound(self, cutoff: datetime, of: Span, ahead: bool) -> datetime:
        return shift(cutoff, of, 1 if ahead else -1, self.tz)

    def aligned(self, spans: Iterable[Span]) -> bool:
        """True when every boundary is a local midnight, so that facts may be rolled up by day."""
        instants = [*self.cutoffs, *([self.as_of] if self.as_of else [])]
        return all(midnight(c, self.tz) == c for c in instants) and all(s.unit != "h" for s in spans)


def past_name(of: Span) -> str:
    return f"past_{of}"


def next_name(of: Span) -> str:
    return f"next_{of}"


def cutoffs_sql(frame: Frame, past: Iterable[Span], ahead: Iterable[Span]) -> str:
    """The cutoffs, each with the boundary of every span: `cutoff, past_30d, ..., next_7d, ...`."""
    back = sorted(set(past), key=lambda s: (s.days, str(s)))
    forth = sorted(set(ahead), key=lambda s: (s.days, str(s)))
    columns = ["cutoff", *(past_name(s) for s in back), *(next_name(s) for s in forth)]
    rows = [
        [c, *(frame.bound(c, s, False) for s in back), *(frame.bound(c, s, True) for s in forth)] for c in frame.cutoffs
    ]
    return values_sql(columns, rows, "cutoff")


@dataclass(frozen=True)
class Sample:
    """Keep the share `rate` of the spine, chosen by hash: the same rows on every run and every engine."""

    rate: float = 1.0
    seed: int = 0

    def sql(self, keys: tuple[str, ...], of: str) -> str:
        if self.rate >= 1:
            return ""
        edge = f"{int(max(self.rate, 0) * 16**8):08x}"
        parts = " || '|' || ".join([f"{of}.{k}" for k in keys])
        return f"md5({parts} || '|' || cast({of}.cutoff as varchar) || '|{self.seed}') < '{edge}'"


BUSIEST = 30
"""Categories, brands or stores that a spine of several keys holds at most, unless told otherwise."""


def spine_steps(
    query: Query, frame: Frame, sample: Sample | None = None, busiest: int = BUSIEST, customers: str | None = None
) -> Query:
    """`query`, which has a step `cutoffs`, with the step `spine`: each member of the entity known before each cutoff.

    Customers come from `known_customers`, or from the table `customers` (customer_id, cutoff) where one is given.
    Products, categories, brands and stores are those with a line known before the cutoff (of categories, brands and
    stores only the `busiest`). Several keys make every combination.
    """
    steps = []
    for key in frame.keys:
        step = "known" if key == "customer_id" else f"known_{key}"
        query = query.then(step, _members_sql(key, busiest, customers))
        steps.append(step)
    if not steps:
        return query.then("spine", "select cutoff from cutoffs")
    first = steps[0]
    columns = ", ".join(f"{s}.{k}" for s, k in zip(steps, frame.keys, strict=True))
    joins = "".join(f"\njoin {s} on {s}.cutoff = {first}.cutoff" for s in steps[1:])
    where = (sample or Sample()).sql(("customer_id",) if "customer_id" in frame.keys else frame.keys, first)
    return query.then(
        "spine",
        f"select {columns}, {first}.cutoff\nfrom {first}{joins}" + (f"\nwhere {where}" if where else ""),
    )


def _members_sql(key: str, busiest: int, customers: str | None) -> str:
    if key == "customer_id" and customers:
        return f"select k.customer_id, t.cutoff\nfrom cutoffs t\njoin {customers} k on k.cutoff = t.cutoff"
    if key == "customer_id":
        return "select k.customer_id, t.cutoff\nfrom cutoffs t\njoin known_customers k on k.known_from < t.cutoff"
    rank = f"row_number() over (partition by t.cutoff order by count(*) desc, f.{key})"
    limit = "" if key == "product_id" else f"\nqualify {rank} <= {busiest}"
    return (
        f"select f.{key}, t.cutoff\nfrom cutoffs t\n"
        f"join {'orders' if key == 'channel' else 'lines'} f on f.occurred_at < t.cutoff and f.known_at < t.cutoff\n"
        f"where f.{key} is not null\ngroup by f.{key}, t.cutoff{limit}"
    )
