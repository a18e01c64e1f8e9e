"""Models side by side: how good, how steady, how fast, how large, how readable; and the trade-off in words.

The verdict is the mean over the test cutoffs, which come after all that was learnt. The folds are a check of
stability and no verdict: customers are held out in turn within the cutoffs learnt from, so nothing lies in the future.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from footfall.errors import UsageError
from footfall.evaluate.bootstrap import Estimate, Part, bootstrap_cutoffs, verdict
from footfall.evaluate.metrics import METRICS
from footfall.tabular import TUNED, Predictor, Trainer, bare, blend_of

Row = dict[str, Any]
HONEST = {"chance": "calibration_error", "amount": "total_bias"}
"""Whether answers are of the right size: told beside the metric that decides."""
READ = {
    "baseline": "a rule of two numbers",
    "tree": "a few rules, printed",
    "linear": "one weight a feature",
    "logistic": "one weight a feature",
    "bgnbd": "four numbers with a meaning",
    "bgnbd_gamma": "a few numbers with a meaning",
}
OPAQUE = "read through its reasons only"
NAMED = {"log_loss": "log loss", "rmse": "RMSE", "calibration_error": "calibration error", "total_bias": "total bias"}
FASTER = 3.0
"""A model that learns so many times as fast as the best one is worth a word."""


@dataclass
class Costs:
    """What models took: seconds of learning once and of answering a test cutoff, by model, one entry a cutoff."""

    fit: dict[str, list[float]] = field(default_factory=dict)
    predict: dict[str, list[float]] = field(default_factory=dict)
    size: dict[str, int] = field(default_factory=dict)

    def learnt(self, trainer: Trainer, model: str, at: datetime) -> None:
        """Note how long `model` was learnt for `at`; a mean takes as long as its members together."""
        parts = [*(trainer.recipe(p, at) for p in trainer.blend(model).members), model]
        found = {p: trainer.seconds[p, at] for p in parts if (p, at) in trainer.seconds}
        self.fit.setdefault(model, []).append(sum(found.values()))

    def answered(self, model: str, seconds: float) -> None:
        self.predict.setdefault(model, []).append(seconds)

    def saved(self, model: str, predictor: Predictor) -> None:
        """Note what the predictor comes to on disk, in bytes; nothing where what saves it is not installed."""
        with tempfile.TemporaryDirectory(prefix="footfall-") as folder:
            try:
                predictor.save(Path(folder))
            except UsageError:
                return
            self.size[model] = sum(f.stat().st_size for f in Path(folder).rglob("*") if f.is_file())


@dataclass(frozen=True)
class Measured:
    """What a backtest found, as the comparison needs it: parts by cutoff, evaluations over them, and costs."""

    task: str
    kind: str
    metric: str
    parts: Sequence[Part]
    evaluations: Sequence[Row]
    costs: Costs


def stability(trainer: Trainer, models: Sequence[str], at: datetime, metric: str, folds: int) -> dict[str, list[float]]:
    """Each model's metric on each of `folds` groups of customers held out in turn, within the cutoffs learnt from."""
    measure = METRICS[metric].function
    found = {}
    for model in models:
        said = trainer.held_out(model, at, folds, FOLD_ROWS)
        fold = said.cluster % folds
        values = [
            measure(said.y[fold == k], said.p[fold == k], said.weight[fold == k])
            for k in range(folds)
            if (fold == k).any()
        ]
        found[model] = [v for v in values if np.isfinite(v)]
    return found


FOLD_ROWS = 30_000
"""Rows the folds are made of, at most about."""


def compare(tested: Measured, folds: Mapping[str, Sequence[float]], draws: int, seed: int) -> list[Row]:
    """Rows of the table `comparison`, the best model first.

    `folds`: each model's metric by fold, where it was asked for. Differences are paired, against the best SINGLE
    model; that one is picked with hindsight, so that a mean of several must beat what nobody could have known.
    """
    names = list(tested.parts[0].predictions) if tested.parts else []
    mean = {n: _value(tested, n, tested.metric) for n in names}
    single = [n for n in names if blend_of(n).single and np.isfinite(mean[n])]
    if not single:
        return []
    best = min(single, key=lambda n: mean[n])
    beside = bootstrap_cutoffs(tested.metric, tested.parts, best, draws, seed)
    rows: list[Row] = []
    for name in sorted(names, key=lambda n: mean[n]):
        each = [
            r["value"]
            for r in tested.evaluations
            if r["model"] == name and r["metric"] == tested.metric and r["cutoff"] is not None
        ]
        found = beside[name]
        told = verdict(found.diff_lower, found.diff_upper, False) if name != best else None
        rows.append(
            {
                "task": tested.task, "model": name, "metric": tested.metric, "mean": mean[name],
                "spread": _spread(each), "cutoffs": len(each), "rows": _rows(tested, name), "best": best,
                "difference": found.diff, "difference_lower": found.diff_lower, "difference_upper": found.diff_upper,
                "better": told, "honest": _value(tested, name, HONEST[tested.kind]),
                "fold_mean": float(np.mean(folds[name])) if folds.get(name) else None,
                "fold_spread": _spread(folds.get(name, ())), "folds": len(folds.get(name, ())),
                "fit_seconds": _mean(tested.costs.fit.get(name)),
                "predict_seconds": _mean(tested.costs.predict.get(name)),
                "size_bytes": tested.costs.size.get(name), "readable": readable(name),
            }
        )  # fmt: skip
    by = {r["model"]: r for r in rows}
    return [r | {"words": _words(r, by, tested, beside[r["model"]])} for r in rows]


def readable(model: str) -> str:
    """How a person can read the model: of a mean of several, the least readable of them decides."""
    found = [READ.get(bare(part), OPAQUE) for part in blend_of(model).members]
    if len(found) == 1:
        return found[0]
    return OPAQUE if OPAQUE in found else f"{len(found)} models side by side"


def _words(row: Row, by: Mapping[str, Row], tested: Measured, found: Estimate) -> str:
    """The trade-off: accuracy, calibration, speed, readability; of a mean of several, whether it is worth it."""
    name, best, metric = row["model"], by[row["best"]], NAMED.get(row["metric"], row["metric"])
    honest = NAMED.get(HONEST[tested.kind], HONEST[tested.kind])
    size = "" if row["size_bytes"] is None else f", {_bytes(row['size_bytes'])}"
    cost = f"{honest} {_short(row['honest'])}; learnt in {_seconds(row['fit_seconds'])}{size}; {row['readable']}"
    same = by.get(bare(name)) if name.startswith(TUNED) else None
    if same and same["mean"] == row["mean"]:
        return f"{name}: tuning found nothing better than the model's own settings, so that it answers as {bare(name)}."
    if name == row["best"]:
        return f"{name}: the best single model ({metric} {_short(row['mean'])}); {cost}."
    beside = (
        f"{metric} {found.diff:+.3g} against {row['best']} (95%: {found.diff_lower:+.3g} to {found.diff_upper:+.3g})"
    )
    times = row["fit_seconds"] / best["fit_seconds"] if row["fit_seconds"] and best["fit_seconds"] else None
    if not blend_of(name).single:
        longer = f" for {_times(times)} the time to learn" if times else ""
        if row["better"] == "yes":
            return f"{name}: better than any single model, worth it{longer}; {beside}; {cost}."
        judged = "worse than" if row["better"] == "no" else "no better beyond chance than"
        return f"{name}: {judged} the best single model, so it is not worth it{longer}; {beside}; {cost}."
    judged = {"no": "less accurate", "yes": "more accurate"}.get(str(row["better"]), "as accurate within chance")
    gains = []
    if times and times * FASTER <= 1:
        gains.append(f"learns {_times(1 / times)} as fast")
    if row["readable"] != OPAQUE and best["readable"] == OPAQUE:
        gains.append("can be read")
    return f"{name}: {judged}; {beside}{', but ' + ' and '.join(gains) if gains else ''}; {cost}."


def _value(tested: Measured, model: str, metric: str) -> float:
    found = [
        r["value"] for r in tested.evaluations if r["model"] == model and r["metric"] == metric and r["cutoff"] is None
    ]
    return float(found[0]) if found else float("nan")


def _rows(tested: Measured, model: str) -> int | None:
    """Rows of a test cutoff, in the mean."""
    total = [r["rows"] for r in tested.evaluations if r["model"] == model and r["cutoff"] is None]
    return round(total[0] / len(tested.parts)) if total and tested.parts else None


def _spread(values: Sequence[float]) -> float | None:
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def _mean(values: Sequence[float] | None) -> float | None:
    return float(np.mean(values)) if values else None


def _short(value: float | None) -> str:
    return "unknown" if value is None or not np.isfinite(value) else f"{value:.4g}"


def _seconds(value: float | None) -> str:
    return "unknown time" if value is None else f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


def _times(value: float) -> str:
    return f"{value:.1f} times" if value < 10 else f"{value:.0f} times"


def _bytes(value: int) -> str:
    return f"{value / 1e6:.1f} MB" if value >= 1e6 else f"{value / 1e3:.0f} kB"
