"""What most models share: judged input, constant answers, the way from raw score to answer, one JSON beside the rest.

A model that builds on it writes `_learn`, `_parts` and, where it keeps more than numbers, `_write` and `_read`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
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

NOTHING = -30.0
"""Logarithm of an amount that was never anything but zero."""
LARGEST = 700.0
LEAST_ROWS = 4
SINGLE = 1e-3
"""Beyond this share of a score, parts that do not add up are an error and no matter of rounding."""


@dataclass(frozen=True)
class Rows:
    """What to learn from: `X` (n, d), `y` (n,), `w` (n,) above zero, d `names`, `groups` (n,) cutoffs or None."""

    X: Floats
    y: Floats
    w: Floats
    names: list[str]
    groups: Any = None


class Estimator:
    """A model of chances and amounts by the contract, less its core.

    `known` are its settings with their defaults; `scales` its scale by kind; `exact` says whether contributions are
    Shapley values as such or sampled; `space` where a search for better settings looks (see `contract`).
    """

    name: str = ""
    kinds: frozenset[str] = frozenset({CHANCE, AMOUNT})
    scales: ClassVar[dict[str, str]] = {CHANCE: "log-odds", AMOUNT: "log"}
    known: ClassVar[dict[str, Any]] = {}
    space: ClassVar[dict[str, Any]] = {}
    exact = True

    def __init__(self, kind: str, seed: int = 0, **settings: Any) -> None:
        checked_settings(self.name, kind, self.kinds, settings, self.known)
        self.kind = kind
        self.seed = seed
        self.scale = self.scales[kind]
        self.settings = {**self.known, **settings}
        self._width = self._rows = 0
        self._base = 0.0
        self._fitted = False  # False: one answer for all, which `_base` is

    def fit(self, X: Any, y: Any, weight: Any = None, features: list[str] | None = None, groups: Any = None) -> Self:
        given = None if weight is None else np.asarray(weight, dtype=np.float64).ravel()
        X, y, w = training_data(self.kind, X, y, weight)
        if groups is not None:
            groups = np.asarray(groups) if given is None else np.asarray(groups)[given > 0]
        if self.kind == AMOUNT:
            y = np.maximum(y, 0.0)  # returns can exceed sales: an expectation below zero helps nobody
        self._width, self._rows = X.shape[1], len(y)
        self._base, self._fitted = 0.0, False
        varies = y.min() != y.max() and len(y) >= LEAST_ROWS and _any_column_varies(X)
        if not varies:
            self._base = constant(self.kind, self.scale, y, w)
            return self
        unit = float(w @ y / w.sum()) if self.scale == "log" else 1.0
        names = list(features) if features is not None else [f"f{i}" for i in range(self._width)]
        self._fitted = True
        self._learn(Rows(X, y / unit, w, names, groups))
        if self.scale == "log":  # what is penalised or shrunk understates: make the total exact
            raw = np.minimum(self._raw(X), LARGEST)
            self._base += float(np.log(w @ y) - np.log(w @ np.exp(raw)))
        return self

    def predict(self, X: Any) -> Floats:
        raw = self._raw(matrix(X, self._width))
        if self.scale == "log-odds":
            return sigmoid(raw)
        return np.exp(np.minimum(raw, LARGEST)) if self.scale == "log" else np.maximum(raw, 0.0)

    def contributions(self, X: Any) -> Floats:
        X = matrix(X, self._width)
        out = self._parts(X) if self._fitted and len(X) else np.zeros((len(X), self._width + 1))
        out[:, -1] += self._base
        return out

    def _raw(self, X: Floats) -> Floats:
        """(n,) the score on `scale`; what is dear by parts overrides `_score`."""
        if not self._fitted or not len(X):
            return np.full(len(X), self._base)
        return self._score(X) + self._base

    def _learn(self, rows: Rows) -> None:
        """Learn from rows whose answers and columns vary. Amounts on a log scale come in units of their mean."""
        raise NotImplementedError

    def _parts(self, X: Floats) -> Floats:
        """(n, d + 1) contributions, `_base` not yet added; n > 0."""
        raise NotImplementedError

    def _score(self, X: Floats) -> Floats:
        """(n,) the sum of `_parts`."""
        return np.asarray(self._parts(X).sum(axis=1), dtype=np.float64)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        body = {
            "name": self.name,
            "kind": self.kind,
            "seed": self.seed,
            "settings": self.settings,
            "width": self._width,
            "rows": self._rows,
            "base": self._base,
            "fitted": self._fitted,
            **(self._write(folder) if self._fitted else {}),
        }
        (folder / f"{self._file()}.json").write_text(json.dumps(body, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        path = folder / f"{cls._file()}.json"
        if not path.is_file():
            raise missing_model(cls.name, folder)
        body = json.loads(path.read_text(encoding="utf-8"))
        model = cls(body["kind"], body["seed"], **body["settings"])
        model._width, model._rows = body["width"], body["rows"]
        model._base, model._fitted = body["base"], body["fitted"]
        if model._fitted:
            model._read(folder, body)
        return model

    @classmethod
    def _file(cls) -> str:
        return cls.name

    def _write(self, folder: Path) -> dict[str, Any]:
        """Write what is not JSON into `folder`; returns what is."""
        raise NotImplementedError

    def _read(self, folder: Path, body: dict[str, Any]) -> None:
        """Take back what `_write` wrote."""
        raise NotImplementedError


def constant(kind: str, scale: str, y: Floats, w: Floats) -> float:
    """The one answer, on `scale`, where there is nothing to tell rows apart by."""
    if kind == CHANCE:
        return float(logit(shrunk_rate(y, w)))
    mean = float(w @ y / w.sum())
    if scale == "linear":
        return mean
    return float(np.log(mean)) if mean > 0 else NOTHING


def on_log_odds(parts: Floats, rate: Floats) -> Floats:
    """Parts (n, d + 1) that add up to a chance, as parts of its log-odds: one factor a row, so that shares stay.

    `rate` (n,) is the chance they add up to, inside (0, 1).
    """
    base = logit(parts[:, -1])
    away = rate - parts[:, -1]
    middle = np.clip(parts[:, -1], 1e-9, 1 - 1e-9)
    factor = np.divide(logit(rate) - base, away, out=1.0 / (middle * (1.0 - middle)), where=np.abs(away) > 1e-9)
    return np.column_stack([parts[:, :-1] * factor[:, None], base])


def rounded_up(parts: Floats, raw: Floats) -> Floats:
    """Parts computed in single precision, with what rounding lost (some 1e-6) given to the largest part of each row.

    So they add up to `raw` to the last bits. Raises ArithmeticError where more is missing than rounding can lose.
    """
    lost = raw - parts.sum(axis=1)
    size = np.abs(parts).sum(axis=1) + 1.0
    if (np.abs(lost) > SINGLE * size).any():
        raise ArithmeticError("contributions do not add up to the score")
    if parts.shape[1] > 1:
        largest = np.abs(parts[:, :-1]).argmax(axis=1)
        parts[np.arange(len(parts)), largest] += lost
    return parts


def _any_column_varies(X: Floats) -> bool:
    """Whether any column tells two rows apart; being missing tells too."""
    if not X.shape[1]:
        return False
    first = X[0]
    return not np.array_equal(X, np.broadcast_to(first, X.shape), equal_nan=True)
