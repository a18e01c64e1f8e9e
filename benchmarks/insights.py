"""Insights: category-bayes on 20 million events, its intervals against a known truth, and the look at 2 million rows.

`FOOTFALL_BENCH_EVENTS` sets the number of events (default 20 million), `FOOTFALL_BENCH_SEEDS` the number of shops that
the intervals are tried on (default 150).
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

import numpy as np
import pyarrow as pa
from scipy.special import expit
from scipy.stats import beta

from benchmarks.data import Result, Table, tell
from footfall.engine import DuckDBEngine
from footfall.insights import ask, ask_all, ground, insight, insights_named, keep, page_queries
from footfall.report import SECTIONS, Page, render
from footfall.tables import create_tables, refresh_known

SEED = 7
EVENTS = int(os.environ.get("FOOTFALL_BENCH_EVENTS", "20000000"))
SEEDS = int(os.environ.get("FOOTFALL_BENCH_SEEDS", "150"))
ROWS = 2_000_000
ABOUT = (
    f"`category-bayes` and `category-odds` on {EVENTS:,} events and a twentieth of that in order lines (40 categories, "
    "330 days, few customers with many events; drawn by hash, so the same each time), from the question to the "
    "sentence, on a file; wall and processor seconds, two threads. The look at the data (`explore`), from the "
    f"statements to the finished page, on a shop of {ROWS:,} events drawn likewise. The intervals: {SEEDS} small shops "
    "with 14 categories, most of them rare, whose true chances are known (drawn anew for each shop, and not from the "
    "Beta that the model assumes); customers differ for good in how often they look and buy, so that months of one "
    "customer are alike. The plain interval beside it is that of each category alone (Jeffreys), all pairs taken as "
    "independent."
)
_START = datetime(2025, 1, 1)


def run() -> Result:
    """Speed on a large shop, then the intervals on many small ones."""
    with tempfile.TemporaryDirectory(prefix="footfall-insights-") as name:
        tell(f"drawing {EVENTS:,} events")
        engine = DuckDBEngine(Path(name) / "large.duckdb", threads=2)
        _draw(engine, EVENTS)
        speed = [
            _timed(n, lambda n=n: ask(engine, ground(engine), insight(n))) for n in ("category-bayes", "category-odds")
        ]
        engine.close()
        engine = DuckDBEngine(Path(name) / "small.duckdb", threads=2)
        _draw(engine, ROWS)
        explore = _timed("explore, with its page", lambda: _page(engine))
        engine.close()
    tell(f"intervals on {SEEDS} shops")
    rows, held = _coverage()
    verdicts = {
        f"category-bayes on {EVENTS:,} events in under 10 s ({speed[0]['seconds']})": speed[0]["seconds"] < 10,
        f"explore of {ROWS:,} rows in under 30 s ({explore['seconds']})": explore["seconds"] < 30,
        f"the 95% intervals hold the truth in 93% to 97% of cases ({held:.1%})": 0.93 <= held <= 0.97,
    }
    tables = [Table("seconds", [*speed, explore]), Table("intervals that hold the true chance", rows)]
    return Result(ABOUT, SEED, tables, verdicts)


def _timed(what: str, work: Callable[[], Any]) -> dict[str, Any]:
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    work()
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"what": what, "seconds": round(seconds, 1), "processor seconds": round(used, 1)}


def _draw(engine: DuckDBEngine, events: int) -> None:
    """Fill an empty shop: customer, category and instant of each row by hash."""
    create_tables(engine)
    engine.execute("create or replace temp macro chance(i, seed) as (hash(i * 16 + seed) % 1000003) / 1000003.0")
    at = f"timestamp '{_START}' + to_microseconds(cast(chance(i, {{0}}) * 330 * 86400 as bigint) * 1000000) as happened"
    who = f"'c' || cast(floor(pow(chance(i, {{0}}), 3) * {events // 40}) as integer) as who"
    for table, columns, values, n, seed in (
        (
            "events",
            "event_id, type",
            "'e' || i, case when chance(i, 5) < 0.85 then 'view' else 'add_to_cart' end",
            1,
            1,
        ),
        ("lines", "order_id, kind", "'o' || i, 'sale'", 20, 11),
    ):
        engine.execute(
            f"insert into facts.{table} ({columns}, source, source_customer_id, occurred_at, known_at, category)\n"
            f"select {values}, 'drawn', who, happened, happened, 'k' || k from (\n  select i, {who.format(seed)}, "
            f"{at.format(seed + 1)}, cast(floor(chance(i, {seed + 2}) * 40) as integer) as k\n"
            f"  from range({events // n}) rows(i)\n)"
        )
    refresh_known(engine)


def _page(engine: DuckDBEngine) -> str:
    answers, left = ask_all(engine, ground(engine), insights_named("explore"))
    assert not left, left
    keep(engine, answers, _START)
    queries = page_queries(engine, explored=True)
    page = Page("A look", {}, "", {n: engine.fetch(q) for n, q in queries.items()}, queries)
    return render(page, [s for s in SECTIONS if s.name == "explore"])


# --- intervals ------------------------------------------------------------------------------------------------------

_CATEGORIES, _CUSTOMERS, _MONTHS = 14, 400, 7
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(40)


def _coverage() -> tuple[list[dict[str, Any]], float]:
    """Shares of intervals that hold the truth, by size of the category."""
    found: list[tuple[float, bool, float, bool, float]] = []
    for seed in range(SEEDS):
        engine, truth = _small_shop(np.random.default_rng(1000 + seed))
        for r in ask(engine, ground(engine), insight("category-bayes")).rows:
            true = truth[r["category"]]
            k, n = r["interested_buyers"], r["interested"]
            low, high = beta.ppf([0.025, 0.975], k + 0.5, n - k + 0.5)
            found.append(
                (n, r["lower"] <= true <= r["upper"], r["upper"] - r["lower"], low <= true <= high, high - low)
            )
        engine.close()
    rows = []
    for name, low, high in (("up to 10", 0, 10), ("11 to 50", 11, 50), ("more than 50", 51, 1e9), ("all", 0, 1e9)):
        of = np.array([f for f in found if low <= f[0] <= high], float)
        rows.append(
            {
                "pairs with interest": name,
                "categories": len(of),
                "held": of[:, 1].mean(),
                "width": of[:, 2].mean(),
                "held, plain": of[:, 3].mean(),
                "width, plain": of[:, 4].mean(),
            }
        )
    return rows, float(rows[-1]["held"])


def _small_shop(draw: np.random.Generator) -> tuple[DuckDBEngine, dict[str, float]]:
    """Customers looks and purchases over 8 months, and the chance of a purchase after more than 3 looks by category."""
    level = draw.normal(-1.6, 0.6, _CATEGORIES)
    taste, keen = draw.normal(0, 0.8, _CUSTOMERS), draw.normal(0, 0.5, _CUSTOMERS)
    truth = (expit(level[:, None] + 0.8 * _NODES) * _WEIGHTS).sum(1) / _WEIGHTS.sum()
    looks = np.exp(draw.uniform(np.log(0.25), np.log(2.5), _CATEGORIES))
    shape = (_MONTHS + 1, _CUSTOMERS, _CATEGORIES)
    n = draw.poisson(looks * np.exp(keen)[:, None], shape)
    chance = np.where(n > 3, expit(level + taste[:, None]), 0.2 * expit(level + taste[:, None]))
    bought = draw.random(shape) < chance
    month, who, category = np.nonzero(n)
    repeats = n[month, who, category]
    month, who, category = (np.repeat(a, repeats) for a in (month, who, category))
    then, buyer, of = np.nonzero(bought[:-1])  # bought in the month after
    engine = DuckDBEngine(threads=1)
    create_tables(engine)
    for table, m, c, k, more in (
        ("events", month, who, category, {"type": "view"}),
        ("lines", then + 1, buyer, of, {"kind": "sale"}),
    ):
        seconds = 30 * 86400 * m + draw.integers(1, 30 * 86400 - 1000, len(m))
        at = [_START + timedelta(seconds=s) for s in seconds.tolist()]
        columns = {"occurred_at": at, "known_at": at, "source_customer_id": [f"c{x}" for x in c]}
        fixed = {name: [value] * len(m) for name, value in {"source": "drawn", **more}.items()}
        engine.append(f"facts.{table}", pa.table({**columns, "category": [f"k{x}" for x in k], **fixed}))
    # A visitor nobody knows closes the last day, so that the months counted are the months drawn.
    close = _START + timedelta(days=30 * (_MONTHS + 1), seconds=-1)
    engine.execute(
        "insert into facts.events (source, type, occurred_at, known_at) values ('drawn', 'view', $1, $1)", [close]
    )
    return engine, {f"k{i}": float(t) for i, t in enumerate(truth)}
