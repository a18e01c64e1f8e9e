"""Speed: loading, features and a whole run on a simulated shop, beside DuckDB by hand.

`FOOTFALL_BENCH_CUSTOMERS` sets the size: 20000 (the default) makes about 2 million events, 200000 about 20 million.
Loading is compared with DuckDB's own reader putting the same files into tables; features with hand-written SQL for the
same windows at the same six cutoffs (two-level distinct counts). Both sides run in this process, one after the other.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.data import Result, Table, tell
from footfall import events, lines, orders, simulate
from footfall.answers import MODELS
from footfall.engine import DuckDBEngine
from footfall.shop import Shop
from footfall.windows import Frame, Past, Ratio, Spine, Window, compile_windows

SEED = 7
CUSTOMERS = int(os.environ.get("FOOTFALL_BENCH_CUSTOMERS", "20000"))
KINDS = ("view", "click", "add_to_cart", "remove_from_cart", "search")
SPANS = (1, 3, 7, 14, 30, 90)
ABOUT = (
    f"A simulated shop of {CUSTOMERS:,} web customers over 365 days (`footfall simulate`, seed {SEED}), two cores. "
    "Seconds are wall time; a ratio is ours over the peer's, both run here."
)


def run() -> Result:
    """Simulate, then measure each stage."""
    with tempfile.TemporaryDirectory(prefix="footfall-speed-") as name:
        folder = Path(name)
        tell("simulating")
        made, seconds = _timed(lambda: simulate(folder / "raw", CUSTOMERS, 365, SEED))
        tables = [Table("simulate", [{"events": made.rows["events"], "seconds": seconds}])]
        path = folder / "shop.duckdb"
        tell("loading JSON lines and CSV")
        load = [_load(folder / "raw", path)]
        with Shop(path) as shop:
            load += _clickstream(shop, folder)
            tables.append(Table("load, against DuckDB's own reader", load))
            tell("features")
            tables.append(Table("features of all customers at 6 cutoffs, against SQL by hand", _features(shop.engine)))
            tell("footfall run")
            done, seconds = _timed(lambda: shop.run(MODELS))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        stages = [{"stage": s, "seconds": t} for s, t in done.seconds.items()]
        tables.append(Table("footfall run", [*stages, {"stage": "in all", "seconds": seconds}]))
        tables.append(Table("memory of the whole benchmark", [{"peak GB": round(peak, 2)}]))
    ratios = {r["what"]: r["ratio"] for t in tables[1:3] for r in t.rows if "ratio" in r}
    verdicts = {
        f"{what} at most {3 if 'features' not in what else 2} times the peer": ratio
        <= (3 if "features" not in what else 2)
        for what, ratio in ratios.items()
    }
    return Result(ABOUT, SEED, tables, verdicts)


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = work()
    return result, round(time.perf_counter() - start, 2)


def _row(what: str, rows: int, ours: float, peer: float) -> dict[str, Any]:
    return {"what": what, "rows": rows, "ours": ours, "peer": peer, "ratio": round(ours / peer, 2)}


def _load(raw: Path, path: Path) -> dict[str, Any]:
    """All files of the export: JSON lines with nested items, and CSV."""
    with Shop(path) as shop:
        report, ours = _timed(lambda: shop.load(raw, "simulated"))
        rows = int(shop.engine.value("select sum(rows_read) from loads"))
    del report
    own = duckdb.connect(str(path.with_name("own.duckdb")))

    def read() -> None:
        own.execute(f"create table events as select * from read_json_auto('{raw}/events-*.jsonl')")
        for file in sorted(raw.glob("*.csv")):
            own.execute(f"create table {file.stem} as select * from read_csv_auto('{file}')")

    _, peer = _timed(read)
    own.close()
    path.with_name("own.duckdb").unlink()
    return _row("JSON lines and CSV", rows, ours, peer)


def _clickstream(shop: Shop, folder: Path) -> list[dict[str, Any]]:
    """The same events as a plain clickstream, CSV and gzip CSV, through the source rees46."""
    sql = (
        "select strftime(occurred_at, '%Y-%m-%d %H:%M:%S UTC') as event_time, "
        "case type when 'add_to_cart' then 'cart' else type end as event_type, product_id, "
        "hash(category) % 1000 as category_id, category as category_code, brand, price, "
        "customer_id as user_id, session_id as user_session from events where type in "
        "('view', 'add_to_cart', 'remove_from_cart', 'purchase') and product_id is not null"
    )
    found = []
    for name, option in (("clicks.csv", ""), ("clicks.csv.gz", ", compression gzip")):
        file = folder / name
        shop.engine.execute(f"copy ({sql}) to '{file}' (header{option})")
        tell(f"loading {name}")
        with Shop(folder / "clicks.duckdb") as fresh:
            _, ours = _timed(lambda file=file, fresh=fresh: fresh.load(file, "rees46"))
            rows = int(fresh.engine.value("select sum(rows_read) from loads"))
        own = duckdb.connect(str(folder / "own.duckdb"))
        _, peer = _timed(
            lambda file=file, own=own: own.execute(f"create table t as select * from read_csv_auto('{file}')")
        )
        own.close()
        for left in ("own.duckdb", "clicks.duckdb", name):
            (folder / left).unlink()
        found.append(_row("gzip CSV" if option else "CSV", rows, ours, peer))
    return found


def windows() -> dict[str, Window]:
    """About sixty windows of the catalogue."""
    found: list[Past | Ratio] = []
    for kind in KINDS:
        of = events.where(type=kind)
        found += [of.count().past(f"{s}d") for s in SPANS] + [of.recency().past()]
    for column in ("product_id", "session_id"):
        found += [events.nunique(column).past(s) for s in ("7d", "30d")]
    found += [events.count().past(), orders.recency().past(), orders.tenure().past(), orders.count().past()]
    found += [orders.count().past(f"{s}d") for s in (7, 30, 90, 180)]
    found += [orders.sum("amount").past(s) for s in ("30d", "90d", "180d")] + [orders.sum("amount").past()]
    sold = lines.where(kind="sale")
    found += [
        sold.sum("quantity").past("90d"),
        sold.nunique("product_id").past("90d"),
        sold.nunique("product_id").past(),
    ]
    return {w.name: w for w in found}


def hand_sql(t: datetime) -> str:
    """The same windows as a person would write them for one cutoff."""
    known = f"occurred_at < timestamp '{t}' and known_at < timestamp '{t}'"

    def since(days: int) -> str:
        return f"timestamp '{t - timedelta(days=days)}'"

    clicks = ", ".join(
        f"count(*) filter (where type = '{k}' and occurred_at >= {since(s)}) as {k}_{s}" for k in KINDS for s in SPANS
    ) + ", " + ", ".join(f"max(occurred_at) filter (where type = '{k}') as {k}_last" for k in KINDS)  # fmt: skip
    bought = ", ".join(f"count(*) filter (where occurred_at >= {since(s)}) as orders_{s}" for s in (7, 30, 90, 180))
    spent = ", ".join(f"sum(amount) filter (where occurred_at >= {since(s)}) as spend_{s}" for s in (30, 90, 180))
    distinct = "".join(
        f", {c}_v as (select customer_id, {c}, max(occurred_at) as last from events "
        f"where {known} and occurred_at >= {since(30)} and {c} is not null group by 1, 2), "
        f"{c}_n as (select customer_id, count(*) filter (where last >= {since(7)}) as {c}_7, count(*) as {c}_30 "
        f"from {c}_v group by 1)"
        for c in ("product_id", "session_id")
    )
    return f"""
        with k as (select customer_id from known_customers where known_from < timestamp '{t}'),
        e as (select customer_id, count(*) as n, {clicks} from events where {known} group by 1),
        o as (select customer_id, count(*) as orders, sum(amount) as spend, max(occurred_at) as last,
              min(occurred_at) as first, {bought}, {spent} from orders where {known} group by 1),
        l as (select customer_id, sum(quantity) filter (where occurred_at >= {since(90)}) as units from lines
              where {known} and kind = 'sale' group by 1),
        p_v as (select customer_id, product_id, max(occurred_at) as last from lines
                where {known} and kind = 'sale' group by 1, 2),
        p as (select customer_id, count(*) filter (where last >= {since(90)}) as items_90, count(*) as items
              from p_v group by 1)
        {distinct}
        select k.customer_id, timestamp '{t}' as cutoff, e.* exclude (customer_id), o.* exclude (customer_id),
          l.units, p.items_90, p.items, product_id_n.* exclude (customer_id), session_id_n.* exclude (customer_id)
        from k left join e using (customer_id) left join o using (customer_id) left join l using (customer_id)
        left join p using (customer_id) left join product_id_n using (customer_id)
        left join session_id_n using (customer_id)"""


def _features(engine: DuckDBEngine) -> list[dict[str, Any]]:
    end: datetime = engine.value("select date_trunc('day', max(occurred_at)) from orders")
    cutoffs = tuple(end - timedelta(days=28 * k) for k in range(5, -1, -1))
    query = compile_windows(Frame(("customer_id",), cutoffs), windows(), Spine())

    def by_hand() -> None:
        for i, t in enumerate(cutoffs):
            engine.execute(("create or replace table by_hand as " if i == 0 else "insert into by_hand ") + hand_sql(t))

    _, peer = _timed(by_hand)
    made, ours = _timed(lambda: engine.materialise(query, "by_windows"))
    same = engine.rows(
        "select count(*), sum(abs(coalesce(a.view_30, 0) - b.events_view_count_30d)), "
        "sum(abs(coalesce(a.product_id_30, 0) - b.events_product_id_nunique_30d)), "
        "sum(abs(coalesce(a.spend, 0) - b.orders_amount_sum)) "
        "from by_hand a join by_windows b using (customer_id, cutoff)"
    )[0]
    assert same[0] == made.count() and not any(same[1:]), f"the two sides differ: {same}"
    engine.execute("drop table by_hand")
    engine.execute("drop table by_windows")
    return [_row(f"features, {len(windows())} windows x {same[0]:,} rows", int(same[0]), ours, peer)]
