"""Online Retail: who orders in the next 7 and 30 days, beside hand-written SQL and LightGBM at the same cutoffs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import numpy as np

from benchmarks import peer_sql
from benchmarks.data import Result, Table, data_path, shop_of, span, tell
from footfall.answers import ready
from footfall.evaluate import Part, bootstrap_cutoffs, chance_metrics
from footfall.shop import Shop
from footfall.tabular import Predictor
from footfall.tasks import CATALOGUE, Task

END = datetime(2011, 12, 10)
TESTS, DRAWS, SEED = 6, 500, 0
TASKS = ("buy-30d", "buy-7d")
SINGLE = {"buy-30d": datetime(2011, 11, 10), "buy-7d": datetime(2011, 12, 3)}
METRICS = ("auc", "average_precision", "brier", "calibration_error", "calibration_floor", "observed_over_expected")
ABOUT = (
    "Online Retail 2010-11, known customers with a purchase before. Ours: the generic catalogue of features, model "
    "`boosted`, default settings, calibrated by rehearsals; `baseline`: Footfall's own, recency and frequency. The "
    "peer: `peer_sql.py`, sixty lines of hand-written point-in-time SQL and LightGBM, weekly training cutoffs, its "
    "chances as they come. Same customers, same cutoffs; the outcome is the peer's own reading of the raw sheet. "
    "Intervals: 95%, customers resampled with all their rows. How far the calibration trusts few periods was settled "
    "on earlier cutoffs of buy-7d (before 2011-10-29), CDNOW and the Complete Journey."
)


@dataclass(frozen=True)
class _Sheet:
    """The raw sheet of the peer, and what it answers."""

    raw: duckdb.DuckDBPyConnection

    def beside(self, ours: dict[str, Any], at: datetime, horizon: int) -> tuple[Part, list[str]]:
        """One part: the customers both know, with the peer's outcomes; and the ids only one of them asks about."""
        who, p = peer_sql.answer(self.raw, at, horizon)
        y = peer_sql.bought(self.raw, who, at, horizon)
        theirs = {str(c): i for i, c in enumerate(who)}
        only = sorted(theirs.keys() ^ set(ours["customer"]))
        kept = np.asarray([i for i, c in enumerate(ours["customer"]) if c in theirs])
        same = np.asarray([theirs[ours["customer"][i]] for i in kept])
        if not np.array_equal(y[same], ours["y"][kept] > 0):
            only.append(f"{int((y[same] != (ours['y'][kept] > 0)).sum())} outcomes read differently")
        answers = {"peer": p[same], "ours": ours["boosted"][kept], "baseline": ours["baseline"][kept]}
        return Part(y[same].astype(float), answers, who[same]), only


def run() -> Result:
    """Skipped where the data is absent."""
    folder = data_path("online_retail")
    (file,) = folder.glob("*.csv*")
    sheet = _Sheet(peer_sql.open_raw(file))
    tables: list[Table] = []
    verdicts: dict[str, bool] = {}
    notes: list[str] = []
    with shop_of(folder, "online_retail") as shop:
        for name in TASKS:
            task = CATALOGUE[name]
            parts = _parts(shop, task, sheet, notes)
            per_cutoff, mean = _tables(name, parts)
            tables += [mean, per_cutoff, _single(shop, task, sheet)]
            verdicts |= _verdicts(name, mean)
    return Result(ABOUT, SEED, tables, verdicts, notes)


def _parts(shop: Shop, task: Task, sheet: _Sheet, notes: list[str]) -> dict[datetime, Part]:
    one = ready(shop.context, [task], at=END, tests=TESTS)[task.name]
    one.trainer.warm(["baseline", "boosted"], one.plan.test)
    parts = {}
    for at in one.plan.test:
        tell(f"{task.name} at {at:%Y-%m-%d}")
        predictors = {m: one.trainer.fit(m, at) for m in ("boosted", "baseline")}
        ours = _ours(one.trainer.test(at), predictors)
        parts[at], only = sheet.beside(ours, at, int(task.span.days))
        if only:
            notes.append(f"{task.name} {at:%Y-%m-%d}: not asked by both: {', '.join(only)}")
    return parts


def _ours(matrix: Any, predictors: dict[str, Predictor]) -> dict[str, Any]:
    found: dict[str, Any] = {m: p.predict(matrix).value for m, p in predictors.items()}
    return {**found, "customer": matrix.table.column("customer_id").to_pylist(), "y": matrix.y}


def _tables(name: str, parts: dict[datetime, Part]) -> tuple[Table, Table]:
    rows = []
    for at, part in parts.items():
        for model, p in part.predictions.items():
            found = chance_metrics(part.y, p)
            rows.append(
                {"cutoff": f"{at:%Y-%m-%d}", "n": len(part.y), "base": float(np.mean(part.y)), "model": model}
                | {m: found[m] for m in METRICS}
                | {"error_less_floor": found["calibration_error"] - found["calibration_floor"]}
            )
    whole = []
    sums = {m: bootstrap_cutoffs(m, list(parts.values()), "peer", DRAWS, SEED) for m in METRICS[:3]}
    for model in next(iter(parts.values())).predictions:
        mine = [r for r in rows if r["model"] == model]
        row: dict[str, Any] = {"model": model}
        for metric in (*METRICS, "error_less_floor"):
            row[metric] = float(np.mean([r[metric] for r in mine]))
        for metric in ("auc", "average_precision", "brier"):
            e = sums[metric][model]
            row[f"{metric} less peer"] = (
                "" if model == "peer" else f"{e.diff:+.4f} ({span(e.diff_lower, e.diff_upper)})"
            )
        whole.append(row)
    return Table(f"{name}: each cutoff", rows), Table(f"{name}: mean over {len(parts)} cutoffs", whole)


def _verdicts(name: str, mean: Table) -> dict[str, bool]:
    by = {r["model"]: r for r in mean.rows}
    ours, peer = by["ours"], by["peer"]
    return {
        f"{name}: AUC at or above the peer ({ours['auc']:.4f}, {peer['auc']:.4f})": ours["auc"] >= peer["auc"],
        f"{name}: AP at or above the peer ({ours['average_precision']:.4f}, {peer['average_precision']:.4f})": (
            ours["average_precision"] >= peer["average_precision"]
        ),
        f"{name}: calibration error less floor at most the peer's "
        f"({ours['error_less_floor']:.4f}, {peer['error_less_floor']:.4f})": (
            ours["error_less_floor"] <= peer["error_less_floor"]
        ),
    }


def _single(shop: Shop, task: Task, sheet: _Sheet) -> Table:
    """The one date that published and earlier figures use, as `fit --at` and `predict --at` would answer it."""
    at = SINGLE[task.name]
    one = ready(shop.context, [task], at=at)[task.name]
    predictors = {m: one.trainer.fit(m, at) for m in ("boosted", "baseline")}
    part, _ = sheet.beside(_ours(one.table.matrix(task, [at]), predictors), at, int(task.span.days))
    rows = []
    first = {m: bootstrap_cutoffs(m, [part], "peer", DRAWS, SEED) for m in ("auc", "average_precision")}
    for model, p in part.predictions.items():
        found = chance_metrics(part.y, p)
        row: dict[str, Any] = {"model": model, "n": len(part.y), "base": float(np.mean(part.y))}
        row |= {m: found[m] for m in METRICS}
        for metric, estimates in first.items():
            row[f"{metric} 95%"] = f"{estimates[model].lower:.4f} .. {estimates[model].upper:.4f}"
        rows.append(row)
    return Table(f"{task.name}: the single date {at:%Y-%m-%d}", rows)
