"""Exact SHAP values of boosted trees, many rows at once.

What a leaf gives to a feature depends on a row only by WHICH of the features on its path the row satisfies. There are
few of them on a path, so the gifts of a leaf are worked out once for each pattern of satisfied features, and a row
looks its pattern up: `2^m` entries for a leaf whose path names `m` features, instead of `m^2` steps for each row. The
values are those of tree-path-dependent TreeSHAP (Lundberg et al. 2020), which LightGBM's own `pred_contrib` gives; the
tables are as in Yang 2021, Fast TreeSHAP. Rows go in blocks that fit the cache, the blocks over threads.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BLOCK = 8192
"""Rows worked on at once by one thread."""
MOST = 10
"""Features on a path up to which a table of all patterns is made; beyond, the patterns that occur are worked out."""
ZERO = 1e-35
"""LightGBM counts what is nearer to zero as zero."""


@dataclass(frozen=True)
class Split:
    """`feature <= threshold` goes left; a missing value (kind `none`, `zero` or `nan`) goes to its default."""

    feature: int
    threshold: float
    missing: str
    default_left: bool

    def left(self, x: Floats) -> NDArray[np.bool_]:
        """Which rows go left."""
        holes = np.isnan(x)
        if self.missing == "nan":
            out = x <= self.threshold
            return out | holes if self.default_left else out
        x = np.where(holes, 0.0, x)
        out = x <= self.threshold
        if self.missing == "zero":
            out = np.where(np.abs(x) <= ZERO, self.default_left, out)
        return out


@dataclass(frozen=True)
class Leaf:
    """A leaf: its value, the features on its path, the share of rows that each lets through, and its conditions.

    `conditions[j]`: numbers of the splits that concern feature j, and whether the path goes left there.
    """

    value: float
    features: NDArray[np.int64]
    shares: Floats
    conditions: tuple[tuple[tuple[int, bool], ...], ...]

    @property
    def table(self) -> Floats:
        """(2^m, m) the gifts for every pattern; bit j of a row's number says that feature j is satisfied."""
        m = len(self.features)
        bits = (np.arange(2**m)[:, None] >> np.arange(m)) & 1
        return gifts(bits.astype(bool), self.shares, self.value)


@dataclass(frozen=True)
class Tree:
    """The splits and leaves of one tree; `base` is what it gives a row of which nothing is known."""

    splits: tuple[Split, ...]
    leaves: tuple[Leaf, ...]
    base: float


def gifts(satisfied: NDArray[np.bool_], shares: Floats, value: float) -> Floats:
    """(n, m) Shapley values of a leaf for patterns (n, m) of satisfied features.

    The game: a coalition is worth `value` times the shares of the features outside it, or nothing when a feature inside
    is not satisfied. Of feature j the value is the integral over t in 0..1 of the product over the others of
    t * satisfied + (1 - t) * share, times (satisfied - share) of j (Owen 1972): a polynomial in t, for which Gauss's
    rule of m / 2 points is exact.
    """
    m = len(shares)
    points, weights = np.polynomial.legendre.leggauss((m + 1) // 2)
    t = (points + 1) / 2
    each = np.where(satisfied[:, :, None], t + (1 - t) * shares[:, None], ((1 - t) * shares[:, None])[None])
    others = each.prod(axis=1, keepdims=True) / each
    out: Floats = (satisfied - shares) * (others @ weights) * (value / 2)
    return out


class Forest:
    """The trees of one LightGBM booster, read once, asked often."""

    def __init__(self, trees: tuple[Tree, ...], width: int) -> None:
        self.trees, self.width = trees, width
        self.base = float(sum(t.base for t in trees))
        # One contiguous row of the table a feature: it is looked up feature by feature.
        self._tables = {
            (i, j): np.ascontiguousarray(leaf.table.T)
            for i, tree in enumerate(trees)
            for j, leaf in enumerate(tree.leaves)
            if 0 < len(leaf.features) <= MOST
        }

    @classmethod
    def of(cls, booster: Any) -> Forest:
        """The trees of a LightGBM booster, of numeric splits and constant leaves."""
        dumped = booster.dump_model()
        trees = tuple(_tree(info["tree_structure"]) for info in dumped["tree_info"])
        return cls(trees, int(dumped["max_feature_idx"]) + 1)

    def contributions(self, X: Floats, threads: int | None = None) -> Floats:
        """(n, width + 1) what each feature adds to the raw score; the last column is the base of every row."""
        X = np.asarray(X, dtype=np.float64)
        out = np.zeros((len(X), self.width + 1))
        starts = range(0, len(X), BLOCK)
        workers = min(threads or os.cpu_count() or 1, max(1, len(starts)))

        def block(start: int) -> None:
            # By column and in one piece: every step below reads or adds to whole columns.
            columns = np.asfortranarray(X[start : start + BLOCK])
            made = np.zeros((self.width, len(columns)))
            for i, tree in enumerate(self.trees):
                self._add(i, tree, columns, made)
            out[start : start + BLOCK, :-1] = made.T

        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(block, starts))
        out[:, -1] = self.base
        return out

    def _add(self, number: int, tree: Tree, columns: Floats, out: Floats) -> None:
        left = [s.left(columns[:, s.feature]) for s in tree.splits]
        right = [~one for one in left]
        for j, leaf in enumerate(tree.leaves):
            m = len(leaf.features)
            if m == 0:
                continue
            holds = [_all([(left if way else right)[s] for s, way in which]) for which in leaf.conditions]
            table = self._tables.get((number, j))
            if table is not None:
                pattern = holds[0].astype(np.intp)
                for i in range(1, m):
                    pattern += holds[i].astype(np.intp) << i
                for i, feature in enumerate(leaf.features):
                    out[feature] += table[i].take(pattern)
                continue
            pattern = np.zeros(len(holds[0]), dtype=np.int64)
            for i in range(m):
                pattern |= holds[i].astype(np.int64) << i
            found, which = np.unique(pattern, return_inverse=True)
            bits = ((found[:, None] >> np.arange(m)) & 1).astype(bool)
            rows = gifts(bits, leaf.shares, leaf.value)
            for i, feature in enumerate(leaf.features):
                out[feature] += rows[:, i].take(which.ravel())


def _all(conditions: list[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    out = conditions[0]
    for one in conditions[1:]:
        out = out & one
    return out


def _tree(root: dict[str, Any]) -> Tree:
    splits: list[Split] = []
    leaves: list[Leaf] = []
    base = 0.0
    whole = max(1.0, float(_count(root)))
    waiting: list[tuple[dict[str, Any], list[tuple[int, int, bool, float]]]] = [(root, [])]
    while waiting:
        node, path = waiting.pop()
        if "split_feature" not in node:
            leaves.append(_leaf(float(node["leaf_value"]), path))
            base += float(node["leaf_value"]) * (float(node.get("leaf_count", whole)) / whole)
            continue
        number = len(splits)
        missing = str(node["missing_type"]).lower()
        splits.append(Split(int(node["split_feature"]), float(node["threshold"]), missing, bool(node["default_left"])))
        count = max(1.0, float(_count(node)))
        for side, way in (("left_child", True), ("right_child", False)):
            child = node[side]
            waiting.append((child, [*path, (number, int(node["split_feature"]), way, float(_count(child)) / count)]))
    return Tree(tuple(splits), tuple(leaves), base)


def _count(node: dict[str, Any]) -> Any:
    return node.get("internal_count", node.get("leaf_count", 1))


def _leaf(value: float, path: list[tuple[int, int, bool, float]]) -> Leaf:
    features = list(dict.fromkeys(feature for _, feature, _, _ in path))
    shares = np.ones(len(features))
    conditions: list[list[tuple[int, bool]]] = [[] for _ in features]
    for number, feature, way, share in path:
        at = features.index(feature)
        shares[at] *= share
        conditions[at].append((number, way))
    return Leaf(value, np.asarray(features, dtype=np.int64), shares, tuple(tuple(c) for c in conditions))
