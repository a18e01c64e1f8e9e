"""A backtest: fit at several past instants, answer, and compare with what then happened, always beside a baseline."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from footfall.evaluate.bootstrap import Part, bootstrap_all, verdict
from footfall.evaluate.comparison import Costs, Measured, compare, stability
from footfall.evaluate.metrics import (
    AMOUNT_METRICS,
    CHANCE_METRICS,
    amount_metrics,
    calibration_curve,
    chance_metrics,
    gains_curve,
)
from footfall.tabular import Trainer, one_thread

BASELINE = "baseline"
BOOTSTRAPPED = {
    "chance": ("auc", "average_precision", "brier", "log_loss", "calibration_error", "lift"),
    "amount": ("mae", "rmse", "r2", "wape", "total_bias", "correlation", "gini"),
}
DECIDING = {"chance": "log_loss", "amount": "rmse"}
"""The metric the verdict is spoken on: it rewards ranking and honest size of the answer at once."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Backtest:
    """Rows of the tables `evaluations`, `curves`, `verdicts` and `comparison`, and the model that did best."""

    task: str
    cutoffs: tuple[datetime, ...]
    evaluations: list[Row]
    curves: list[Row]
    verdicts: list[Row]
    best: str
    threshold: float | None
    comparison: list[Row] = field(default_factory=list)

    def table(self) -> pa.Table:
        """The evaluations as a tidy Arrow table: cutoff x model x metric, with intervals."""
        return pa.Table.from_pylist(self.evaluations)


@one_thread()
def backtest(
    trainer: Trainer,
    models: Sequence[str],
    cutoffs: Sequence[datetime],
    draws: int = 300,
    progress: Callable[[str], None] | None = None,
    folds: int = 0,
) -> Backtest:
    """Test `models` and the baseline at each cutoff.

    The row without a cutoff is the mean over the cutoffs; its interval resamples customers (with all their rows).
    The threshold of accuracy, precision, recall and F1 is the base rate of the rows learnt from, as known then.
    `folds`: groups of customers held out in turn at the last cutoff's training, as a check of stability; 0: none.

    Raises:
        FootfallError: a cutoff whose target is not over yet, or nothing to learn from.
    """
    names = [BASELINE, *(m for m in models if m != BASELINE)]
    task = trainer.task
    parts: list[Part] = []
    evaluations: list[Row] = []
    thresholds = []
    costs = Costs()
    held: dict[str, list[float]] = {}
    if progress:
        progress(f"{task.name}: learning {', '.join(names)} for {len(cutoffs)} test dates")
    trainer.warm(names, cutoffs)
    with trainer.table.remembering():  # the models of one test date are rehearsed on the same rows
        for at in cutoffs:
            matrix = trainer.test(at)
            answers = {}
            for name in names:
                predictor = trainer.fit(name, at)
                matrix.encoding.encode(predictor.learner.encoder, matrix.table)  # once for all models, so not timed
                start = time.perf_counter()
                answers[name] = predictor.predict(matrix).value
                costs.answered(name, time.perf_counter() - start)
                costs.learnt(trainer, name, at)
                if at == cutoffs[-1]:
                    costs.saved(name, predictor)
                thresholds.append(predictor.trained.base_rate)
            assert matrix.y is not None
            part = Part(matrix.y, answers, matrix.clusters, matrix.weight)
            parts.append(part)
            evaluations += _single(task.name, task.kind, at, part, thresholds[-1], trainer.settings.seed)
        if folds and cutoffs:
            if progress:
                progress(f"{task.name}: {folds} groups of customers held out in turn, as a check of stability")
            held = stability(trainer, names, cutoffs[-1], DECIDING[task.kind], folds)
    overall = _overall(task.name, task.kind, parts, evaluations, names, draws, trainer.settings.seed)
    best = _best(overall, names, DECIDING[task.kind])
    verdicts = [_verdict(task.name, task.kind, r, len(cutoffs)) for r in overall if _deciding(r, task.kind)]
    curves = [row for name in names for row in _curves(task.name, task.kind, name, parts)]
    threshold = float(np.mean(thresholds)) if task.kind == "chance" else None
    tested = Measured(task.name, task.kind, DECIDING[task.kind], parts, [*overall, *evaluations], costs)
    comparison = compare(tested, held, draws, trainer.settings.seed)
    return Backtest(task.name, tuple(cutoffs), [*overall, *evaluations], curves, verdicts, best, threshold, comparison)


def _single(task: str, kind: str, at: datetime, part: Part, threshold: float, seed: int) -> list[Row]:
    """Every metric of every model at one cutoff, without intervals."""
    rows: list[Row] = []
    first: dict[str, float] = {}
    for name, p in part.predictions.items():
        values = (
            chance_metrics(part.y, p, part.weight, threshold)
            if kind == "chance"
            else amount_metrics(part.y, p, part.weight)
        )
        first = first or values
        for metric, value in values.items():
            rows.append(_row(task, at, name, metric, value, len(part.y)) | {"difference": value - first[metric]})
    rate = float(np.average(part.y, weights=part.weight)) if len(part.y) else float("nan")
    return [*rows, _row(task, at, BASELINE, "base_rate" if kind == "chance" else "mean_amount", rate, len(part.y))]


def _row(task: str, at: datetime | None, model: str, metric: str, value: float, rows: int) -> Row:
    return {
        "task": task, "cutoff": at, "model": model, "metric": metric, "value": value, "lower": None, "upper": None,
        "difference": None, "difference_lower": None, "difference_upper": None, "rows": rows,
    }  # fmt: skip


def _overall(
    task: str, kind: str, parts: list[Part], single: list[Row], names: list[str], draws: int, seed: int
) -> list[Row]:
    """The mean over cutoffs: with intervals where resampling says something, plain for the other metrics."""
    total = sum(len(p.y) for p in parts)
    rows: list[Row] = []
    if not parts:
        return rows
    metrics = BOOTSTRAPPED[kind]
    for metric, found in zip(metrics, bootstrap_all(metrics, parts, BASELINE, draws, seed), strict=True):
        for name, e in found.items():
            rows.append(
                _row(task, None, name, metric, e.value, total)
                | {"lower": e.lower, "upper": e.upper, "difference": e.diff}
                | {"difference_lower": e.diff_lower, "difference_upper": e.diff_upper}
            )
    seen = {(r["model"], r["metric"]) for r in rows}
    for name in names:
        for metric in dict.fromkeys(r["metric"] for r in single):
            values = [r["value"] for r in single if r["model"] == name and r["metric"] == metric]
            if values and (name, metric) not in seen:
                rows.append(_row(task, None, name, metric, float(np.mean(values)), total))
    return rows


def _deciding(row: Row, kind: str) -> bool:
    return bool(row["metric"] == DECIDING[kind] and row["model"] != BASELINE)


def _best(overall: list[Row], names: list[str], metric: str) -> str:
    """The model with the least loss; the baseline unless another is better in the mean."""
    loss = {r["model"]: r["value"] for r in overall if r["metric"] == metric and np.isfinite(r["value"])}
    return min(names, key=lambda n: loss.get(n, float("inf")))


def _verdict(task: str, kind: str, row: Row, cutoffs: int) -> Row:
    better = {**CHANCE_METRICS, **AMOUNT_METRICS}[row["metric"]].better
    told = verdict(row["difference_lower"], row["difference_upper"], better > 0)
    words = {"log_loss": "log loss (lower is better)", "rmse": "root mean squared error (lower is better)"}
    sentence = (
        f"Is {row['model']} better than the baseline at {task}? {told.capitalize()}: "
        f"its {words[row['metric']]} differs by {row['difference']:+.4g} "
        f"(95%: {row['difference_lower']:+.4g} to {row['difference_upper']:+.4g}) "
        f"over {cutoffs} test {'date' if cutoffs == 1 else 'dates'}."
    )
    return {"task": task, "model": row["model"], "metric": row["metric"], "verdict": told, "sentence": sentence}


def _curves(task: str, kind: str, model: str, parts: list[Part]) -> list[Row]:
    """Calibration and gains over all test cutoffs together."""
    if not parts:
        return []
    y = np.concatenate([p.y for p in parts])
    p = np.concatenate([part.predictions[model] for part in parts])
    w = np.concatenate([part.weight for part in parts])
    gains = gains_curve(y, p, w)
    rows = [
        _point(task, model, "gains", i, x, g, None, None, None)
        for i, (x, g) in enumerate(zip(gains["share"], gains["gain"], strict=True))
    ]
    if kind == "chance":
        c = calibration_curve(y, p, weight=w)
        each = zip(c["predicted"], c["observed"], c["lower"], c["upper"], c["rows"], strict=True)
        rows += [_point(task, model, "calibration", i, *map(float, point)) for i, point in enumerate(each)]
    return rows


def _point(task: str, model: str, curve: str, bin_: int, x: float, y: float, *rest: float | None) -> Row:
    lower, upper, rows = rest
    return {
        "task": task, "model": model, "curve": curve, "bin": bin_, "x": float(x), "y": float(y), "lower": lower,
        "upper": upper, "rows": None if rows is None else int(rows),
    }  # fmt: skip
