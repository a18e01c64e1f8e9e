"""Simulated shops: how near the answers come to an oracle that knows every customer's hidden state."""

from __future__ import annotations

import tempfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from benchmarks.data import Result, Table, shop_of, tell
from footfall.answers import ready
from footfall.evaluate import Part, bootstrap_cutoffs
from footfall.shop import Shop
from footfall.simulate import Dials, simulate
from footfall.tasks import CATALOGUE, Task

SEED, DRAWS, TESTS = 7, 300, 3
CUSTOMERS, DAYS = 4000, 400
TASKS = ("buy-7d", "buy-30d", "churn-90d", "become-customer-30d")
START = date(2025, 6, 1)
END = datetime.combine(START + timedelta(days=DAYS), time())
CUTOFFS = tuple((END - timedelta(days=d)).date() for d in (35, 70, 105, 91, 126, 161))
"""The last test cutoffs of horizons of 30 and 90 days; those of 7 days are in the truth anyway."""
ABOUT = (
    f"One simulated shop ({CUSTOMERS:,} customers, {DAYS} days, with its mess), the last {TESTS} test cutoffs of each "
    "task. The oracle's chance is computed from each customer's hidden rate, mood, grievance and presence at the "
    "cutoff, and from the coming promotions; no feature can express it. It is the ceiling, not a peer. Intervals: 95%, "
    "customers resampled."
)


def run() -> Result:
    """Needs no data."""
    with tempfile.TemporaryDirectory(prefix="footfall-oracle-") as folder:
        made = simulate(Path(folder) / "shop", CUSTOMERS, DAYS, SEED, Dials(cutoffs=CUTOFFS))
        truth = _truth(made.truth / "propensity.parquet")
        rows, verdicts = [], {}
        with shop_of(made.folder, "simulated") as shop:
            for name in TASKS:
                tell(name)
                found = _task(shop, CATALOGUE[name], truth)
                rows += found
                by = {r["model"]: r for r in found}
                held = by["baseline"]["auc"] < by["ours"]["auc"] <= by["oracle"]["auc"]
                verdicts[f"{name}: above the baseline, and not above the oracle (a leak)"] = bool(held)
    return Result(ABOUT, SEED, [Table(f"mean over {TESTS} cutoffs", rows)], verdicts)


def _truth(path: Path) -> dict[tuple[datetime, int], dict[str, float]]:
    """(cutoff, horizon in days) -> customer -> known chance of an order."""
    found: dict[tuple[datetime, int], dict[str, float]] = {}
    rows = duckdb.sql(f"select cutoff, horizon_days, customer_id, chance from '{path}'").fetchall()
    for cutoff, horizon, customer, chance in rows:
        found.setdefault((cutoff, horizon), {})[customer] = chance
    return found


def _task(shop: Shop, task: Task, truth: dict[tuple[datetime, int], dict[str, float]]) -> list[dict[str, Any]]:
    one = ready(shop.context, [task], at=END, tests=TESTS)[task.name]
    one.trainer.warm(["baseline", "boosted"], one.plan.test)
    parts, unknown = [], 0
    for at in one.plan.test:
        matrix = one.trainer.test(at)
        known = truth[at, int(task.span.days)]
        ids = matrix.table.column("customer_id").to_pylist()
        chance = np.asarray([known.get(c, np.nan) for c in ids])
        told = np.isfinite(chance)
        unknown += int((~told).sum())
        if task.target.function == "none":
            chance = 1.0 - chance
        answers = {"oracle": chance[told]}
        for name, model in (("ours", "boosted"), ("baseline", "baseline")):
            answers[name] = one.trainer.fit(model, at).predict(matrix).value[told]
        assert matrix.y is not None
        parts.append(Part(matrix.y[told], answers, matrix.clusters[told]))
    metrics = {m: bootstrap_cutoffs(m, parts, "oracle", DRAWS, SEED) for m in ("auc", "average_precision", "brier")}
    rows = []
    for model in ("oracle", "ours", "baseline"):
        e = metrics["auc"][model]
        rows.append(
            {"task": task.name, "model": model, "rows": sum(len(p.y) for p in parts)}
            | {"base": float(np.mean(np.concatenate([p.y for p in parts])))}
            | {m: metrics[m][model].value for m in metrics}
            | {"auc 95%": f"{e.lower:.4f} .. {e.upper:.4f}", "without truth": unknown}
        )
    return rows
