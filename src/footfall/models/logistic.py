"""The linear model: regularised logistic regression for chances, its log-linear counterpart for amounts.

Columns are made comparable first (`scaling`); a missing value becomes the mean plus a missing indicator. Chances:
L2-penalised likelihood. Amounts: quasi-Poisson with log link, whose fitted total equals the true total (Gourieroux,
Monfort and Trognon 1984: consistent for any spread), with the same penalty.

Settings: `l2` (strength of the penalty on standardised coefficients, default 10; per-row weight one), `log` (True:
transform skewed columns), `steps` (300, at most).

All arrays are kept in one npz file; prediction needs NumPy only.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import numpy as np

from footfall.models.contract import (
    AMOUNT,
    CHANCE,
    Floats,
    checked_settings,
    logit,
    matrix,
    missing_model,
    shrunk_rate,
    sigmoid,
    training_data,
)
from footfall.models.scaling import Scaling

_DEFAULTS: dict[str, Any] = {"l2": 10.0, "log": True, "steps": 300}
BLOCK = 50_000
NOTHING = -30.0  # log of an amount that was never anything but zero
WIDE = 500
"""Columns from which a matrix with fewer rows than columns is turned first, so that only as many are solved for."""


class Logistic:
    """A straight line on a transformed scale: fast, smooth, hard to beat on little data."""

    name = "logistic"
    kinds = frozenset({CHANCE, AMOUNT})
    space: ClassVar[dict[str, Any]] = {"l2": (0.1, 3000.0, "log")}

    def __init__(self, kind: str, seed: int = 0, **settings: Any) -> None:
        checked_settings(self.name, kind, self.kinds, settings, _DEFAULTS)
        self.kind = kind
        self.seed = seed
        self.scale = "log-odds" if kind == CHANCE else "log"
        self.settings = {**_DEFAULTS, **settings}
        self._base = 0.0
        self._scaling = Scaling(np.zeros(0), np.zeros(0, dtype=bool), np.zeros(0), np.zeros(0))
        self._slope = self._absent = np.zeros(0)

    def fit(self, X: Any, y: Any, weight: Any = None, features: list[str] | None = None, groups: Any = None) -> Self:
        X, y, w = training_data(self.kind, X, y, weight)
        d = X.shape[1]
        if self.kind == AMOUNT:
            y = np.maximum(y, 0.0)
        self._scaling = Scaling.learn(X, w, bool(self.settings["log"]))
        self._slope, self._absent = np.zeros(d), np.zeros(d)
        total = w.sum()
        if y.min() == y.max() or d == 0 or not (self._scaling.spread > 0).any():
            mean = shrunk_rate(y, w) if self.kind == CHANCE else float(w @ y / total)
            self._base = float(logit(mean)) if self.kind == CHANCE else _log_or_nothing(mean)
            return self
        Z, holes = self._scaling.apply(X)
        known = np.flatnonzero(holes.any(axis=0) & ~holes.all(axis=0))
        design = np.hstack([Z, holes[:, known].astype(np.float64)])
        unit = 1.0 if self.kind == CHANCE else float(w @ y / total)
        coefficients, base = self._solved(design, y / unit, w)
        self._slope = coefficients[:d]
        self._absent[known] = coefficients[d:]
        self._base = base + float(np.log(unit))
        if self.kind == AMOUNT:  # the penalised optimum is approximate: make the total exact
            self._base += float(np.log((w @ y) / (w @ np.exp(self._raw(X)))))
        return self

    def _solved(self, design: Floats, y: Floats, w: Floats) -> tuple[Floats, float]:
        """Coefficients and base. With more columns than rows the solution lies in the rows' span: turned into it, the
        same penalised optimum has as many unknowns as there are rows."""
        n, d = design.shape
        if d < WIDE or d <= n:
            return self._solve(design, y, w)
        left, size, right = np.linalg.svd(design, full_matrices=False)
        found, base = self._solve(left * size, y, w)
        return found @ right, base

    def _solve(self, design: Floats, y: Floats, w: Floats) -> tuple[Floats, float]:
        l2, steps = float(self.settings["l2"]), int(self.settings["steps"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if self.kind == CHANCE:
                from sklearn.linear_model import LogisticRegression

                line = LogisticRegression(C=1.0 / l2, max_iter=steps, tol=1e-6, solver="newton-cholesky")
                line.fit(design, y, sample_weight=w)
                return cast("Floats", line.coef_[0].copy()), float(line.intercept_[0])
            from sklearn.linear_model import PoissonRegressor

            # scikit-learn divides the deviance by the total weight, so the penalty is divided too.
            poisson = PoissonRegressor(alpha=l2 / float(w.sum()), max_iter=steps, tol=1e-6, solver="newton-cholesky")
            poisson.fit(design, y, sample_weight=w)
            return cast("Floats", poisson.coef_.copy()), float(poisson.intercept_)

    def contributions(self, X: Any) -> Floats:
        X = matrix(X, len(self._slope))
        out = np.empty((len(X), X.shape[1] + 1))
        Z, holes = self._scaling.apply(X)
        out[:, :-1] = Z * self._slope + np.where(holes, self._absent, 0.0)
        out[:, -1] = self._base
        return out

    def _raw(self, X: Floats) -> Floats:
        # Row sums, not a matrix product: a row's score must not depend on the rows beside it.
        blocks = [self.contributions(X[i : i + BLOCK]).sum(axis=1) for i in range(0, len(X), BLOCK)]
        return np.concatenate(blocks) if blocks else np.zeros(0)

    def predict(self, X: Any) -> Floats:
        raw = self._raw(matrix(X, len(self._slope)))
        return sigmoid(raw) if self.kind == CHANCE else np.exp(np.minimum(raw, 700.0))

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        body = {"name": self.name, "kind": self.kind, "seed": self.seed, "settings": self.settings}
        (folder / "logistic.json").write_text(json.dumps(body, indent=1), encoding="utf-8")
        np.savez(
            folder / "logistic.npz",
            **self._scaling.arrays(),
            slope=self._slope,
            absent=self._absent,
            base=np.array(self._base),
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        path = folder / "logistic.json"
        if not path.is_file():
            raise missing_model(cls.name, folder)
        body = json.loads(path.read_text(encoding="utf-8"))
        model = cls(body["kind"], body["seed"], **body["settings"])
        with np.load(folder / "logistic.npz", allow_pickle=False) as kept:
            model._scaling = Scaling.of(kept)
            model._slope, model._absent = kept["slope"], kept["absent"]
            model._base = float(kept["base"])
        return model


def _log_or_nothing(mean: float) -> float:
    return float(np.log(mean)) if mean > 0 else NOTHING


MODEL = Logistic
