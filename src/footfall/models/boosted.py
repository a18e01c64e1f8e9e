"""Boosted trees (LightGBM): the default for chances and amounts.

Chances: log loss. Amounts: Tweedie deviance with log link, then one factor that makes the total over the training
rows exact (a log-link fit that shrinks leaves understates skewed money). Small data gets slow, heavily regularised
trees and the mean of several seeds on the raw scale, so that contributions stay additive; large data gets fewer,
larger steps and quantized gradients. Very small data (under 200 rows, or under 10 of either answer) gets stumps.

Settings, all with defaults that follow the number of rows: `trees`, `learning_rate`, `leaves`, `min_leaf`,
`feature_share`, `row_share`, `l2`, `bags`, `power` (Tweedie, 1 < power < 2), `threads` (1: callers fit several models
at once; column-wise histograms give the same bits on any number), `patience` (trees without gain before an early stop,
with `valid=` in `fit`).

Source: Ke et al. 2017, LightGBM; Shi et al. 2022, quantized training.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any, ClassVar, Self

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
from footfall.models.treeshap import Forest

_DEFAULTS: dict[str, Any] = {
    "trees": None,
    "learning_rate": None,
    "leaves": None,
    "min_leaf": None,
    "feature_share": None,
    "row_share": None,
    "l2": None,
    "bags": None,
    "power": 1.5,
    "threads": 1,
    "patience": 30,
}
TINY_ROWS = 200
TINY_POSITIVES = 10
QUANTIZED_FROM = 300_000
THREADED_FROM = 20_000
TABLES_FROM = 3_000
"""Rows from which on exact SHAP values are looked up in tables (`treeshap`), which are worth making then."""


class Boosted:
    """Gradient-boosted trees, deterministic to the bit."""

    name = "boosted"
    kinds = frozenset({CHANCE, AMOUNT})
    space: ClassVar[dict[str, Any]] = {
        "trees": (50, 600, "log-int"),
        "learning_rate": (0.01, 0.2, "log"),
        "leaves": (4, 127, "log-int"),
        "min_leaf": (10, 500, "log-int"),
        "feature_share": (0.2, 1.0, "float"),
        "row_share": (0.4, 1.0, "float"),
        "l2": (0.1, 100.0, "log"),
    }

    def __init__(self, kind: str, seed: int = 0, **settings: Any) -> None:
        checked_settings(self.name, kind, self.kinds, settings, _DEFAULTS)
        self.kind = kind
        self.seed = seed
        self.scale = "log-odds" if kind == CHANCE else "log"
        self.settings = {**_DEFAULTS, **settings}
        self._width = 0
        self._base = 0.0  # added to the mean of the boosters; the whole score when there is none
        self._boosters: list[Any] = []

    def fit(
        self,
        X: Any,
        y: Any,
        weight: Any = None,
        features: list[str] | None = None,
        groups: Any = None,
        valid: tuple[Any, Any, Any] | None = None,
    ) -> Self:
        """As the contract says; `valid` = (X, y, weight or None) of LATER rows stops adding trees in time."""
        import lightgbm as lgb

        X, y, w = training_data(self.kind, X, y, weight)
        self._width = X.shape[1]
        self._boosters = []
        if self.kind == AMOUNT:
            y = np.maximum(y, 0.0)  # returns can exceed sales: an expectation below zero helps nobody
        if y.min() == y.max() or self._width == 0 or len(y) < 4:
            self._base = _constant(self.kind, y, w)
            return self
        # Mean weight one: the regularisation must not depend on the unit of the weights.
        cutoffs = 1 if groups is None else max(1, len(np.unique(np.asarray(groups))))
        parameters, trees, bags = self._parameters(y, w, cutoffs)
        names = [f"f{i}" for i in range(self._width)]
        unit = 1.0
        if self.kind == AMOUNT:
            unit = float(w @ y / w.sum())
            y = y / unit
        train = lgb.Dataset(X, y, weight=w, feature_name=names, params=parameters, free_raw_data=False)
        watch: dict[str, Any] = {}
        if valid is not None:
            vX, vy, vw = training_data(self.kind, *valid)
            watch["valid_sets"] = [
                lgb.Dataset(vX, np.maximum(vy, 0.0) / unit, weight=vw, reference=train, params=parameters)
            ]
        for bag in range(bags):
            seeded = {**parameters, **_seeds(self.seed * 1009 + bag)}
            if watch:
                watch["callbacks"] = [lgb.early_stopping(int(self.settings["patience"]), verbose=False)]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                booster = lgb.train(seeded, train, num_boost_round=trees, **watch)
            # Through text at once: what predicts now is what will be loaded later, to the last bit.
            text = booster.model_to_string(num_iteration=booster.best_iteration or -1)
            self._boosters.append(lgb.Booster(model_str=text))
        self._base = 0.0
        if self.kind == AMOUNT:
            total = float(w @ np.exp(self._raw(X)))
            self._base = float(np.log(unit) + np.log(w @ y / total))
        return self

    def _parameters(self, y: Floats, w: Floats, cutoffs: int) -> tuple[dict[str, Any], int, int]:
        """Settings that follow the number of rows (and, for chances, of the rarer answer).

        Stacked cutoffs show the same customers again and again: trees grow with the rows of ONE cutoff, about
        sqrt(rows) / 8 leaves; on real shops more leaves learn customers by heart.
        """
        n = len(y)
        leaves = int(np.clip(0.13 * np.sqrt(n / cutoffs), 5, 63))
        rare = min(int((y > 0).sum()), int((y == 0).sum())) if self.kind == CHANCE else int((y > 0).sum())
        tiny = n < TINY_ROWS or rare < TINY_POSITIVES
        chosen: dict[str, Any]
        if tiny:
            chosen = {"trees": 40, "learning_rate": 0.05, "leaves": 2, "min_leaf": max(2, n // 10), "l2": 20.0}
        elif n < QUANTIZED_FROM:
            chosen = {
                "trees": 150,
                "learning_rate": 0.06,
                "leaves": leaves,
                "min_leaf": int(np.clip(n / 250, 10, 200)),
                "l2": 10.0,
            }
        else:
            chosen = {"trees": 150, "learning_rate": 0.08, "leaves": leaves, "min_leaf": 400, "l2": 10.0}
        chosen |= {"feature_share": 0.4, "row_share": 0.7, "bags": 2 if n < 20_000 and not tiny else 1}
        chosen |= {k: v for k, v in self.settings.items() if k in chosen and v is not None}
        parameters: dict[str, Any] = {
            "objective": "binary" if self.kind == CHANCE else "tweedie",
            "learning_rate": float(chosen["learning_rate"]),
            "num_leaves": max(2, int(chosen["leaves"])),
            "min_data_in_leaf": int(chosen["min_leaf"]),
            "min_sum_hessian_in_leaf": 1e-3,
            "feature_fraction": float(chosen["feature_share"]),
            "bagging_fraction": float(chosen["row_share"]),
            "bagging_freq": 0 if tiny else 1,
            "lambda_l2": float(chosen["l2"]) * float(w.mean()),
            "max_bin": 127,
            "num_threads": int(self.settings["threads"]),
            "deterministic": True,
            "force_col_wise": True,
            "verbosity": -1,
        }
        if self.kind == AMOUNT:
            parameters["tweedie_variance_power"] = float(self.settings["power"])
        if n >= QUANTIZED_FROM:
            parameters |= {"use_quantized_grad": True, "num_grad_quant_bins": 16, "quant_train_renew_leaf": True}
            parameters["stochastic_rounding"] = False  # its dice are thrown per thread: other threads, other bits
        return parameters, int(chosen["trees"]), max(1, int(chosen["bags"]))

    def _threads(self, n: int) -> int:
        # Few rows are done sooner by one thread than shared out (and much sooner on a busy machine).
        return max(2, int(self.settings["threads"])) if n >= THREADED_FROM else 1

    def _raw(self, X: Floats) -> Floats:
        out = np.full(len(X), self._base)
        if self._boosters and len(X):
            threads = self._threads(len(X))
            parts = [b.predict(X, raw_score=True, num_threads=threads) for b in self._boosters]
            out += np.sum(parts, axis=0) / len(parts)
        return out

    def predict(self, X: Any) -> Floats:
        raw = self._raw(matrix(X, self._width))
        return sigmoid(raw) if self.kind == CHANCE else np.exp(raw)

    def contributions(self, X: Any) -> Floats:
        """TreeSHAP values (Lundberg et al. 2020): few rows as LightGBM computes them, many by tables of patterns."""
        X = matrix(X, self._width)
        out = np.zeros((len(X), self._width + 1))
        if self._boosters and len(X) >= TABLES_FROM:
            forests = [Forest.of(booster) for booster in self._boosters]
            out += np.mean([f.contributions(X, self._threads(len(X))) for f in forests], axis=0)
        elif self._boosters and len(X):
            threads = self._threads(len(X))
            for booster in self._boosters:
                out += np.asarray(booster.predict(X, pred_contrib=True, num_threads=threads))
            out /= len(self._boosters)
        out[:, -1] += self._base
        return out

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("boosted_*.txt"):
            old.unlink()
        for i, booster in enumerate(self._boosters):
            (folder / f"boosted_{i}.txt").write_text(booster.model_to_string(), encoding="utf-8")
        body = {
            "name": self.name,
            "kind": self.kind,
            "seed": self.seed,
            "settings": self.settings,
            "width": self._width,
            "base": self._base,
            "boosters": len(self._boosters),
        }
        (folder / "boosted.json").write_text(json.dumps(body, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        import lightgbm as lgb

        path = folder / "boosted.json"
        if not path.is_file():
            raise missing_model(cls.name, folder)
        body = json.loads(path.read_text(encoding="utf-8"))
        model = cls(body["kind"], body["seed"], **body["settings"])
        model._width, model._base = body["width"], body["base"]
        model._boosters = [
            lgb.Booster(model_str=(folder / f"boosted_{i}.txt").read_text(encoding="utf-8"))
            for i in range(body["boosters"])
        ]
        return model


def _constant(kind: str, y: Floats, w: Floats) -> float:
    if kind == CHANCE:
        return float(logit(shrunk_rate(y, w)))
    mean = float(w @ y / w.sum())
    return float(np.log(mean)) if mean > 0 else -30.0  # exp(-30): nothing was ever spent


def _seeds(seed: int) -> dict[str, int]:
    return {
        "seed": seed % 2_000_000_011,
        "bagging_seed": seed + 1,
        "feature_fraction_seed": seed + 2,
        "data_random_seed": 1,
        "extra_seed": seed + 3,
        "objective_seed": seed + 4,
    }


MODEL = Boosted
