"""Features beside featuretools, on a sample small enough for it.

featuretools needs its own environment (`pip install featuretools 'setuptools<81' 'pandas<3'` beside Footfall); skipped
without it.
`FOOTFALL_BENCH_SAMPLE` sets the customers of the simulated shop (default 5000).
"""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.data import Result, Skipped, Table, tell
from footfall import events, orders, simulate
from footfall.shop import Shop
from footfall.windows import Frame, Past, Spine, compile_windows

SEED = 7
CUSTOMERS = int(os.environ.get("FOOTFALL_BENCH_SAMPLE", "5000"))
SPANS = (7, 30, 90)
ABOUT = (
    f"A simulated shop of {CUSTOMERS:,} customers over 365 days, 40 weekly cutoffs as in training: counts of events "
    "and orders, spend (sum, mean, greatest) and different products over 7, 30 and 90 days. featuretools computes one "
    "training window a call, in one process."
)


def run() -> Result:
    """Skipped where featuretools is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import featuretools as ft
    except ImportError:
        raise Skipped("featuretools is not installed here; it wants an environment of its own") from None
    with tempfile.TemporaryDirectory(prefix="footfall-ft-") as folder, Shop(Path(folder) / "shop.duckdb") as shop:
        simulate(Path(folder) / "raw", CUSTOMERS, 365, SEED)
        shop.load(Path(folder) / "raw", "simulated")
        end: datetime = shop.engine.value("select date_trunc('day', max(occurred_at)) from orders")
        cutoffs = tuple(end - timedelta(days=7 * k) for k in range(39, -1, -1))
        tell("featuretools")
        rows, peer = _featuretools(ft, shop, cutoffs)
        wanted: dict[str, Any] = {}
        for s in SPANS:
            for a in (events.count(), events.nunique("product_id"), orders.count(), orders.sum("amount"),
                      orders.mean("amount"), orders.max("amount")):  # fmt: skip
                window: Past = a.past(f"{s}d")
                wanted[window.name] = window
        start = time.perf_counter()
        made = shop.engine.materialise(compile_windows(Frame(("customer_id",), cutoffs), wanted, Spine()), "by_windows")
        ours = time.perf_counter() - start
        row = {
            "rows": made.count(),
            "columns": len(wanted),
            "ours": round(ours, 3),
            "featuretools": round(peer, 2),
            "times faster": round(peer / ours, 1),
        }
        assert made.count() == rows
    return Result(
        ABOUT, SEED, [Table("seconds", [row])], {"at least 20 times faster than featuretools": peer / ours >= 20}
    )


def _featuretools(ft: Any, shop: Shop, cutoffs: tuple[datetime, ...]) -> tuple[int, float]:
    """Rows made, and seconds of the calls that make the features (loading its tables is not counted)."""
    import pandas as pd

    def frame(sql: str) -> Any:
        made = shop.engine.fetch(sql).to_pandas()
        times = ["occurred_at"] if "occurred_at" in made else []
        return made.astype(dict.fromkeys(times, "datetime64[ns]"))

    customers = frame("select customer_id from known_customers")
    clicks = frame(
        "select row_number() over () as id, customer_id, occurred_at, product_id from events "
        "where known_at = occurred_at"
    )
    bought = frame(
        "select order_id, customer_id, occurred_at, cast(amount as double) as amount from orders "
        "where customer_id is not null"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        es = ft.EntitySet("shop")
        es.add_dataframe(dataframe_name="customers", dataframe=customers, index="customer_id")
        es.add_dataframe(
            dataframe_name="events",
            dataframe=clicks,
            index="id",
            time_index="occurred_at",
            logical_types={"occurred_at": "Datetime", "product_id": "Categorical"},
        )
        es.add_dataframe(
            dataframe_name="orders",
            dataframe=bought,
            index="order_id",
            time_index="occurred_at",
            logical_types={"occurred_at": "Datetime"},
        )
        es.add_relationship("customers", "customer_id", "events", "customer_id")
        es.add_relationship("customers", "customer_id", "orders", "customer_id")
        known = shop.engine.rows("select customer_id, known_from from known_customers")
        times = pd.DataFrame([(c, t) for t in cutoffs for c, k in known if k < t], columns=["customer_id", "time"])
        times["time"] = times["time"].astype("datetime64[ns]")
        start = time.perf_counter()
        for s in SPANS:
            ft.dfs(
                entityset=es, target_dataframe_name="customers", cutoff_time=times, training_window=f"{s} days",
                agg_primitives=["count", "sum", "mean", "max", "num_unique"], trans_primitives=[], max_depth=1,
            )  # fmt: skip
        return len(times), time.perf_counter() - start
