"""Stock-outs: periods in which a product could hardly be sold, so that its sales say little about its demand.

A stock level holds from its instant until the next one of the same product and store. A period is out of stock where
the level was 0 for half of it or more, all stores together unless the series are per store. It counts as censored where
it also sold less than the series usually does in stock: then the models are not told of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import cast

import numpy as np
from numpy.typing import NDArray

from footfall.engine import Engine, Query, literal, values_sql
from footfall.models.panel import Floats

Flags = NDArray[np.bool_]


def out_of_stock(
    engine: Engine,
    keys: tuple[str, ...],
    members: Sequence[tuple[str, ...]],
    edges: Sequence[datetime],
    as_of: datetime | None,
) -> Flags | None:
    """(n, T) the periods between `edges` that each member was out of stock for half or more, as known before `as_of`.

    None where the series are of no products, or there is no stock to go by.
    """
    if "product_id" not in keys or not engine.value("select count(*) from (select 1 from stock limit 1)"):
        return None
    stores = "store_id" in keys and engine.value("select count(*) from stock where store_id is not null") > 0
    by = ("product_id", "store_id") if stores else ("product_id",)
    found = engine.rows(_query(by, edges, as_of).sql(engine.dialect.name))
    spots = [keys.index(k) for k in by]
    rows: dict[tuple[str, ...], list[int]] = {}
    for i, member in enumerate(members):
        rows.setdefault(tuple(member[s] for s in spots), []).append(i)
    at = {start: i for i, start in enumerate(edges[:-1])}
    out = np.zeros((len(members), len(edges) - 1), dtype=bool)
    for *key, start in found:
        out[rows.get(tuple(str(k) for k in key), []), at[start]] = True
    return out


def _query(by: tuple[str, ...], edges: Sequence[datetime], as_of: datetime | None) -> Query:
    named = ", ".join(by)
    known = f" and known_at < {literal(as_of)}" if as_of is not None else ""
    grid = values_sql(["since", "until"], list(pairwise(edges)), "grid")
    end = literal(edges[-1])
    newest = f"""
select product_id, store_id, occurred_at, quantity,
  rank() over (partition by product_id, store_id, occurred_at order by known_at desc) as newest
from stock
where product_id is not null and occurred_at < {end}{known}"""
    told = """
select product_id, coalesce(store_id, '') as store_id, occurred_at,
  cast(greatest(max(quantity), 0) as decimal(18, 4)) as quantity
from newest
where newest = 1
group by product_id, coalesce(store_id, ''), occurred_at"""
    moves = f"""
select {named}, occurred_at,
  quantity - coalesce(lag(quantity) over (partition by product_id, store_id order by occurred_at), 0) as move
from told"""
    levels = f"""
select {named}, occurred_at as since,
  coalesce(lead(occurred_at) over (partition by {named} order by occurred_at), {end}) as until,
  sum(move) over (partition by {named} order by occurred_at) as level
from (select {named}, occurred_at, sum(move) as move from moves group by {named}, occurred_at) m"""
    gone = f"""
select {named}, g.since, g.until, sum(epoch(least(l.until, g.until)) - epoch(greatest(l.since, g.since))) as seconds
from levels l
join grid g on l.since < g.until and l.until > g.since
where l.level <= 0
group by {named}, g.since, g.until"""
    query = Query().then("grid", grid)
    for name, sql in {"newest": newest, "told": told, "moves": moves, "levels": levels, "gone": gone}.items():
        query = query.then(name, sql.strip())
    return query.then("out", f"select {named}, since from gone where 2 * seconds >= epoch(until) - epoch(since)")


def censored(values: Floats, out: Flags | None) -> Flags:
    """(n, T) where a series was out of stock and sold less than its mean in stock.

    A series keeps one observation at least: where all of it would be censored, nothing is.
    """
    if out is None:
        return np.zeros(values.shape, dtype=bool)
    here = np.isfinite(values)
    stocked = here & ~out
    count = stocked.sum(axis=1)
    usual = np.where(stocked, values, 0.0).sum(axis=1) / np.maximum(count, 1)
    found = here & out & (np.nan_to_num(values) < usual[:, None])
    found[~(here & ~found).any(axis=1)] = False
    return cast("Flags", found)
