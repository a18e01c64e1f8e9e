"""The peer of `who_buys`: about sixty lines of hand-written point-in-time SQL and LightGBM as it comes.

What a data scientist writes in an afternoon: recency, frequency and money over a few spans, returns, variety and
rhythm, one query per cutoff; weekly training cutoffs whose targets end before the test; default-like parameters.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import lightgbm as lgb
import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

SPANS = (7, 14, 30, 60, 90, 180)
PARAMETERS = {
    "objective": "binary", "learning_rate": 0.03, "num_leaves": 31, "min_data_in_leaf": 50,
    "verbosity": -1, "seed": 1, "num_threads": 2,
}  # fmt: skip


def open_raw(path: Path) -> duckdb.DuckDBPyConnection:
    """The raw sheet as two tables: sales by invoice, and returns by line."""
    raw = duckdb.connect()
    raw.execute(f"""
        create table raw as select distinct InvoiceNo as invoice, StockCode as item, cast(Quantity as int) as quantity,
          cast(InvoiceDate as timestamp) as moment, cast(UnitPrice as decimal(12, 2)) as price,
          cast(cast(CustomerID as double) as int) as customer
        from read_csv('{path}', all_varchar = true) where CustomerID is not null""")
    raw.execute("""
        create table sales as select customer, invoice, min(moment) as moment, sum(quantity * price) as amount,
          count(*) as lines, count(distinct item) as items, sum(quantity) as units
        from raw where quantity > 0 and price > 0 and invoice not like 'C%' group by 1, 2""")
    raw.execute(
        "create table returns as select customer, moment, -quantity * price as amount from raw where quantity < 0"
    )
    return raw


def features(raw: duckdb.DuckDBPyConnection, cutoff: datetime) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(n,) customers with a purchase before the cutoff and (n, d) features, from what lies before it."""
    t = f"timestamp '{cutoff}'"
    spans = ", ".join(
        f"count(*) filter (where moment >= {t} - interval {s} day), "
        f"coalesce(sum(s.amount) filter (where moment >= {t} - interval {s} day), 0)"
        for s in SPANS
    )
    table = raw.execute(f"""
        with s as (select * from sales where moment < {t}), r as (select * from returns where moment < {t}),
        gaps as (
          select customer, epoch(moment - lag(moment) over (partition by customer order by moment)) / 86400 as gap
          from s
        ),
        rhythm as (
          select customer, avg(gap) as mean_gap, median(gap) as usual, stddev_samp(gap) as spread from gaps group by 1
        ),
        back as (select customer, count(*) as n, sum(amount) as amount, max(moment) as last from r group by 1)
        select s.customer, epoch({t} - max(moment)) / 86400 as recency, epoch({t} - min(moment)) / 86400 as tenure,
          count(*) as orders, sum(s.amount) as spend, avg(s.amount), max(s.amount), avg(lines), avg(items), sum(units),
          {spans},
          any_value(mean_gap), any_value(usual), any_value(spread),
          (epoch({t} - max(moment)) / 86400) / nullif(any_value(mean_gap), 0), count(distinct cast(moment as date)),
          coalesce(any_value(back.n), 0), coalesce(any_value(back.amount), 0), epoch({t} - any_value(back.last)) / 86400
        from s left join rhythm using (customer) left join back using (customer)
        group by 1 order by 1""").to_arrow_table()
    columns = [pc.cast(c, "double").to_numpy(zero_copy_only=False) for c in table.columns]
    return columns[0].astype(np.int64), np.column_stack(columns[1:])


def bought(raw: duckdb.DuckDBPyConnection, who: NDArray[np.int64], cutoff: datetime, horizon: int) -> NDArray[np.bool_]:
    """(n,) whether these customers order in the `horizon` days from the cutoff."""
    found = raw.execute(
        f"""select distinct customer from sales
        where moment >= timestamp '{cutoff}' and moment < timestamp '{cutoff}' + interval {horizon} day"""
    ).fetchall()
    return np.isin(who, [r[0] for r in found])


def answer(
    raw: duckdb.DuckDBPyConnection, cutoff: datetime, horizon: int, weeks: int = 40
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(n,) customers and their chances of an order in `horizon` days from the cutoff."""
    first = raw.execute("select min(moment) from sales").fetchone()[0]
    xs, ys = [], []
    for week in range(weeks):
        t = cutoff - timedelta(days=horizon + 7 * week)
        if t < first + timedelta(days=min(28, horizon)):
            break
        who, x = features(raw, t)
        xs.append(x)
        ys.append(bought(raw, who, t, horizon))
    model = lgb.train(PARAMETERS, lgb.Dataset(np.vstack(xs), np.concatenate(ys)), 200)
    who, x = features(raw, cutoff)
    return who, model.predict(x)
