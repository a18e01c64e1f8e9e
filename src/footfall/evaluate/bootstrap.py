"""Intervals and paired differences by resampling customers, not rows.

A customer stands in several rows (one per cutoff), so rows are not independent: whole clusters are drawn with
replacement (multinomial counts, used as weights: no row is copied). All models are measured on the same draws, so
the difference to the baseline is far better known than either value. Percentile intervals (Efron 1979; cluster
version: Davison and Hinkley 1997, section 3.8).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from footfall.errors import FootfallError, UsageError, did_you_mean
from footfall.evaluate.metrics import METRICS, Floats, Metric, Weigher

MetricLike = str | Metric | Callable[..., float]


class Estimate(NamedTuple):
    """A metric with its interval, and its difference to the baseline (model less baseline) with its interval."""

    value: float
    lower: float
    upper: float
    diff: float
    diff_lower: float
    diff_upper: float


@dataclass(frozen=True)
class Part:
    """One cutoff: answers (n,), the predictions of each model (n,), the rows' customers (n,), sampling weights."""

    y: Any
    predictions: Mapping[str, Any]
    clusters: Any
    weight: Any = None


def bootstrap(
    metric: MetricLike,
    y: Any,
    predictions: Mapping[str, Any],
    baseline: str,
    clusters: Any,
    draws: int = 300,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Each model's `Estimate` on one set of rows, 95% percentile intervals.

    `metric` is a name in METRICS, a Metric, or a function of `(y, p, weight)`. Raises UsageError for an unknown
    metric or baseline, FootfallError when lengths differ. Draws on which the metric is not defined (one class only)
    are left out; with none left the limits are NaN.
    """
    return bootstrap_cutoffs(metric, [Part(y, predictions, clusters)], baseline, draws, seed)


def bootstrap_cutoffs(
    metric: MetricLike, parts: Sequence[Part], baseline: str, draws: int = 300, seed: int = 0
) -> dict[str, Estimate]:
    """As `bootstrap`, for the mean of the metric over several cutoffs; a customer is drawn in all of them at once."""
    return bootstrap_all([metric], parts, baseline, draws, seed)[0]


def bootstrap_all(
    metrics: Sequence[MetricLike], parts: Sequence[Part], baseline: str, draws: int = 300, seed: int = 0
) -> list[dict[str, Estimate]]:
    """As `bootstrap_cutoffs`, for several metrics, each measured on the same draws."""
    names = list(parts[0].predictions) if parts else []
    if baseline not in names:
        raise UsageError(f"there is no model '{baseline}' to compare with{did_you_mean(baseline, names)}")
    codes, size = _codes(parts)
    weighers = [
        [[_weigher(metric, part.y, part.predictions[name]) for name in names] for part in parts] for metric in metrics
    ]
    given = [_given(part) for part in parts]
    dice = np.random.default_rng(seed)
    drawn = np.full((len(metrics), draws, len(names)), np.nan)
    for k in range(draws):
        counts = np.bincount(dice.integers(0, size, size), minlength=size) if size else np.zeros(0)
        weights = [w * counts[c] for w, c in zip(given, codes, strict=True)]
        for i, one in enumerate(weighers):
            drawn[i, k] = _means(one, weights)
    at = names.index(baseline)
    return [_estimates(names, at, _means(one, given), drawn[i]) for i, one in enumerate(weighers)]


def _estimates(names: list[str], at: int, whole: Floats, drawn: Floats) -> dict[str, Estimate]:
    diffs = drawn - drawn[:, [at]]
    return {
        name: Estimate(float(whole[j]), *_limits(drawn[:, j]), float(whole[j] - whole[at]), *_limits(diffs[:, j]))
        for j, name in enumerate(names)
    }


def verdict(diff_lower: float, diff_upper: float, higher_is_better: bool) -> Literal["yes", "no", "cannot tell"]:
    """Better than the baseline? "yes" or "no" only when the whole interval of the difference says so."""
    if higher_is_better:
        diff_lower, diff_upper = -diff_upper, -diff_lower
    if diff_upper < 0:
        return "yes"
    return "no" if diff_lower > 0 else "cannot tell"


def _weigher(metric: MetricLike, y: Any, p: Any) -> Weigher:
    if isinstance(metric, str):
        if metric not in METRICS:
            raise UsageError(f"there is no metric '{metric}'{did_you_mean(metric, METRICS)}")
        metric = METRICS[metric]
    y, p = np.asarray(y, dtype=np.float64).ravel(), np.asarray(p, dtype=np.float64).ravel()
    if len(y) != len(p):
        raise FootfallError(f"{len(p)} predictions and {len(y)} answers do not match")
    if isinstance(metric, Metric):
        return metric.weigher(y, p)
    function = metric
    return lambda w: float(function(y, p, w))


def _codes(parts: Sequence[Part]) -> tuple[list[NDArray[np.intp]], int]:
    """Cluster numbers shared by all parts, and how many there are."""
    given = [np.asarray(part.clusters).ravel() for part in parts]
    for part, clusters in zip(parts, given, strict=True):
        if len(clusters) != len(np.asarray(part.y).ravel()):
            raise FootfallError(f"{len(clusters)} customers and {len(np.asarray(part.y))} answers do not match")
    names, codes = np.unique(np.concatenate(given), return_inverse=True)
    cuts = np.cumsum([len(g) for g in given])[:-1]
    return [c.astype(np.intp) for c in np.split(codes.ravel(), cuts)], len(names)


def _given(part: Part) -> Floats:
    if part.weight is None:
        return np.ones(len(np.asarray(part.y).ravel()))
    return np.asarray(part.weight, dtype=np.float64).ravel()


def _means(weighers: list[list[Weigher]], weights: list[Floats]) -> Floats:
    """Mean over parts of each model's metric; NaN where any part has none."""
    table = [[weigh(w) if w.sum() > 0 else np.nan for weigh in row] for row, w in zip(weighers, weights, strict=True)]
    return np.asarray(np.mean(np.array(table, dtype=np.float64), axis=0))


def _limits(drawn: Floats) -> tuple[float, float]:
    told = drawn[np.isfinite(drawn)]
    if len(told) == 0:
        return float("nan"), float("nan")
    lower, upper = np.quantile(told, [0.025, 0.975])
    return float(lower), float(upper)
