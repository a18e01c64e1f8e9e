"""Result tables on a terminal: rows as a table, numbers short, a backtest in the metrics that decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
from rich.table import Table

from footfall.report.measures import measure
from footfall.report.numbers import blank

BASELINES = ("baseline", "seasonal_naive", "own frequency")
ROWS = 40
"""Rows shown of a longer table."""
DECIDING = (
    "log_loss", "auc", "calibration_error", "rmse", "wape", "total_bias", "mase", "coverage_80", "coverage_95",
    "ndcg@20", "recall@20",
)  # fmt: skip
"""Of a backtest's metrics: what the verdict is spoken on, how well it ranks, and whether its size is honest."""


def drawn(table: pa.Table, most: int = ROWS) -> Table:
    """The first `most` rows, numbers to the right; `made_at` is left out."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    names = [n for n in table.column_names if n != "made_at"]
    for name in names:
        kind = table.schema.field(name).type
        number = pa.types.is_floating(kind) or pa.types.is_integer(kind)
        shown.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in table.slice(0, most).to_pylist():
        shown.add_row(*(cell(row[n]) for n in names))
    return shown


def cell(value: Any) -> str:
    """One value, short."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}" if value.hour == value.minute == value.second == 0 else f"{value:%Y-%m-%d %H:%M:%S}"
    return str(value)


def deciding(evaluations: pa.Table) -> pa.Table:
    """Of rows of `evaluations` over all cutoffs: the deciding metrics per model, each with its 95% intervals.

    Columns: metric (in words), model, value, 95%, difference (to the baseline), 95% of it; the baseline first.
    """
    rows = [
        r
        for r in evaluations.to_pylist()
        if r["metric"] in DECIDING and blank(r.get("cutoff")) and blank(r.get("level"))
    ]
    rows.sort(key=lambda r: (DECIDING.index(r["metric"]), r["model"] not in BASELINES, r["model"]))
    told = [
        {
            "metric": _words(str(r["metric"])),
            "model": r["model"],
            "value": r["value"],
            "95%": _interval(r["lower"], r["upper"]),
            "against the baseline": None if r["model"] in BASELINES else r["difference"],
            "95% of that": None if r["model"] in BASELINES else _interval(r["difference_lower"], r["difference_upper"]),
        }
        for r in rows
    ]
    kinds = [pa.string(), pa.string(), pa.float64(), pa.string(), pa.float64(), pa.string()]
    names = ["metric", "model", "value", "95%", "against the baseline", "95% of that"]
    return pa.Table.from_pylist(told, pa.schema(list(zip(names, kinds, strict=True))))


def beside(comparison: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows of the table `comparison` as short columns, in their order."""
    told = []
    for r in comparison:
        best = r["model"] == r["best"]
        row = {
            "model": r["model"],
            str(r["metric"]).replace("_", " "): _spread(r["mean"], r["spread"]),
            f"against {r['best']}": None if best else cell(float(r["difference"])),
            "95% of that": None if best else _interval(r["difference_lower"], r["difference_upper"]),
            "held out": _spread(r["fold_mean"], r["fold_spread"]) if r["folds"] else None,
            "learnt in": _timed(r["fit_seconds"]),
            f"answers {r['rows'] or 0:,} rows in": _timed(r["predict_seconds"]),
            "saved": None if blank(r["size_bytes"]) else f"{r['size_bytes'] / 1000:,.0f} kB",
        }
        told.append({k: v for k, v in row.items() if k != "held out" or r["folds"]})
    return pa.table({k: pa.array([t.get(k) for t in told], pa.string()) for k in (told[0] if told else {})})


def _spread(mean: Any, spread: Any) -> str | None:
    return None if blank(mean) else cell(float(mean)) + ("" if blank(spread) else f" ± {cell(float(spread))}")


def _timed(seconds: Any) -> str | None:
    return None if blank(seconds) else f"{seconds:.2f} s" if seconds < 10 else f"{seconds:,.0f} s"


def _words(metric: str) -> str:
    known = measure(metric)
    aim = known.hint if known.hint.endswith("% is right") else "0 is right"
    better = {1: "higher is better", -1: "lower is better"}.get(known.better, aim)
    return f"{metric.replace('_', ' ')} ({better})"


def _interval(lower: Any, upper: Any) -> str | None:
    return None if blank(lower) or blank(upper) else f"{cell(float(lower))} to {cell(float(upper))}"
