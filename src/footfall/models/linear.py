"""Elastic net: a straight line of few features.

Columns are made comparable first (`scaling`); a missing value becomes the mean plus a missing indicator. Amounts:
squared loss, identity link, never below zero: what is asked on a scale of its own (a rating, a number of weeks) or adds
up from parts. Chances: logistic loss. The penalty is `strength` times the size of what chance alone would show of a
feature that says nothing, `sd(y) sqrt(2 log d / n)`; of it `lasso` (0 to 1) is the absolute values of the
coefficients, which leaves features out altogether, and the rest half their squares (0: ridge). Coordinate descent, for
chances within iteratively reweighted squares.

Settings: `strength` (0.3), `lasso` (0.5), `log` (True: transform skewed columns), `steps` (30, of reweighting).

Source: Zou and Hastie 2005, Elastic net; Friedman, Hastie and Tibshirani 2010, Regularization paths.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from footfall.models.contract import AMOUNT, CHANCE, Floats, logit, sigmoid
from footfall.models.estimator import Estimator, Rows
from footfall.models.scaling import SKEWED, Scaling

BLOCK = 50_000
LEAST_CURVE = 1e-4
"""Of the logistic curve: where a chance is nearly sure, reweighting would else divide by nothing."""


class Linear(Estimator):
    """Elastic net for amounts and chances."""

    name = "linear"
    scales: ClassVar[dict[str, str]] = {CHANCE: "log-odds", AMOUNT: "linear"}
    known: ClassVar[dict[str, Any]] = {"strength": 0.3, "lasso": 0.5, "log": True, "steps": 30}
    space: ClassVar[dict[str, Any]] = {
        "strength": (0.001, 10.0, "log"),
        "lasso": (0.0, 1.0, "float"),
        "log": (True, False),
    }

    def __init__(self, kind: str, seed: int = 0, **settings: Any) -> None:
        super().__init__(kind, seed, **settings)
        self._scaling = Scaling(np.zeros(0), np.zeros(0, dtype=bool), np.zeros(0), np.zeros(0))
        self._slope = self._absent = np.zeros(0)

    def _learn(self, rows: Rows) -> None:
        self._scaling = Scaling.learn(rows.X, rows.w, bool(self.settings["log"]), SKEWED)
        Z, holes = self._scaling.apply(rows.X)
        known = np.flatnonzero(holes.any(axis=0) & ~holes.all(axis=0))
        live = np.flatnonzero(self._scaling.spread > 0)
        design = np.asfortranarray(np.hstack([Z[:, live], holes[:, known].astype(np.float64)]))
        found, base = self._solve(design, rows.y, rows.w)
        self._slope, self._absent = np.zeros(self._width), np.zeros(self._width)
        self._slope[live], self._absent[known] = found[: len(live)], found[len(live) :]
        self._base = base

    def _solve(self, design: Floats, y: Floats, w: Floats) -> tuple[Floats, float]:
        from sklearn.linear_model import ElasticNet, Ridge

        mean, total = float(w @ y / w.sum()), float(w.sum())
        spread = float(np.sqrt(w @ (y - mean) ** 2 / total))
        # At least two columns, or the penalty would vanish.
        penalty = float(self.settings["strength"]) * spread * np.sqrt(2.0 * np.log(max(2, design.shape[1])) / total)
        lasso = float(self.settings["lasso"])

        def squares(target: Floats, curve: Floats, scale: float, start: Floats | None) -> tuple[Floats, float]:
            """The penalised line through `target` with row weights `w * curve`."""
            weight = w * curve
            # scikit-learn divides by the sum of weights, which reweighting changes: so does the penalty.
            alpha = penalty / scale * total / float(weight.sum())
            if lasso == 0.0:
                line: Any = Ridge(alpha=alpha * float(weight.sum()), solver="lsqr", tol=1e-8)
            else:
                line = ElasticNet(alpha=alpha, l1_ratio=lasso, tol=1e-7, max_iter=2000, warm_start=True)
                if start is not None:
                    line.coef_ = start
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                line.fit(design, target, sample_weight=weight)
            return np.asarray(line.coef_, dtype=np.float64).copy(), float(line.intercept_)

        if self.kind == AMOUNT:
            found, base = squares((y - mean) / spread, np.ones(len(y)), spread, None)
            return found * spread, base * spread + mean
        found, base = np.zeros(design.shape[1]), float(logit(mean))
        for _ in range(int(self.settings["steps"])):
            raw = design @ found + base
            p = sigmoid(raw)
            curve = np.maximum(p * (1.0 - p), LEAST_CURVE)
            new, moved = squares(raw + (y - p) / curve, curve, 1.0, found.copy())
            step = max(float(np.abs(new - found).max(initial=0.0)), abs(moved - base))
            found, base = new, moved
            if step < 1e-6:
                break
        return found, base

    def _parts(self, X: Floats) -> Floats:
        out = np.zeros((len(X), self._width + 1))
        Z, holes = self._scaling.apply(X)
        out[:, :-1] = Z * self._slope + np.where(holes, self._absent, 0.0)
        return out

    def _score(self, X: Floats) -> Floats:
        # Row sums, not a matrix product: a row's score must not depend on the rows beside it.
        return np.concatenate([self._parts(X[i : i + BLOCK]).sum(axis=1) for i in range(0, len(X), BLOCK)])

    def _write(self, folder: Path) -> dict[str, Any]:
        np.savez(folder / "linear.npz", **self._scaling.arrays(), slope=self._slope, absent=self._absent)
        return {}

    def _read(self, folder: Path, body: dict[str, Any]) -> None:
        with np.load(folder / "linear.npz", allow_pickle=False) as kept:
            self._scaling = Scaling.of(kept)
            self._slope, self._absent = kept["slope"], kept["absent"]


MODEL = Linear
