"""Columns made comparable for models that add or multiply them: the linear ones, the neural one, the hazard.

Each column becomes `sign(x) log(1 + |x| / s)` when that is less skewed (s: its median absolute value), is standardised
and cut at 4 standard deviations, so that one whale cannot bend a line; a missing value becomes the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from footfall.models.contract import Floats

CUT = 4.0
SKEWED = 1.0
"""Skewness from which a column is worth another scale."""
SKEW_ROWS = 5_000
"""Rows that tell whether a column is better read on a log scale."""


@dataclass(frozen=True)
class Scaling:
    """Learnt of each of d columns; `spread` is 0 where a column does not vary."""

    unit: Floats
    logged: Any
    mean: Floats
    spread: Floats

    @classmethod
    def learn(cls, X: Floats, w: Floats, log: bool = True, least: float = 0.0) -> Scaling:
        """From `X` (n, d) with NaN for missing and weights `w` (n,).

        `log` allows the log scale, for columns whose skewness is more than `least`: what is nearly even already, a log
        scale would only bend.
        """
        d = X.shape[1]
        X = np.asfortranarray(X)  # read by column
        unit, middle, width = np.ones(d), np.zeros(d), np.zeros(d)
        logged = np.zeros(d, dtype=bool)
        for j in range(d):
            seen = ~np.isnan(X[:, j])
            x, v = X[seen, j], w[seen]
            if len(x) == 0 or x.min() == x.max():
                middle[j] = x[0] if len(x) else 0.0
                continue
            size = np.abs(x)
            half = _weighted_median(size[size > 0], v[size > 0])
            squeezed = np.sign(x) * np.log1p(size / half)
            some = slice(None, None, max(1, len(x) // SKEW_ROWS))
            skew = _skew(x[some], v[some])
            if log and skew > least and _skew(squeezed[some], v[some]) < skew:
                logged[j], unit[j], x = True, half, squeezed
            mean = v @ x / v.sum()
            spread = float(np.sqrt(v @ (x - mean) ** 2 / v.sum()))
            middle[j] = mean
            width[j] = spread if spread > 1e-12 * max(1.0, abs(mean)) else 0.0
        return cls(unit, logged, middle, width)

    def apply(self, X: Floats) -> tuple[Floats, Any]:
        """(n, d) standardised columns (missing at the mean: 0) and (n, d) where the missing are."""
        holes = np.isnan(X)
        squeezed = np.sign(X) * np.log1p(np.abs(X) / self.unit)
        Z = np.where(self.logged, squeezed, X) - self.mean
        Z = np.divide(Z, self.spread, out=np.zeros_like(Z), where=self.spread > 0)
        return np.clip(np.where(holes, 0.0, Z), -CUT, CUT), holes

    def arrays(self) -> dict[str, Any]:
        """By name, for an npz file."""
        return {"unit": self.unit, "logged": self.logged, "mean": self.mean, "spread": self.spread}

    @classmethod
    def of(cls, kept: Any) -> Scaling:
        """From what `arrays` gave."""
        return cls(kept["unit"], kept["logged"], kept["mean"], kept["spread"])


def _weighted_median(x: Floats, w: Floats) -> float:
    order = np.argsort(x, kind="stable")
    mass = np.cumsum(w[order])
    return float(x[order][np.searchsorted(mass, mass[-1] / 2)])


def _skew(x: Floats, w: Floats) -> float:
    """Absolute skewness."""
    away = x - w @ x / w.sum()
    second = w @ away**2 / w.sum()
    return float(abs(w @ away**3 / w.sum()) / second**1.5) if second > 0 else 0.0
