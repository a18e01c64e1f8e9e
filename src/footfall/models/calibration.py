"""Calibrated chances and amounts, with an interval of the probability (or expectation) itself.

Both classes fit one short line on predictions made for LATER times than the model was trained on:

* chances: `logit P = z + a + (b - 1) (z - m) + c h(z)` with `z` the model's log-odds, `m` their mean and `h` the
  asymmetric term of beta calibration (Kull, Silva Filho and Flach 2017), `softplus(z)` less its linear part; `c` is
  used only when it pays by BIC;
* amounts: `log E = z + a + (b - 1) (z - m)` with `z` the log of the model's amount, by quasi-Poisson likelihood.

Normal priors pull towards the identity (`a` to 0, `b` to 1, `c` to 0): with few rows the model's own answer stands.
So a chance does with few periods, however many rows they hold: the part of an offset that lasts has a standard
deviation near 0.1, and the line keeps what that is worth beside the spread between periods (the shrinkage of a random
effect, Robinson 1991), unless the offset is too large and steady for chance; slopes keep G / (G + 1) of themselves.

The interval answers: between which values does the mean true probability of customers with such a score lie, in a
period like those seen? Its variance on the line's scale is the sum of three parts:

1. the parameters', the larger of the model-based and the cluster-robust sandwich (customers are clusters);
2. between periods: the variance of the calibration offset over `groups` (random effects, DerSimonian and Laird
   1986) plus a prior that fades as 2 / (G + 1), times 1 + 1/G;
3. lack of fit: the variance, beyond chance, of the offset over bands of the score.

Quantiles are Student's t with the degrees of freedom of Welch and Satterthwaite, so few periods mean a wide interval.
Groups should not overlap in time: cutoffs closer together than the horizon share their shocks and hide them.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import NormalDist
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from footfall.errors import FootfallError
from footfall.models.contract import Floats, logit, sigmoid

PERIOD_PRIOR = 0.12  # standard deviation of the offset between periods, when only one was seen
PERIOD_DF = 3.0  # degrees of freedom of that, at least
LASTING = 0.1  # standard deviation of the part of an offset that will be there in the next period too
SLOPE_PERIODS = 1.0  # periods that the prior of the slopes is worth
CHANCE_PRIOR = (0.7, 0.5, 1.0)  # standard deviations of a, b, c: the offset's is worth about ten rows
AMOUNT_PRIOR = (0.7, 0.25)
BANDS = 10
STEPS = 60


@dataclass(frozen=True)
class Line:
    """A fitted line: `at` the centre, `beta` (a, b - 1, c), their covariance, and the further variances."""

    at: float
    beta: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    period_variance: float
    period_df: float
    fit_variance: float
    rows: int
    floor: float = 1e-9  # amounts below it count as it


@dataclass(frozen=True)
class _Sample:
    """What a line is fitted on: scores, answers, weights (mean effective size one) and who belongs together."""

    z: Floats
    y: Floats
    w: Floats
    groups: NDArray[np.intp]
    clusters: NDArray[np.intp]
    chance: bool
    timed: bool = False  # whether `groups` were given: only then is anything known of periods


def _sample(z: Any, y: Any, weight: Any, groups: Any, clusters: Any, chance: bool) -> _Sample:
    z = np.asarray(z, dtype=np.float64).ravel()
    y = np.asarray(y, dtype=np.float64).ravel()
    w = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=np.float64).ravel()
    if not len(z) == len(y) == len(w):
        raise FootfallError(f"{len(z)} predictions, {len(y)} answers and {len(w)} weights do not match")
    kept = np.isfinite(z) & np.isfinite(y) & (w > 0)
    codes = []
    for given, alone in ((groups, False), (clusters, True)):
        if given is None:
            code = np.arange(len(y)) if alone else np.zeros(len(y), dtype=np.intp)
        else:
            code = np.unique(np.asarray(given), return_inverse=True)[1].ravel()
        if len(code) != len(y):
            raise FootfallError(f"{len(code)} group or cluster codes and {len(y)} answers do not match")
        codes.append(code[kept].astype(np.intp))
    w = w[kept]
    if len(w):
        w = w * (w.sum() / (w @ w))  # Kish: unequal weights are worth fewer rows, and their unit does not matter
    return _Sample(z[kept], y[kept], w, codes[0], codes[1], chance, groups is not None)


def _design(z: Floats, at: float, terms: int) -> Floats:
    """Columns 1, z - at, and the asymmetric term: softplus, less its tangent at the centre."""
    columns = [np.ones_like(z), z - at]
    if terms == 3:
        bend = np.logaddexp(0.0, z) - np.logaddexp(0.0, at) - float(sigmoid(at)) * (z - at)
        columns.append(bend)
    return np.stack(columns, axis=1)


def _moments(sample: _Sample, D: Floats, beta: Floats) -> tuple[Floats, Floats]:
    """Fitted mean and its derivative along the line, (n,) each."""
    eta = sample.z + D @ beta
    if sample.chance:
        mean = sigmoid(eta)
        return mean, mean * (1.0 - mean)
    mean = np.exp(np.clip(eta, -700.0, 700.0))
    return mean, mean


def _loss(sample: _Sample, D: Floats, beta: Floats, dispersion: float, prior: Floats) -> float:
    eta = sample.z + D @ beta
    if sample.chance:
        fit = np.logaddexp(0.0, eta) - sample.y * eta
    else:
        fit = np.exp(np.clip(eta, -700.0, 700.0)) - sample.y * eta
    return float(sample.w @ fit / dispersion + 0.5 * (prior * beta) @ beta)


def _solve(sample: _Sample, D: Floats, prior: Floats, dispersion: float) -> tuple[Floats, float]:
    """Penalised likelihood by Newton's method with halved steps: (coefficients, loss)."""
    beta = np.zeros(D.shape[1])
    loss = _loss(sample, D, beta, dispersion, prior)
    for _ in range(STEPS):
        mean, slope = _moments(sample, D, beta)
        score = D.T @ (sample.w * (sample.y - mean)) / dispersion - prior * beta
        H = (D * (sample.w * slope)[:, None]).T @ D / dispersion + np.diag(prior)
        step = np.linalg.solve(H, score)
        for _half in range(30):
            tried = _loss(sample, D, beta + step, dispersion, prior)
            if tried <= loss + 1e-12 * abs(loss):
                break
            step = step / 2.0
        gain, loss, beta = loss - tried, tried, beta + step
        if abs(gain) <= 1e-12 * (1.0 + abs(loss)):
            break
    return beta, loss


def _covariance(sample: _Sample, D: Floats, beta: Floats, prior: Floats, dispersion: float) -> Floats:
    """The larger (by the offset's variance) of the model-based and the cluster-robust covariance."""
    mean, slope = _moments(sample, D, beta)
    H = (D * (sample.w * slope)[:, None]).T @ D / dispersion + np.diag(prior)
    bread = np.linalg.inv(H)
    scores = D * (sample.w * (sample.y - mean) / dispersion)[:, None]
    size = int(sample.clusters.max()) + 1 if len(sample.clusters) else 0
    sums = np.stack([np.bincount(sample.clusters, scores[:, k], size) for k in range(D.shape[1])], axis=1)
    several = size / max(size - 1, 1)
    robust = bread @ (several * sums.T @ sums + np.diag(prior)) @ bread
    return cast("Floats", robust if np.trace(robust @ H) > np.trace(bread @ H) else bread)


def _excess(sample: _Sample, mean: Floats, slope: Floats, codes: NDArray[np.intp], spent: int) -> float:
    """Variance of the offset between `codes`, beyond chance (DerSimonian-Laird); `spent` degrees of freedom."""
    size = int(codes.max()) + 1 if len(codes) else 0
    information = np.bincount(codes, sample.w * slope, size)
    residual = sample.w * (sample.y - mean)
    noise = np.bincount(codes, residual**2, size)
    # An empty-handed group has no observed noise: never below what the model itself expects of it.
    if sample.chance:
        noise = np.maximum(noise, np.bincount(codes, sample.w**2 * slope, size))
    told = (information > 1e-9) & (noise > 0)
    if told.sum() <= spent:
        return 0.0
    offset = np.bincount(codes, residual, size)[told] / information[told]
    precision = information[told] ** 2 / noise[told]
    centre = precision @ offset / precision.sum()
    q = precision @ (offset - centre) ** 2
    scale = precision.sum() - precision @ precision / precision.sum()
    return max(0.0, float((q - (told.sum() - spent)) / scale)) if scale > 0 else 0.0


def _fit_line(sample: _Sample, sds: tuple[float, ...]) -> Line:
    n = len(sample.y)
    if n == 0:
        prior_only = tuple(tuple(s * s if i == j else 0.0 for j in range(2)) for i, s in enumerate(sds[:2]))
        return Line(0.0, (0.0, 0.0), prior_only, 2.0 * PERIOD_PRIOR**2, PERIOD_DF, 0.0, 0)
    at = float(sample.w @ sample.z / sample.w.sum())
    dispersion = 1.0 if sample.chance else _dispersion(sample)
    best: tuple[float, int, Floats] | None = None
    for terms in range(2, len(sds) + 1):
        D = _design(sample.z, at, terms)
        prior = 1.0 / np.array(sds[:terms]) ** 2
        beta, loss = _solve(sample, D, prior, dispersion)
        price = 0.5 * (terms - 2) * math.log(max(_worth(sample), 2.0))
        if terms == 2 or (best is not None and loss + price < best[0] and _rising(beta, at)):
            best = (loss + price, terms, beta)
    assert best is not None
    _, terms, beta = best
    if beta[1] < -0.95:  # a score that ranks the wrong way round tells nothing: flatten it, do not reverse it
        beta = np.array([beta[0], -0.95, *np.zeros(terms - 2)])
    D, prior = _design(sample.z, at, terms), 1.0 / np.array(sds[:terms]) ** 2
    covariance = _covariance(sample, D, beta, prior, dispersion)
    mean, slope = _moments(sample, D, beta)
    periods = len(np.unique(sample.groups))
    between = _excess(sample, mean, slope, sample.groups, 1)
    variance = between + PERIOD_PRIOR**2 * 2.0 / (periods + 1)
    ranks = np.argsort(np.argsort(sample.z, kind="stable"), kind="stable")
    bands = (ranks * min(BANDS, n) // n).astype(np.intp)
    unfit = _excess(sample, mean, slope, bands, terms)
    if sample.timed and sample.chance:  # an amount's total is to come out right, whatever the periods say
        beta = _lasting(beta, variance / periods + covariance[0, 0], periods)
    return Line(
        at,
        tuple(beta.tolist()),
        tuple(tuple(r) for r in covariance.tolist()),
        variance * (1.0 + 1.0 / periods),
        max(PERIOD_DF, periods - 1.0),
        unfit,
        n,
    )


def _lasting(beta: Floats, doubt: float, periods: int) -> Floats:
    """What is to be expected of the line in a period to come; `doubt` is the variance of the mean offset.

    An offset that so few periods could not show by chance (t test, 1%) is a fault of the model and stays.
    """
    kept = np.full(len(beta), periods / (periods + SLOPE_PERIODS))
    chance = float(student(0.995, max(periods - 1.0, 1.0))) ** 2 * doubt
    lasting = LASTING**2 + max(0.0, float(beta[0]) ** 2 - chance)
    kept[0] = lasting / (lasting + doubt)
    return cast("Floats", beta * kept)


def _dispersion(sample: _Sample) -> float:
    """Spread of amounts around the model, in units of the amount (Pearson), after one common factor."""
    mean = np.exp(sample.z)
    total = sample.w @ mean
    factor = max(float(sample.w @ sample.y / total), 1e-9) if total > 0 else 1.0
    mean = mean * factor
    return max(float(sample.w @ ((sample.y - mean) ** 2 / mean) / sample.w.sum()), 1e-9)


def _worth(sample: _Sample) -> float:
    """Rows that carry information: twice the rarer answer for a chance."""
    if not sample.chance:
        return float(sample.w.sum())
    ones = float(sample.w @ sample.y)
    return 2.0 * min(ones, float(sample.w.sum()) - ones)


def _rising(beta: Floats, at: float) -> bool:
    """Whether the three-term line rises everywhere: its slope runs between those at the two ends."""
    here = float(sigmoid(at))
    return bool(min(-beta[2] * here, beta[2] * (1.0 - here)) + 1.0 + beta[1] > 0.02)


def _center(line: Line, z: Floats) -> Floats:
    return cast("Floats", z + _design(z, line.at, len(line.beta)) @ np.array(line.beta))


def _half_width(line: Line, z: Floats, level: float) -> Floats:
    D = _design(z, line.at, len(line.beta))
    known = np.einsum("ij,jk,ik->i", D, np.array(line.covariance), D) + line.fit_variance
    known = np.maximum(known, 0.0)
    variance = known + line.period_variance
    # Welch-Satterthwaite: the parameters' part counts as known, the periods' has period_df degrees of freedom.
    df = line.period_df * (variance / line.period_variance) ** 2
    return cast("Floats", np.sqrt(variance) * student(0.5 + level / 2.0, df))


def student(p: float, df: Any) -> Floats:
    """Quantile `p` > 0.5 of Student's t for degrees of freedom `df` (any shape, 1 or more), to about 1e-4.

    With t = sqrt(df) tan(v), the density of v is proportional to cos(v) ** (df - 1): summed on a grid for a table
    of 1 / df, then interpolated in 1 / df, in which the quantile is smooth.
    """
    low = 1.0 / float(np.max(df, initial=1.0))
    high = 1.0 / float(np.min(df, initial=1e9))
    table = np.linspace(low, high, 1 if high - low < 1e-12 else 60)
    quantiles = []
    for inverse in table:
        if inverse < 1e-5:
            quantiles.append(NormalDist().inv_cdf(p))
            continue
        reach = min(math.pi / 2.0, 40.0 * math.sqrt(inverse))
        v = np.linspace(0.0, reach, 4001)
        density = np.exp((1.0 / inverse - 1.0) * np.log(np.maximum(np.cos(v), 1e-300)))
        mass = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2.0)])
        quantiles.append(math.tan(float(np.interp(2.0 * p - 1.0, mass / mass[-1], v))) / math.sqrt(inverse))
    return cast("Floats", np.interp(1.0 / np.asarray(df, dtype=np.float64), table, quantiles))


class _Calibration:
    """What the two calibrations share: the line, its JSON, the interval."""

    kind = ""

    def __init__(self, line: Line | None = None) -> None:
        self.line = line or _fit_line(_sample([], [], None, None, None, True), CHANCE_PRIOR)

    def save(self, path: Path) -> None:
        """Write JSON to the file `path`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"kind": self.kind, "line": asdict(self.line)}, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` wrote, to the bit. Raises FootfallError when the file is absent or of the other kind."""
        if not path.is_file():
            raise FootfallError(f"there is no calibration at {path}; fit the model again")
        body = json.loads(path.read_text(encoding="utf-8"))
        if body["kind"] != cls.kind:
            raise FootfallError(f"the calibration at {path} is of kind '{body['kind']}', not '{cls.kind}'")
        kept = body["line"]
        kept["beta"] = tuple(kept["beta"])
        kept["covariance"] = tuple(tuple(r) for r in kept["covariance"])
        return cls(Line(**kept))


class Calibrator(_Calibration):
    """Calibrated chances. Before `fit` it is the identity with a wide interval."""

    kind = "chance"

    def fit(self, p: Any, y: Any, weight: Any = None, groups: Any = None, clusters: Any = None) -> Self:
        """`p`, `y` (n,) predictions for later times and what then happened; `weight` sampling weights (their unit
        does not matter); `groups` (n,) cutoffs; `clusters` (n,) customers. Raises FootfallError when lengths differ.
        """
        sample = _sample(logit(p, 1e-6), y, weight, groups, clusters, True)
        self.line = _fit_line(sample, CHANCE_PRIOR)
        return self

    def apply(self, p: Any) -> Floats:
        """(n,) calibrated probabilities; the order of the scores is kept."""
        return sigmoid(_center(self.line, logit(p, 1e-6)))

    def interval(self, p: Any, level: float = 0.95) -> tuple[Floats, Floats]:
        """(lower, upper), (n,) each, of the probability of customers with such scores; `p` as given to `apply`."""
        z = logit(p, 1e-6)
        middle, half = _center(self.line, z), _half_width(self.line, z, level)
        return sigmoid(middle - half), sigmoid(middle + half)


class ScaleCalibrator(_Calibration):
    """Calibrated amounts: a factor that makes the total right, a mild power, and the interval of the expectation."""

    kind = "amount"

    def fit(self, amount: Any, y: Any, weight: Any = None, groups: Any = None, clusters: Any = None) -> Self:
        """As `Calibrator.fit`, for predicted amounts (not negative) and the amounts that then came."""
        amount = np.asarray(amount, dtype=np.float64).ravel()
        mean = float(amount[np.isfinite(amount)].mean()) if np.isfinite(amount).any() else 0.0
        # Below a thousandth of the mean, differences are noise and their logarithm would rule the slope.
        floor = max(1e-3 * mean, 1e-9)
        sample = _sample(_log(amount, floor), y, weight, groups, clusters, False)
        self.line = replace(_fit_line(sample, AMOUNT_PRIOR), floor=floor)
        return self

    def apply(self, amount: Any) -> Floats:
        """(n,) calibrated expectations."""
        return cast("Floats", np.exp(_center(self.line, _log(amount, self.line.floor))))

    def interval(self, amount: Any, level: float = 0.95) -> tuple[Floats, Floats]:
        """(lower, upper) of the expectation of customers with such predictions; `amount` as given to `apply`."""
        z = _log(amount, self.line.floor)
        middle, half = _center(self.line, z), _half_width(self.line, z, level)
        return cast("Floats", np.exp(middle - half)), cast("Floats", np.exp(middle + half))


def _log(amount: Any, floor: float) -> Floats:
    return cast("Floats", np.log(np.maximum(np.asarray(amount, dtype=np.float64), floor)))
