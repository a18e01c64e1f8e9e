"""Boosted trees by XGBoost (extra `xgboost`): as `boosted`, by another hand.

Chances: log loss. Amounts: Tweedie deviance with log link, then one factor that makes the total exact. Histograms,
depth-wise trees. Kept as XGBoost's own JSON. Contributions are exact TreeSHAP values; the library computes them in
single precision, and what that rounds away (some 1e-6) is given to the largest part of each row.

Settings: `trees`, `learning_rate`, `depth`, `min_weight` (of the second derivatives in a leaf), `feature_share`,
`row_share`, `l2` (defaults follow the number of rows), `power` (1.5, of Tweedie), `threads` (1).

Source: Chen and Guestrin 2016, XGBoost.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from footfall.models.contract import CHANCE, Floats
from footfall.models.estimator import Estimator, Rows, rounded_up

EXTRA = "xgboost"
TINY = 200


class XGBoost(Estimator):
    """Gradient-boosted trees of the library `xgboost`."""

    name = "xgboost"
    known: ClassVar[dict[str, Any]] = {
        "trees": None,
        "learning_rate": 0.06,
        "depth": None,
        "min_weight": None,
        "feature_share": 0.5,
        "row_share": 0.7,
        "l2": 10.0,
        "power": 1.5,
        "threads": 1,
    }
    space: ClassVar[dict[str, Any]] = {
        "trees": (50, 600, "log-int"),
        "learning_rate": (0.01, 0.2, "log"),
        "depth": (2, 8, "int"),
        "min_weight": (0.5, 100.0, "log"),
        "feature_share": (0.2, 1.0, "float"),
        "row_share": (0.4, 1.0, "float"),
        "l2": (0.1, 100.0, "log"),
    }

    def __init__(self, kind: str, seed: int = 0, **settings: Any) -> None:
        super().__init__(kind, seed, **settings)
        self._booster: Any = None

    def _learn(self, rows: Rows) -> None:
        import xgboost as xgb

        n = len(rows.y)
        s = self.settings
        tiny = n < TINY
        chance = self.kind == CHANCE
        parameters: dict[str, Any] = {
            "objective": "binary:logistic" if chance else "reg:tweedie",
            "tree_method": "hist",
            "max_bin": 128,
            "learning_rate": float(s["learning_rate"]),
            "max_depth": int(s["depth"] or (1 if tiny else np.clip(np.log2(n) - 8.0, 2, 5))),
            "min_child_weight": float(s["min_weight"] or np.clip(n / 60, 2, 800) * (0.25 if chance else 1.0)),
            "subsample": 1.0 if tiny else float(s["row_share"]),
            "colsample_bytree": float(s["feature_share"]),
            "reg_lambda": float(s["l2"]),
            "base_score": float(np.average(rows.y, weights=rows.w)),
            "nthread": int(s["threads"]),
            "seed": self.seed % 2_000_000_011,
            "verbosity": 0,
        }
        if not chance:
            parameters["tweedie_variance_power"] = float(s["power"])
        # Weights of mean one: the regularisation must not depend on their unit.
        weight = rows.w / rows.w.mean()
        train = xgb.QuantileDMatrix(rows.X, rows.y, weight=weight, max_bin=128, nthread=int(s["threads"]))
        booster = xgb.train(parameters, train, num_boost_round=int(s["trees"] or (40 if tiny else 150)))
        self._take(booster.save_raw("json"))

    def _take(self, raw: bytearray) -> None:
        """Through JSON at once: what predicts now is what will be loaded later, to the last bit."""
        import xgboost as xgb

        self._booster = xgb.Booster({"nthread": 1})
        self._booster.load_model(raw)

    def _told(self, X: Floats, **what: bool) -> Floats:
        import xgboost as xgb

        table = xgb.DMatrix(X, nthread=1)
        return np.asarray(self._booster.predict(table, **what), dtype=np.float64)

    def _score(self, X: Floats) -> Floats:
        return self._told(X, output_margin=True)

    def _parts(self, X: Floats) -> Floats:
        return rounded_up(self._told(X, pred_contribs=True), self._score(X))

    def _write(self, folder: Path) -> dict[str, Any]:
        (folder / "booster.json").write_bytes(self._booster.save_raw("json"))
        return {}

    def _read(self, folder: Path, body: dict[str, Any]) -> None:
        self._take(bytearray((folder / "booster.json").read_bytes()))


if find_spec("xgboost"):
    MODEL = XGBoost
