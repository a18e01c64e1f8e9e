"""Taobao: who buys on the last day after eight days of clicks, beside recency."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np

from benchmarks.data import Result, Table, data_path, shop_of
from footfall import Task, orders
from footfall.answers import ready
from footfall.evaluate import Part, bootstrap, chance_metrics
from footfall.spans import instant
from footfall.tabular.encode import to_floats

SEED, DRAWS = 0, 1000
AT = "2017-12-03"
TASK = Task("buy-1d", "customer", orders.any(), "1d")
PEER = "recency of purchases"
RECENCIES = {"recency of events": "events_recency", PEER: "orders_recency"}
METRICS = ("auc", "average_precision", "brier", "calibration_error", "calibration_floor")
ABOUT = (
    "Taobao UserBehavior, complete histories of nine days (Beijing time): any purchase on the last day, 2017-12-03, of "
    "every customer seen before. Ours: the generic catalogue, model `boosted`, default settings. Recency: the shorter "
    "the time since the last purchase (or event), the likelier; the better of the two, that of purchases, is the peer. "
    "One cutoff, so the intervals are wide: 95%, customers resampled."
)


def run() -> Result:
    """Skipped where the data is absent."""
    with shop_of(data_path("taobao"), "taobao", timezone="Asia/Shanghai") as shop:
        at: datetime = instant(AT, shop.timezone)
        one = ready(shop.context, [TASK], at=at)[TASK.name]
        matrix = one.table.matrix(TASK, [at])
        answers = {c: _recency(matrix.table, f) for c, f in RECENCIES.items()}
        for name in ("baseline", "logistic", "boosted"):
            answers[name] = one.trainer.fit(name, at).predict(matrix).value
    assert matrix.y is not None
    part = Part(matrix.y, answers, matrix.clusters)
    rows = _rows(part)
    by = {r["model"]: r for r in rows}
    best = {m: by[PEER][m] for m in METRICS[:2]}
    verdicts = {f"{m} above recency ({by['boosted'][m]:.4f}, {best[m]:.4f})": by["boosted"][m] > best[m] for m in best}
    return Result(ABOUT, SEED, [Table(f"buy-1d at {AT}, n = {matrix.rows}", rows)], verdicts)


def _recency(table: Any, column: str) -> Any:
    """A score in 0..1 that falls with recency; 0 for who never did."""
    days = to_floats(table.column(column))
    return np.where(np.isnan(days), 0.0, 1.0 / (1.0 + np.nan_to_num(days)))


def _rows(part: Part) -> list[dict[str, Any]]:
    found = {m: bootstrap(m, part.y, part.predictions, PEER, part.clusters, DRAWS, SEED) for m in METRICS[:2]}
    rows = []
    for model, p in part.predictions.items():
        every = chance_metrics(part.y, p)
        plain = model.startswith("recency")
        row: dict[str, Any] = {"model": model, "base": float(part.y.mean())}
        row |= {m: None if plain and m not in METRICS[:2] else every[m] for m in METRICS}
        for metric, estimates in found.items():
            e = estimates[model]
            row[f"{metric} 95%"] = f"{e.lower:.4f} .. {e.upper:.4f}"
            row[f"{metric} less peer"] = (
                "" if model == PEER else f"{e.diff:+.4f} ({e.diff_lower:+.4f} .. {e.diff_upper:+.4f})"
            )
        rows.append(row)
    return rows
