"""Metrics of chances and amounts as weighted NumPy functions of `(y, p)`.

`y` (n,) is what happened, `p` (n,) what was predicted, `weight` (n,) how much each row counts (default one each; an
integer weight equals repeating the row). Empty input, a missing value, or one class only where two are needed gives
NaN, never an exception. Order matters nowhere; ties share their place. Ranking metrics cost one sort.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Weigher = Callable[[Floats], float]  # a metric of one prediction, waiting for weights in the rows' order
NAN = float("nan")
EDGE = 1e-15


def _taken(y: Any, p: Any, weight: Any) -> tuple[Floats, Floats, Floats] | None:
    """Flat float arrays, or None when there is nothing to measure."""
    y = np.asarray(y, dtype=np.float64).ravel()
    p = np.asarray(p, dtype=np.float64).ravel()
    w = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=np.float64).ravel()
    if len(y) == 0 or not len(y) == len(p) == len(w) or not w.sum() > 0:
        return None
    if not (np.isfinite(y).all() and np.isfinite(p).all()):
        return None
    return y, p, w


@dataclass(frozen=True)
class Ranking:
    """Rows sorted once from the highest prediction down, for any number of weightings."""

    order: NDArray[np.intp]
    y: Floats  # in that order
    ends: NDArray[np.intp]  # last position of each run of equal predictions

    def curves(self, weight: Floats) -> tuple[Floats, Floats]:
        """Cumulative weight, and cumulative weighted `y`, at the end of each run of equal predictions."""
        w = weight[self.order]
        return np.cumsum(w)[self.ends], np.cumsum(w * self.y)[self.ends]


def ranking(y: Any, p: Any) -> Ranking:
    y, p = np.asarray(y, dtype=np.float64).ravel(), np.asarray(p, dtype=np.float64).ravel()
    order = np.argsort(-p, kind="stable")
    falls = np.flatnonzero(np.diff(p[order]))
    return Ranking(order, y[order], np.append(falls, len(p) - 1))


def _auc_of(rank: Ranking, weight: Floats) -> float:
    every, ones = rank.curves(weight)
    zeros = every - ones
    if not (ones[-1] > 0 and zeros[-1] > 0):
        return NAN
    height = ones - np.diff(ones, prepend=0.0) / 2.0  # ties: half of their own run
    return float(np.diff(zeros, prepend=0.0) @ height / (ones[-1] * zeros[-1]))


def _precision_of(rank: Ranking, weight: Floats) -> float:
    every, ones = rank.curves(weight)
    if not ones[-1] > 0:
        return NAN
    precision = np.divide(ones, every, out=np.zeros_like(ones), where=every > 0)
    return float(np.diff(ones, prepend=0.0) @ precision / ones[-1])


def _gini_of(rank: Ranking, perfect: Ranking, weight: Floats) -> float:
    best = _lorenz(perfect, weight)
    return _lorenz(rank, weight) / best if best > 0 else NAN


def _lorenz(rank: Ranking, weight: Floats) -> float:
    """Twice the area between the concentration curve (highest first) and the diagonal."""
    every, gained = rank.curves(weight)
    if not (every[-1] > 0 and gained[-1] > 0):
        return NAN
    x = np.concatenate([[0.0], every / every[-1]])
    g = np.concatenate([[0.0], gained / gained[-1]])
    return float(np.diff(x) @ (g[1:] + g[:-1]) - 1.0)


def auc(y: Any, p: Any, weight: Any = None) -> float:
    """Area under the ROC curve: the chance that a one is ranked above a zero, a tie counting half."""
    taken = _taken(y, p, weight)
    return NAN if taken is None else _auc_of(ranking(taken[0], taken[1]), taken[2])


def average_precision(y: Any, p: Any, weight: Any = None) -> float:
    """Precision averaged over the ones, by steps (no interpolation); equal predictions are taken together."""
    taken = _taken(y, p, weight)
    return NAN if taken is None else _precision_of(ranking(taken[0], taken[1]), taken[2])


def gini(y: Any, p: Any, weight: Any = None) -> float:
    """Gini of the ranking by `p` over that of the perfect ranking (amounts; 1 is perfect, 0 is chance)."""
    taken = _taken(y, p, weight)
    if taken is None or (taken[0] < 0).any():
        return NAN
    return _gini_of(ranking(taken[0], taken[1]), ranking(taken[0], taken[0]), taken[2])


def _mean_of(loss: Callable[[Floats, Floats], Floats], y: Any, p: Any, weight: Any) -> float:
    taken = _taken(y, p, weight)
    return NAN if taken is None else float(taken[2] @ loss(taken[0], taken[1]) / taken[2].sum())


def _log_losses(y: Floats, p: Floats) -> Floats:
    p = np.clip(p, EDGE, 1.0 - EDGE)
    return -(y * np.log(p) + (1.0 - y) * np.log1p(-p))


def _squares(y: Floats, p: Floats) -> Floats:
    return (y - p) ** 2


def _misses(y: Floats, p: Floats) -> Floats:
    return np.abs(y - p)


def brier(y: Any, p: Any, weight: Any = None) -> float:
    """Mean squared difference between chance and outcome."""
    return _mean_of(_squares, y, p, weight)


def log_loss(y: Any, p: Any, weight: Any = None) -> float:
    """Mean negative log likelihood, natural logarithm; chances of 0 and 1 are kept 1e-15 away."""
    return _mean_of(_log_losses, y, p, weight)


def mae(y: Any, p: Any, weight: Any = None) -> float:
    """Mean absolute error, in the unit of the amount."""
    return _mean_of(_misses, y, p, weight)


def rmse(y: Any, p: Any, weight: Any = None) -> float:
    """Root mean squared error, in the unit of the amount."""
    return math.sqrt(_mean_of(_squares, y, p, weight))


def wape(y: Any, p: Any, weight: Any = None) -> float:
    """Sum of absolute errors over the sum of absolute amounts."""
    taken = _taken(y, p, weight)
    if taken is None or not taken[2] @ np.abs(taken[0]) > 0:
        return NAN
    y, p, w = taken
    return float(w @ np.abs(y - p) / (w @ np.abs(y)))


def total_bias(y: Any, p: Any, weight: Any = None) -> float:
    """Predicted total over true total, less one: +.10 says a tenth too much."""
    taken = _taken(y, p, weight)
    if taken is None or taken[2] @ taken[0] == 0:
        return NAN
    return float(taken[2] @ taken[1] / (taken[2] @ taken[0]) - 1.0)


def r2(y: Any, p: Any, weight: Any = None) -> float:
    """Share of the variance explained: 1 is perfect, 0 is saying the mean of these rows to everyone, below it worse."""
    taken = _taken(y, p, weight)
    if taken is None:
        return NAN
    y, p, w = taken
    spread = float(w @ (y - w @ y / w.sum()) ** 2)
    return float(1.0 - w @ (y - p) ** 2 / spread) if spread > 1e-300 else NAN


def correlation(y: Any, p: Any, weight: Any = None) -> float:
    """Pearson's correlation; NaN when either side is constant."""
    taken = _taken(y, p, weight)
    if taken is None:
        return NAN
    y, p, w = taken
    y, p = y - w @ y / w.sum(), p - w @ p / w.sum()
    spread = math.sqrt(float(w @ y**2) * float(w @ p**2))
    return float(w @ (y * p)) / spread if spread > 1e-300 else NAN


def observed_over_expected(y: Any, p: Any, weight: Any = None) -> float:
    """Ones that came over ones that were predicted: 1.2 says a fifth too few were predicted."""
    taken = _taken(y, p, weight)
    if taken is None or not taken[2] @ taken[1] > 0:
        return NAN
    return float(taken[2] @ taken[0] / (taken[2] @ taken[1]))


def calibration_slope(y: Any, p: Any, weight: Any = None) -> float:
    """Slope of the logistic regression of `y` on logit(p) (Cox 1958): below 1, the chances are too extreme."""
    taken = _taken(y, p, weight)
    if taken is None or taken[0].min() == taken[0].max() or taken[1].min() == taken[1].max():
        return NAN
    y, p, w = taken
    p = np.clip(p, 1e-9, 1.0 - 1e-9)
    z = np.log(p) - np.log1p(-p)
    D = np.stack([np.ones_like(z), z - w @ z / w.sum()], axis=1)
    beta = np.zeros(2)
    for _ in range(50):
        mean = 1.0 / (1.0 + np.exp(-np.clip(D @ beta, -500.0, 500.0)))
        H = (D * (w * mean * (1.0 - mean))[:, None]).T @ D
        if not np.linalg.cond(H) < 1e12:
            return NAN  # the ones and the zeros are told apart without error: no finite slope
        step = np.linalg.solve(H, D.T @ (w * (y - mean)))
        beta = beta + np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < 1e-10:
            return float(beta[1])
    return NAN


@dataclass(frozen=True)
class Runs:
    """Rows sorted once by prediction, lowest first, in runs of equal ones, for any number of weightings."""

    order: NDArray[np.intp]
    starts: NDArray[np.intp]  # first position of each run
    run: NDArray[np.intp]  # number of the run of each row, in the rows' own order

    def bands(self, w: Floats, bins: int) -> NDArray[np.intp]:
        """Band of equal weight for each row, lowest first; equal predictions share a band."""
        mass = np.add.reduceat(w[self.order], self.starts)
        middle = np.cumsum(mass) - mass / 2.0
        band = np.minimum((middle * bins / w.sum()).astype(np.intp), bins - 1)
        return np.asarray(band[self.run], dtype=np.intp)


def runs(p: Floats) -> Runs:
    order = np.argsort(p, kind="stable")
    starts = np.concatenate([[0], np.flatnonzero(np.diff(p[order])) + 1])
    run = np.empty(len(p), dtype=np.intp)
    run[order] = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(p))))
    return Runs(order, starts, run)


def _bands(p: Floats, w: Floats, bins: int) -> NDArray[np.intp]:
    return runs(p).bands(w, bins)


def calibration_error(y: Any, p: Any, weight: Any = None, bins: int = 10) -> float:
    """Expected calibration error: mean over bands of equal weight of |observed rate - mean prediction|.

    Even true probabilities score above zero: read it beside `calibration_floor`.
    """
    taken = _taken(y, p, weight)
    if taken is None:
        return NAN
    y, p, w = taken
    return _calibration_error_of(runs(p), y - p, w, bins)


def _calibration_error_of(sorted_: Runs, miss: Floats, w: Floats, bins: int = 10) -> float:
    return float(np.abs(np.bincount(sorted_.bands(w, bins), w * miss, bins)).sum() / w.sum())


def calibration_floor(p: Any, weight: Any = None, bins: int = 10, draws: int = 200, seed: int = 0) -> float:
    """Mean `calibration_error` if `p` were exactly true, for this many rows.

    By simulation up to 50,000 rows, above by the normal approximation sqrt(2 / pi) sd (there the bands are large).
    """
    taken = _taken(p, p, weight)
    if taken is None:
        return NAN
    _, p, w = taken
    p = np.clip(p, 0.0, 1.0)
    band = _bands(p, w, bins)
    if len(p) > 50_000:
        sd = np.sqrt(np.bincount(band, w**2 * p * (1.0 - p), bins))
        return float(math.sqrt(2.0 / math.pi) * sd.sum() / w.sum())
    dice = np.random.default_rng(seed)
    total = 0.0
    for _ in range(draws):
        y = (dice.random(len(p)) < p).astype(np.float64)
        total += float(np.abs(np.bincount(band, w * (y - p), bins)).sum())
    return total / draws / float(w.sum())


def calibration_curve(y: Any, p: Any, bins: int = 10, weight: Any = None, level: float = 0.95) -> dict[str, Floats]:
    """Columns `predicted`, `observed`, `lower`, `upper` (Wilson 1927), `rows`, one row per band that has any.

    With weights the interval uses the effective number of rows (Kish).
    """
    taken = _taken(y, p, weight)
    if taken is None:
        return {c: np.zeros(0) for c in ("predicted", "observed", "lower", "upper", "rows")}
    y, p, w = taken
    band = _bands(p, w, bins)
    mass = np.bincount(band, w, bins)
    held = mass > 0
    rows, mass = np.bincount(band, minlength=bins)[held].astype(np.float64), mass[held]
    observed = np.bincount(band, w * y, bins)[held] / mass
    worth = mass**2 / np.bincount(band, w**2, bins)[held]
    lower, upper = wilson(observed, worth, level)
    return {
        "predicted": np.bincount(band, w * p, bins)[held] / mass,
        "observed": observed,
        "lower": lower,
        "upper": upper,
        "rows": rows,
    }


def wilson(rate: Any, n: Any, level: float = 0.95) -> tuple[Floats, Floats]:
    """Wilson's interval of a rate observed on `n` rows."""
    rate, n = np.asarray(rate, dtype=np.float64), np.asarray(n, dtype=np.float64)
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    middle = (rate + z * z / (2.0 * n)) / (1.0 + z * z / n)
    half = z * np.sqrt(rate * (1.0 - rate) / n + z * z / (4.0 * n * n)) / (1.0 + z * z / n)
    return np.clip(middle - half, 0.0, 1.0), np.clip(middle + half, 0.0, 1.0)


def gains_curve(y: Any, p: Any, weight: Any = None, steps: int = 10) -> dict[str, Floats]:
    """Columns `share` (of rows, best first), `gain` (share of all `y` they hold) and `lift` (gain / share).

    `y` may be 0/1 or amounts. A boundary within equal predictions takes its part of them.
    """
    share = np.arange(1, steps + 1) / steps
    taken = _taken(y, p, weight)
    if taken is None:
        return {"share": share, "gain": np.full(steps, NAN), "lift": np.full(steps, NAN)}
    every, gained = ranking(taken[0], taken[1]).curves(taken[2])
    if not gained[-1] > 0:
        return {"share": share, "gain": np.full(steps, NAN), "lift": np.full(steps, NAN)}
    x = np.concatenate([[0.0], every / every[-1]])
    gain = np.interp(share, x, np.concatenate([[0.0], gained / gained[-1]]))
    return {"share": share, "gain": gain, "lift": gain / share}


def lift(y: Any, p: Any, weight: Any = None, share: float = 0.1) -> float:
    """How many times the base rate the best `share` of rows hold (default: the first decile)."""
    taken = _taken(y, p, weight)
    return NAN if taken is None else _lift_of(ranking(taken[0], taken[1]), taken[2], share)


def _lift_of(rank: Ranking, weight: Floats, share: float = 0.1) -> float:
    every, gained = rank.curves(weight)
    if not (every[-1] > 0 and gained[-1] > 0):
        return NAN
    x = np.concatenate([[0.0], every / every[-1]])
    return float(np.interp(share, x, np.concatenate([[0.0], gained / gained[-1]])) / share)


def at_threshold(y: Any, p: Any, threshold: float, weight: Any = None) -> dict[str, float]:
    """`accuracy`, `precision`, `recall`, `f1` when a chance of `threshold` or more counts as yes."""
    taken = _taken(y, p, weight)
    if taken is None:
        return dict.fromkeys(("accuracy", "precision", "recall", "f1"), NAN)
    y, p, w = taken
    said = p >= threshold
    hit, false = float(w @ (said * y)), float(w @ (said * (1.0 - y)))
    missed, right = float(w @ (~said * y)), float(w @ (~said * (1.0 - y)))
    return {
        "accuracy": (hit + right) / float(w.sum()),
        "precision": hit / (hit + false) if hit + false > 0 else NAN,
        "recall": hit / (hit + missed) if hit + missed > 0 else NAN,
        "f1": 2.0 * hit / (2.0 * hit + false + missed) if hit + false + missed > 0 else NAN,
    }


@dataclass(frozen=True)
class Metric:
    """A metric by name. `better` is +1 (higher), -1 (lower) or 0 (nearer to `best`, such as a bias)."""

    name: str
    function: Callable[..., float]
    better: int
    best: float = NAN
    prepare: Callable[[Floats, Floats], Weigher] | None = None  # sort once, weigh often

    def weigher(self, y: Any, p: Any) -> Weigher:
        """The metric of one prediction as a function of weights (n,) alone."""
        y, p = np.asarray(y, dtype=np.float64).ravel(), np.asarray(p, dtype=np.float64).ravel()
        if self.prepare is None or _taken(y, p, None) is None:
            return lambda w: self.function(y, p, w)
        return self.prepare(y, p)


def _averaged(loss: Callable[[Floats, Floats], Floats]) -> Callable[[Floats, Floats], Weigher]:
    def prepare(y: Floats, p: Floats) -> Weigher:
        each = loss(y, p)
        return lambda w: float(w @ each / w.sum())

    return prepare


def _rooted(y: Floats, p: Floats) -> Weigher:
    mean = _averaged(_squares)(y, p)
    return lambda w: math.sqrt(mean(w))


def _ranked(of: Callable[[Ranking, Floats], float]) -> Callable[[Floats, Floats], Weigher]:
    def prepare(y: Floats, p: Floats) -> Weigher:
        rank = ranking(y, p)
        return lambda w: of(rank, w)

    return prepare


def _banded(y: Floats, p: Floats) -> Weigher:
    sorted_, miss = runs(p), y - p
    return lambda w: _calibration_error_of(sorted_, miss, w)


def _gini_prepared(y: Floats, p: Floats) -> Weigher:
    rank, perfect = ranking(y, p), ranking(y, y)
    return lambda w: _gini_of(rank, perfect, w) if perfect.y[-1] >= 0 else NAN


CHANCE_METRICS: dict[str, Metric] = {
    m.name: m
    for m in (
        Metric("auc", auc, 1, prepare=_ranked(_auc_of)),
        Metric("average_precision", average_precision, 1, prepare=_ranked(_precision_of)),
        Metric("brier", brier, -1, prepare=_averaged(_squares)),
        Metric("log_loss", log_loss, -1, prepare=_averaged(_log_losses)),
        Metric("calibration_error", calibration_error, -1, prepare=_banded),
        Metric("calibration_slope", calibration_slope, 0, 1.0),
        Metric("observed_over_expected", observed_over_expected, 0, 1.0),
        Metric("lift", lift, 1, prepare=_ranked(_lift_of)),
    )
}
AMOUNT_METRICS: dict[str, Metric] = {
    m.name: m
    for m in (
        Metric("mae", mae, -1, prepare=_averaged(_misses)),
        Metric("rmse", rmse, -1, prepare=_rooted),
        Metric("r2", r2, 1),
        Metric("wape", wape, -1),
        Metric("total_bias", total_bias, 0, 0.0),
        Metric("correlation", correlation, 1),
        Metric("gini", gini, 1, prepare=_gini_prepared),
    )
}
METRICS: dict[str, Metric] = {**CHANCE_METRICS, **AMOUNT_METRICS}


def chance_metrics(y: Any, p: Any, weight: Any = None, threshold: float = 0.5) -> dict[str, float]:
    """Every metric of a chance, with `calibration_floor` and those at the threshold."""
    out = {name: m.function(y, p, weight) for name, m in CHANCE_METRICS.items()}
    return {**out, "calibration_floor": calibration_floor(p, weight), **at_threshold(y, p, threshold, weight)}


def amount_metrics(y: Any, p: Any, weight: Any = None) -> dict[str, float]:
    """Every metric of an amount."""
    return {name: m.function(y, p, weight) for name, m in AMOUNT_METRICS.items()}
