"""The honest baseline: the base rate (or mean), by bins of recency and, when asked, of frequency.

Without a feature it answers the weighted base rate for everybody. With `feature=` (the caller names the recency
column) it answers the rate in that feature's bins, shrunk towards the base rate and made monotone by pooling
adjacent violators (Ayer et al. 1955); with `second=` (say, frequency) the cells of a two-way grid are shrunk towards
the first feature's bins. Everything a merchant could do with a pivot table, and no more.

Settings: `feature`, `second` (name or position, default none), `bins` (20), `shrink` (20 rows' worth of the mean),
`monotone` (True).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from footfall.models.contract import (
    AMOUNT,
    CHANCE,
    Floats,
    checked_settings,
    feature_index,
    logit,
    matrix,
    missing_model,
    shrunk_rate,
    sigmoid,
    training_data,
)

_DEFAULTS: dict[str, Any] = {"feature": None, "second": None, "bins": 20, "shrink": 20.0, "monotone": True}


class Baseline:
    """Base rate or mean, by bins of at most two features."""

    name = "baseline"
    kinds = frozenset({CHANCE, AMOUNT})
    whole = True

    def __init__(self, kind: str, seed: int = 0, **settings: Any) -> None:
        checked_settings(self.name, kind, self.kinds, settings, _DEFAULTS)
        self.kind = kind
        self.seed = seed
        self.scale = "log-odds" if kind == CHANCE else "linear"
        self.settings = {**_DEFAULTS, **settings}
        self._width = 0
        self._base = 0.0
        self._columns: list[int] = []
        self._edges: list[Floats] = []
        self._means: Floats = np.zeros(0)
        self._cells: Floats = np.zeros((0, 0))

    def fit(self, X: Any, y: Any, weight: Any = None, features: list[str] | None = None, groups: Any = None) -> Self:
        X, y, w = training_data(self.kind, X, y, weight)
        self._width = X.shape[1]
        named = [f for f in (self.settings["feature"], self.settings["second"]) if f is not None]
        self._columns = [feature_index(f, features, self._width) for f in named]
        self._base = shrunk_rate(y, w) if self.kind == CHANCE else max(0.0, float(w @ y / w.sum()))
        self._edges = [_edges(X[:, c], w, int(self.settings["bins"])) for c in self._columns]
        if not self._columns:
            return self
        shrink = float(self.settings["shrink"])
        first = _bin(X[:, self._columns[0]], self._edges[0])
        size = len(self._edges[0]) + 2
        mass = np.bincount(first, w, size).astype(np.float64)
        self._means = (np.bincount(first, w * y, size) + shrink * self._base) / (mass + shrink)
        if self.settings["monotone"]:
            # The last bin holds the missing: it has no place in the order.
            self._means[:-1] = _monotone(self._means[:-1], mass[:-1])
        if len(self._columns) == 2:
            second = _bin(X[:, self._columns[1]], self._edges[1])
            wide = len(self._edges[1]) + 2
            cell = first * wide + second
            prior = np.repeat(self._means, wide)
            total = np.bincount(cell, w * y, size * wide) + shrink * prior
            self._cells = (total / (np.bincount(cell, w, size * wide) + shrink)).reshape(size, wide)
        if self.kind == AMOUNT:
            self._means = np.maximum(self._means, 0.0)
            self._cells = np.maximum(self._cells, 0.0)
        return self

    def contributions(self, X: Any) -> Floats:
        X = matrix(X, self._width)
        to_scale = logit if self.kind == CHANCE else np.asarray
        out = np.zeros((len(X), self._width + 1))
        base = float(to_scale(self._base))
        out[:, -1] = base
        if self._columns:
            first = _bin(X[:, self._columns[0]], self._edges[0])
            marginal = to_scale(self._means)[first]
            out[:, self._columns[0]] += marginal - base
            if len(self._columns) == 2:
                second = _bin(X[:, self._columns[1]], self._edges[1])
                out[:, self._columns[1]] += to_scale(self._cells)[first, second] - marginal
        return out

    def predict(self, X: Any) -> Floats:
        raw = self.contributions(X).sum(axis=1)
        return sigmoid(raw) if self.kind == CHANCE else np.maximum(raw, 0.0)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        body = {
            "name": self.name,
            "kind": self.kind,
            "seed": self.seed,
            "settings": self.settings,
            "width": self._width,
            "base": self._base,
            "columns": self._columns,
            "edges": [e.tolist() for e in self._edges],
            "means": self._means.tolist(),
            "cells": self._cells.tolist(),
        }
        (folder / "baseline.json").write_text(json.dumps(body, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        path = folder / "baseline.json"
        if not path.is_file():
            raise missing_model(cls.name, folder)
        body = json.loads(path.read_text(encoding="utf-8"))
        model = cls(body["kind"], body["seed"], **body["settings"])
        model._width, model._base, model._columns = body["width"], body["base"], body["columns"]
        model._edges = [np.array(e, dtype=np.float64) for e in body["edges"]]
        model._means = np.array(body["means"], dtype=np.float64)
        model._cells = np.array(body["cells"], dtype=np.float64)
        return model


def _edges(x: Floats, w: Floats, bins: int) -> Floats:
    """Distinct inner edges at weighted quantiles; a value on an edge belongs to the bin below it."""
    seen = ~np.isnan(x)
    if not seen.any():
        return np.zeros(0)
    order = np.argsort(x[seen], kind="stable")
    values, mass = x[seen][order], np.cumsum(w[seen][order])
    at = np.searchsorted(mass, mass[-1] * np.arange(1, bins) / bins)
    edges = np.unique(values[np.minimum(at, len(values) - 1)])
    return cast("Floats", edges[edges < values[-1]])


def _bin(x: Floats, edges: Floats) -> NDArray[np.intp]:
    """Bin of each value: 0 .. len(edges), and len(edges) + 1 for the missing."""
    at = np.searchsorted(edges, x, side="left")
    return np.where(np.isnan(x), len(edges) + 1, at).astype(np.intp)


def _monotone(means: Floats, mass: Floats) -> Floats:
    """Closest monotone means, in whichever direction fits better (weighted pool of adjacent violators)."""
    up, down = _pooled(means, mass), _pooled(means[::-1], mass[::-1])[::-1]
    loss_up, loss_down = mass @ (means - up) ** 2, mass @ (means - down) ** 2
    return up if loss_up < loss_down else down


def _pooled(means: Floats, mass: Floats) -> Floats:
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(means, np.maximum(mass, 1e-12), strict=True):
        blocks.append((float(value), float(weight), 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (v1, w1, n1), (v2, w2, n2) = blocks[-2:]
            blocks[-2:] = [((v1 * w1 + v2 * w2) / (w1 + w2), w1 + w2, n1 + n2)]
    return np.repeat([b[0] for b in blocks], [b[2] for b in blocks])


MODEL = Baseline
