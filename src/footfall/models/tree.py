"""One small tree: segments of customers that can be read aloud.

Splits lower the squared error (for chances that is Gini's impurity; amounts are split on `log(1 + y / mean)`, lest one
whale makes a segment of its own), and each explains more than the best of chance splits would (the price of two
parameters by BIC). A leaf answers the rate, or the mean amount, of its own rows, shrunk towards that of
all by one row's worth. `rules()` says the segments in words. LightGBM finds the splits and keeps the tree as text;
contributions are exact TreeSHAP values (Lundberg et al. 2020) on the model's scale.

Settings: `leaves` (8), `depth` (4), `share` (0.02: least share of the rows in a segment; also at least 20 rows, in
small data a tenth), `threads` (1).

Source: Breiman, Friedman, Olshen and Stone 1984, Classification and regression trees.
"""

from __future__ import annotations

import json
import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from footfall.models.contract import CHANCE, Floats, logit, shrunk_rate
from footfall.models.estimator import NOTHING, Estimator, Rows

LEAST = 20.0
BINS = 4095


@dataclass(frozen=True)
class Segment:
    """A leaf: who is in it (all conditions hold), `rows` it was learnt from, their `share`, and its `value`.

    `value` is the chance, or the mean amount.
    """

    conditions: tuple[str, ...]
    rows: int
    share: float
    value: float

    def __str__(self) -> str:
        who = " and ".join(self.conditions) or "everyone"
        return f"{who}: {self.value:.4g} ({self.rows:,} rows, {self.share:.1%})"


class Tree(Estimator):
    """A tree of a few leaves."""

    name = "tree"
    known: ClassVar[dict[str, Any]] = {"leaves": 8, "depth": 4, "share": 0.02, "threads": 1}
    space: ClassVar[dict[str, Any]] = {
        "leaves": (3, 32, "int"),
        "depth": (2, 6, "int"),
        "share": (0.002, 0.1, "log"),
    }

    def __init__(self, kind: str, seed: int = 0, **settings: Any) -> None:
        super().__init__(kind, seed, **settings)
        self._booster: Any = None
        self._names: list[str] = []
        self._counts: list[float] = []  # weight in each leaf
        self._tallies: list[int] = []  # rows in each leaf

    def _learn(self, rows: Rows) -> None:
        import lightgbm as lgb

        X, y, w = rows.X, rows.y, rows.w
        total = float(w.sum())
        split_on = y if self.kind == CHANCE else np.log1p(y)
        least = max(float(self.settings["share"]) * total, min(LEAST, total / 10))
        parameters = {
            "objective": "regression",
            "learning_rate": 1.0,
            "num_leaves": max(2, int(self.settings["leaves"])),
            "max_depth": int(self.settings["depth"]),
            "min_data_in_leaf": 1,
            "min_sum_hessian_in_leaf": least,  # of squared loss: the sum of weights
            "min_gain_to_split": 2.0 * math.log(total + 2.0) * _variance(split_on, w),
            "min_data_in_bin": 1,
            "max_bin": BINS,
            "bin_construct_sample_cnt": 2_000_000,
            "boost_from_average": True,
            "num_threads": int(self.settings["threads"]),
            "deterministic": True,
            "force_col_wise": True,
            "verbosity": -1,
        }
        names = [f"f{i}" for i in range(self._width)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            train = lgb.Dataset(X, split_on, weight=w, feature_name=names, params=parameters)
            booster = lgb.train(parameters, train, num_boost_round=1)
        leaf = np.asarray(booster.predict(X, pred_leaf=True, num_threads=1), dtype=np.int64).ravel()
        size = int(leaf.max()) + 1
        mass, sums = np.bincount(leaf, w, size), np.bincount(leaf, w * y, size)
        whole = shrunk_rate(y, w) if self.kind == CHANCE else float(w @ y / total)
        mean = (sums + whole) / (mass + 1.0)
        score = logit(mean) if self.kind == CHANCE else np.log(np.maximum(mean, math.exp(NOTHING)))
        if size < 2:
            self._base, self._fitted = float(score[0]), False
            return
        for i in range(size):
            booster.set_leaf_output(0, i, float(score[i]))
        self._booster = lgb.Booster(model_str=booster.model_to_string())
        self._names, self._counts = list(rows.names), mass.tolist()
        self._tallies = np.bincount(leaf, minlength=size).tolist()

    def _score(self, X: Floats) -> Floats:
        return np.asarray(self._booster.predict(X, raw_score=True, num_threads=1), dtype=np.float64)

    def _parts(self, X: Floats) -> Floats:
        return np.asarray(self._booster.predict(X, pred_contrib=True, num_threads=1), dtype=np.float64)

    def rules(self) -> list[Segment]:
        """The segments, the highest answer first; one for everyone where nothing told rows apart."""
        if not self._fitted:
            return [Segment((), self._rows, 1.0, float(self._answer(self._base)))]
        found: list[Segment] = []
        total = sum(self._counts)

        def walk(node: dict[str, Any], way: dict[int, _Range]) -> None:
            if "leaf_index" in node:
                i = int(node["leaf_index"])
                told = tuple(_said(self._names[f], r) for f, r in way.items())
                value = float(self._answer(float(node["leaf_value"]) + self._base))
                found.append(Segment(told, self._tallies[i], self._counts[i] / total, value))
                return
            feature, at = int(node["split_feature"]), float(node["threshold"])
            before = way.get(feature, _Range())
            holes = node["missing_type"] == "NaN"
            left_holes = holes and bool(node["default_left"])
            walk(node["left_child"], {**way, feature: before.below(at, holes, left_holes)})
            walk(node["right_child"], {**way, feature: before.above(at, holes, holes and not left_holes)})

        walk(self._booster.dump_model()["tree_info"][0]["tree_structure"], {})
        return sorted(found, key=lambda s: -s.value)

    def _answer(self, raw: float) -> float:
        return 1.0 / (1.0 + math.exp(-raw)) if self.kind == CHANCE else math.exp(raw)

    def _write(self, folder: Path) -> dict[str, Any]:
        (folder / "tree.txt").write_text(self._booster.model_to_string(), encoding="utf-8")
        told = [str(s) for s in self.rules()]
        (folder / "rules.json").write_text(json.dumps(told, indent=1, ensure_ascii=False), encoding="utf-8")
        return {"names": self._names, "counts": self._counts, "tallies": self._tallies}

    def _read(self, folder: Path, body: dict[str, Any]) -> None:
        import lightgbm as lgb

        self._booster = lgb.Booster(model_str=(folder / "tree.txt").read_text(encoding="utf-8"))
        self._names, self._counts, self._tallies = body["names"], body["counts"], body["tallies"]


def _variance(x: Floats, w: Floats) -> float:
    return float(w @ (x - w @ x / w.sum()) ** 2 / w.sum())


@dataclass(frozen=True)
class _Range:
    """What the way to a leaf says of one feature: above `low`, at most `high`; `holes`: may, must or must not be
    missing (None: never was where the tree was learnt)."""

    low: float = -math.inf
    high: float = math.inf
    holes: bool | None = None

    def below(self, at: float, known: bool, stay: bool) -> _Range:
        return _Range(self.low, min(self.high, at), stay and self.holes is not False if known else self.holes)

    def above(self, at: float, known: bool, stay: bool) -> _Range:
        return _Range(max(self.low, at), self.high, stay and self.holes is not False if known else self.holes)


def _said(name: str, r: _Range) -> str:
    """`orders_recency <= 30`, `city is Paris`, `age in (20, 30] or missing`."""
    column, equals, value = name.partition("=")
    if equals and {r.low, r.high} <= {-math.inf, math.inf, *[x for x in (r.low, r.high) if 0 <= x < 1]}:
        return f"{column} is {value}" if r.low > -math.inf else f"{column} is not {value}"
    low, high = r.low, r.high
    if abs(low) < 1e-30 and low != 0:
        low = 0.0  # LightGBM's own zero
    if abs(high) < 1e-30 and high != 0:
        high = 0.0
    if r.holes and low == -math.inf and high > 1e300:
        return f"{name} is known or missing"
    if r.holes and (low > 1e300 or high == -math.inf):
        return f"{name} is missing"
    if low == -math.inf and high > 1e300:
        return f"{name} is known"
    told = f"{name} in ({low:.6g}, {high:.6g}]"
    if low == -math.inf:
        told = f"{name} <= {high:.6g}"
    elif high == math.inf:
        told = f"{name} > {low:.6g}"
    return f"{told} or missing" if r.holes else told


MODEL = Tree
