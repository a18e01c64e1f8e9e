"""Random forest, or extra trees: the mean of many deep trees, each grown on its own draw of rows and features.

The trees are grown to the squared error (for chances Gini's impurity), by LightGBM, and kept as its text. A leaf
answers the mean of its rows, and the forest the mean of its trees: amounts add up as they are (`linear`). A chance is
drawn towards the base rate by one row's worth, so that it is never 0 or 1. Contributions are exact TreeSHAP values of
that mean; of a chance they are put on log-odds by one factor a row, so that the shares among features stay.

Settings: `trees` (100), `leaves` (default follows the rows), `min_leaf` (rows, follows the rows), `feature_share` (of
the features at each split; default 1 / sqrt(d), but at least 0.3), `row_share` (0.632, without replacement), `extra`
(False; True draws the thresholds: extra trees), `threads` (1).

Source: Breiman 2001, Random forests; Geurts, Ernst and Wehenkel 2006, Extremely randomized trees.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from footfall.models.contract import AMOUNT, CHANCE, Floats, logit
from footfall.models.estimator import Estimator, Rows, on_log_odds

THREADED_FROM = 20_000
"""Rows from which two threads score: few are done sooner by one."""


class Forest(Estimator):
    """The mean of many trees, deterministic to the bit."""

    name = "forest"
    scales: ClassVar[dict[str, str]] = {CHANCE: "log-odds", AMOUNT: "linear"}
    known: ClassVar[dict[str, Any]] = {
        "trees": 100,
        "leaves": None,
        "min_leaf": None,
        "feature_share": None,
        "row_share": 0.632,
        "extra": False,
        "threads": 1,
    }
    space: ClassVar[dict[str, Any]] = {
        "min_leaf": (5, 500, "log-int"),
        "leaves": (15, 255, "log-int"),
        "feature_share": (0.1, 0.8, "float"),
        "row_share": (0.3, 0.8, "float"),
        "extra": (False, True),
    }

    def __init__(self, kind: str, seed: int = 0, **settings: Any) -> None:
        super().__init__(kind, seed, **settings)
        self._booster: Any = None
        self._pull = 0.0  # share of the base rate in every chance
        self._rate = 0.0  # the base rate

    def _learn(self, rows: Rows) -> None:
        import lightgbm as lgb

        X, y, w = rows.X, rows.y, rows.w
        n = len(y)
        s = self.settings
        wide = max(0.3, 1.0 / float(np.sqrt(self._width)))
        leaves = s["leaves"] or int(np.clip(n / 25, 4, 127))
        parameters = {
            "objective": "regression",
            "boosting": "rf",
            "num_leaves": max(2, int(leaves)),
            "min_data_in_leaf": int(s["min_leaf"] or np.clip(n / 100, 2, 100)),
            "min_sum_hessian_in_leaf": 0.0,
            "feature_fraction_bynode": float(s["feature_share"] or wide),
            "bagging_fraction": float(s["row_share"]),
            "bagging_freq": 1,
            "extra_trees": bool(s["extra"]),
            "max_bin": 127,
            "num_threads": int(s["threads"]),
            "deterministic": True,
            "force_col_wise": True,
            "verbosity": -1,
            "seed": self.seed % 2_000_000_011,
        }
        names = [f"f{i}" for i in range(self._width)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            train = lgb.Dataset(X, y, weight=w, feature_name=names, params=parameters)
            booster = lgb.train(parameters, train, num_boost_round=int(s["trees"]))
        self._booster = lgb.Booster(model_str=booster.model_to_string())
        self._rate = float(w @ y / w.sum())
        self._pull = 1.0 / (float(w.sum()) + 1.0) if self.kind == CHANCE else 0.0

    def _mean(self, X: Floats) -> Floats:
        told = self._told(X, raw_score=True)
        return self._pull * self._rate + (1.0 - self._pull) * told

    def _score(self, X: Floats) -> Floats:
        return logit(self._mean(X)) if self.kind == CHANCE else self._mean(X)

    def _parts(self, X: Floats) -> Floats:
        parts = self._told(X, pred_contrib=True) * (1.0 - self._pull)
        parts[:, -1] += self._pull * self._rate
        return on_log_odds(parts, self._mean(X)) if self.kind == CHANCE else parts

    def _told(self, X: Floats, **what: bool) -> Floats:
        """Raw scores or parts: LightGBM answers either as the sum of a forest's trees."""
        told = self._booster.predict(X, num_threads=self._threads(len(X)), **what)
        return np.asarray(np.asarray(told) / self._booster.num_trees(), dtype=np.float64)

    def _threads(self, n: int) -> int:
        return max(2, int(self.settings["threads"])) if n >= THREADED_FROM else 1

    def _write(self, folder: Path) -> dict[str, Any]:
        (folder / "forest.txt").write_text(self._booster.model_to_string(), encoding="utf-8")
        return {"pull": self._pull, "rate": self._rate}

    def _read(self, folder: Path, body: dict[str, Any]) -> None:
        import lightgbm as lgb

        self._booster = lgb.Booster(model_str=(folder / "forest.txt").read_text(encoding="utf-8"))
        self._pull, self._rate = body["pull"], body["rate"]


MODEL = Forest
