"""What is known beside the series themselves: holidays, promotions, prices and outside data, by period.

A column enters where it is known for every period ahead, as the business knew it at the cutoff (`known_at`). One that
ends before the horizon does is known of the past only: no forecast may use it, and a note says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from footfall.engine import Engine, literal
from footfall.models.panel import Days, Floats, filled
from footfall.spans import zone

MARKS = ("holiday", "promotion")


@dataclass(frozen=True)
class Dates:
    """The instants (naive UTC) that all periods start at, those ahead included, the end of the last one, and the
    cutoff, of a shop in time zone `tz`."""

    starts: tuple[datetime, ...]
    end: datetime
    cutoff: datetime
    tz: str = "UTC"

    @property
    def days(self) -> Days:
        """(T + h + 1) the local days of the starts and of the end."""
        return days_of([*self.starts, self.end], self.tz)

    @property
    def known(self) -> str:
        """The condition that a row was known at the cutoff."""
        return f"coalesce(known_at, timestamp '1900-01-01') < {literal(self.cutoff)}"

    @property
    def past(self) -> int:
        """Periods before the cutoff."""
        return sum(start < self.cutoff for start in self.starts)


def known_columns(
    engine: Engine, of: Dates, stores: Sequence[str] | None = None, products: Sequence[str] | None = None
) -> tuple[dict[str, Floats], tuple[str, ...]]:
    """name -> (series or 1, periods), and notes on what was left out.

    `holiday` and `promotion`: days so marked in each period. The table `outside`: each name's mean over the period, the
    value before where a past period has none. `price` (of products): the list price at the start of the period beside
    the product's usual one. `stores`, `products`: what each series is of; None: all together.
    """
    known, notes = _marks(engine, of, stores)
    more, left = _outside(engine, of, stores, products)
    price = _prices(engine, of, products) if products is not None else {}
    return {**more, **price, **known}, (*notes, *left)


def _outside(
    engine: Engine, of: Dates, stores: Sequence[str] | None, products: Sequence[str] | None
) -> tuple[dict[str, Floats], list[str]]:
    """The names of the table `outside`."""
    days, size = of.days, len(of.starts)
    where = f"value is not null and date >= date '{days[0]}' and date < date '{days[-1]}' and {of.known}"
    known: dict[str, Floats] = {}
    notes = []
    for (name,) in engine.rows(f"select distinct name from outside where {where} order by name"):
        found = engine.fetch(
            "select coalesce(store_id, '') as store, coalesce(product_id, '') as product, date, value from outside "
            f"where name = {literal(name)} and {where} order by all"
        )
        at = np.searchsorted(days, found.column("date").to_numpy().astype("datetime64[D]"), side="right") - 1
        value = found.column("value").to_numpy().astype(np.float64)
        use: NDArray[np.bool_] = np.ones(len(value), dtype=bool)
        rows, owner = 1, np.zeros(len(value), dtype=np.int64)
        for column, asked in (("store", stores), ("product", products)):
            told = np.asarray(found.column(column).to_pylist(), dtype=object)
            if asked is not None and (told != "").any():
                index = {member: i for i, member in enumerate(asked)}
                owner, rows = np.asarray([index.get(t, -1) for t in told], dtype=np.int64), len(asked)
                use = owner >= 0
                break
        total, count = np.zeros((rows, size)), np.zeros((rows, size))
        np.add.at(total, (owner[use], at[use]), value[use])
        np.add.at(count, (owner[use], at[use]), 1.0)
        mean = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
        if np.isnan(mean[:, of.past :]).all(axis=0).any():
            notes.append(f"{name} is known of the past only, so no forecast uses it")
        elif name not in MARKS:
            known[name] = filled(mean)
    return known, notes


def _prices(engine: Engine, of: Dates, products: Sequence[str]) -> dict[str, Floats]:
    """`price` (n, periods), where list prices moved; the planned ones are those known at the cutoff."""
    found = engine.fetch(
        "select product_id, occurred_at, avg(cast(price as double)) as price from prices "
        f"where price > 0 and occurred_at < {literal(of.end)} and known_at < {literal(of.cutoff)} "
        "group by all order by product_id, occurred_at"
    )
    index = {product: i for i, product in enumerate(products)}
    owner = np.asarray([index.get(p, -1) for p in found.column("product_id").to_pylist()], dtype=np.int64)
    at = np.searchsorted(
        np.asarray(of.starts, dtype="datetime64[us]"), found.column("occurred_at").to_numpy().astype("datetime64[us]")
    )
    table = np.full((len(products), len(of.starts)), np.nan)
    use = (owner >= 0) & (at < len(of.starts))
    table[owner[use], at[use]] = found.column("price").to_numpy()[use]
    table = filled(table)
    seen: NDArray[np.bool_] = np.asarray(np.isfinite(table[:, : of.past]).any(axis=1))
    usual = np.ones(len(products))
    usual[seen] = np.nanmean(table[seen, : of.past], axis=1)
    relative = np.where(seen[:, None], table / usual[:, None], np.nan)
    moved = np.isfinite(relative) & (np.abs(relative - 1) > 1e-9)  # a constant tells nothing
    return {"price": np.where(np.isfinite(relative), relative, 1.0)} if moved.any() else {}


def days_of(starts: Sequence[datetime], tz: str) -> Days:
    """The local day of each instant."""
    local = [s.replace(tzinfo=UTC).astimezone(zone(tz)).date() for s in starts]
    return np.asarray(local, dtype="datetime64[D]")


def _marks(engine: Engine, of: Dates, stores: Sequence[str] | None) -> tuple[dict[str, Floats], list[str]]:
    """`holiday` and `promotion`: days so marked in each period, as known at the cutoff; shape (series or 1, periods).

    A column whose marks do not reach into the horizon is known of the past only: it is left out, and a note says so.
    """
    starts, days, cutoff = of.starts, of.days, of.cutoff
    known: dict[str, Floats] = {}
    notes: list[str] = []
    for name in ("holiday", "promotion"):
        found = engine.fetch(
            f"select store_id, date from calendar where {name} is not null and date < date '{days[-1]}' "
            f"and coalesce(known_at, timestamp '1900-01-01') < {literal(cutoff)} group by all order by all"
        )
        if not found.num_rows:
            continue
        reach = engine.value(
            f"select max(date) from calendar where coalesce(known_at, timestamp '1900-01-01') < {literal(cutoff)}"
        )
        last = engine.value(
            f"select max(date) from calendar where {name} is not null "
            f"and coalesce(known_at, timestamp '1900-01-01') < {literal(cutoff)}"
        )
        marked = found.column("date").to_numpy().astype("datetime64[D]")
        ahead = days[len(days) - 1 - int(np.sum(np.asarray(starts) >= np.datetime64(cutoff)))]
        # A plan may hold no promotion within the horizon; one whose last mark lies in the past is no plan.
        if np.datetime64(reach) < days[-2] or (name == "promotion" and np.datetime64(last) < ahead):
            notes.append(f"{name} is known of the past only, so no forecast uses it")
            continue
        where = np.asarray(["" if s is None else str(s) for s in found.column("store_id").to_pylist()])
        at = np.searchsorted(days, marked, side="right") - 1
        inside = (at >= 0) & (at < len(starts))
        wanted: list[str | None] = list(dict.fromkeys(stores)) if stores is not None else [None]
        table = np.zeros((len(wanted), len(starts)))
        for i, store in enumerate(wanted):
            mine = inside & ((where == store) | (where == "")) if store is not None else inside
            here = np.unique(marked[mine])
            np.add.at(table[i], np.searchsorted(days, here, side="right") - 1, 1.0)
        same = stores is None or (table == table[0]).all()
        known[name] = table[:1] if same else table[[wanted.index(s) for s in stores or ()]]
    return known, notes
