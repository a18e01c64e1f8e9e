"""Boosted trees by CatBoost (extra `catboost`): as `boosted`, by another hand, of symmetric trees.

Chances: log loss. Amounts: Tweedie deviance with log link, then one factor that makes the total exact. Kept as
CatBoost's own `cbm`. Contributions are the library's TreeSHAP values, exact; its last bits are closed as `xgboost`'s.

Settings: `trees`, `learning_rate`, `depth`, `l2` (defaults follow the number of rows), `feature_share` (0.5),
`row_share` (0.7), `power` (1.5, of Tweedie), `threads` (1).

Source: Prokhorenkova et al. 2018, CatBoost.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from footfall.models.contract import CHANCE, Floats
from footfall.models.estimator import Estimator, Rows, rounded_up

EXTRA = "catboost"
TINY = 200


class CatBoost(Estimator):
    """Gradient-boosted symmetric trees of the library `catboost`."""

    name = "catboost"
    known: ClassVar[dict[str, Any]] = {
        "trees": None,
        "learning_rate": 0.08,
        "depth": None,
        "feature_share": 0.5,
        "row_share": 0.7,
        "l2": 10.0,
        "power": 1.5,
        "threads": 1,
    }
    space: ClassVar[dict[str, Any]] = {
        "trees": (50, 800, "log-int"),
        "learning_rate": (0.01, 0.3, "log"),
        "depth": (2, 8, "int"),
        "feature_share": (0.2, 1.0, "float"),
        "row_share": (0.4, 1.0, "float"),
        "l2": (0.1, 100.0, "log"),
    }

    def __init__(self, kind: str, seed: int = 0, **settings: Any) -> None:
        super().__init__(kind, seed, **settings)
        self._booster: Any = None

    def _learn(self, rows: Rows) -> None:
        import catboost

        n = len(rows.y)
        s = self.settings
        tiny = n < TINY
        parameters: dict[str, Any] = {
            "loss_function": "Logloss" if self.kind == CHANCE else f"Tweedie:variance_power={float(s['power'])}",
            "iterations": int(s["trees"] or (40 if tiny else 200)),
            "learning_rate": float(s["learning_rate"]),
            "depth": int(s["depth"] or (1 if tiny else np.clip(np.log2(n) - 7.0, 2, 6))),
            "l2_leaf_reg": float(s["l2"]),
            "rsm": float(s["feature_share"]),
            "bootstrap_type": "No" if tiny else "Bernoulli",
            "boosting_type": "Plain",
            "border_count": 128,
            "thread_count": int(s["threads"]),
            "random_seed": self.seed % 2_000_000_011,
            "allow_writing_files": False,
            "logging_level": "Silent",
        }
        if not tiny:
            parameters["subsample"] = float(s["row_share"])
        pool = catboost.Pool(rows.X, rows.y, weight=rows.w / rows.w.mean())
        self._booster = catboost.CatBoost(parameters)
        self._booster.fit(pool)

    def _score(self, X: Floats) -> Floats:
        told = self._booster.predict(X, prediction_type="RawFormulaVal", thread_count=1)
        return np.asarray(told, dtype=np.float64)

    def _parts(self, X: Floats) -> Floats:
        import catboost

        told = self._booster.get_feature_importance(catboost.Pool(X), type="ShapValues", thread_count=1)
        return rounded_up(np.array(told, dtype=np.float64), self._score(X))

    def _write(self, folder: Path) -> dict[str, Any]:
        self._booster.save_model(str(folder / "booster.cbm"))
        return {}

    def _read(self, folder: Path, body: dict[str, Any]) -> None:
        import catboost

        self._booster = catboost.CatBoost()
        self._booster.load_model(str(folder / "booster.cbm"))


if find_spec("catboost"):
    MODEL = CatBoost
