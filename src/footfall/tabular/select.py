"""Which features are worth keeping: permutation importance, with intervals, on rows that the model has not learnt from.

For an answer at an instant, models made at earlier instants are asked about the cutoffs after those, whose outcomes are
known by now: the rehearsals, never a test cutoff. A feature's values are shuffled among the rows of one cutoff; what
the loss rises by is its importance (Breiman 2001; Fisher, Rudin and Dominici 2019). The interval is over customers, by
linearisation. A feature stays where the whole interval lies above zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footfall.tabular.blend import LEAST
from footfall.tabular.encode import Encoder
from footfall.tabular.learner import Learner
from footfall.tabular.store import FeatureTable, Matrix, thin
from footfall.tasks import Task

Floats = NDArray[np.float64]
ROWS = 6_000
"""Rows of one rehearsal that features are shuffled in, at most about."""
REHEARSALS = 2
"""The last rehearsals are asked."""
SHUFFLES = 3
FEWEST = 5
"""Features that stay at least: the most important ones."""
Z = 1.959964


@dataclass(frozen=True)
class Importance:
    """How much the loss rises by when a feature's values are shuffled, with its 95% interval; whether it stays."""

    feature: str
    importance: float
    lower: float
    upper: float
    kept: bool

    def row(self) -> dict[str, Any]:
        return {
            "feature": self.feature, "importance": self.importance, "lower": self.lower, "upper": self.upper,
            "kept": self.kept,
        }  # fmt: skip


@dataclass(frozen=True)
class Validation:
    """A model made at an earlier instant, and rows after it with what then happened."""

    learner: Learner
    matrix: Matrix


def validations(
    table: FeatureTable, task: Task, at: datetime, made: Sequence[tuple[Learner, Sequence[datetime]]], seed: int
) -> list[Validation]:
    """The rows to shuffle, with outcomes as known before `at`; `made`: each model and the cutoffs it is asked about."""
    found = []
    for learner, cutoffs in made:
        matrix = table.matrix(task, cutoffs, as_of=at)
        if matrix.rows:
            found.append(Validation(learner, thin(matrix, ROWS, seed)))
    return found


def importances_of(kind: str, parts: Sequence[Validation], seed: int = 0) -> list[Importance]:
    """Every feature's importance, the greatest first. Nothing where there is nothing to validate on."""
    names = list(dict.fromkeys(o for p in parts for o in p.learner.encoder.owners))
    if not names:
        return []
    found = []
    dice = np.random.default_rng(seed)
    each = [_rises(kind, part, dice) for part in parts]
    clusters = np.concatenate([p.matrix.clusters for p in parts])
    weight = np.concatenate([p.matrix.weight for p in parts])
    for name in names:
        rise = np.concatenate([r.get(name, np.zeros(p.matrix.rows)) for p, r in zip(parts, each, strict=True)])
        found.append((name, *_mean(rise, weight, clusters)))
    found.sort(key=lambda f: (-f[1], f[0]))
    return [Importance(n, m, m - h, m + h, m - h > 0 or i < FEWEST) for i, (n, m, h) in enumerate(found)]


def _rises(kind: str, part: Validation, dice: np.random.Generator) -> dict[str, Floats]:
    """(n,) what each row's loss rises by, by feature: the mean over shuffles within each cutoff."""
    learner, matrix = part.learner, part.matrix
    assert matrix.y is not None
    X = np.array(matrix.encoding.encode(learner.encoder, matrix.table))
    before = _loss(kind, matrix.y, learner.predict_encoded(X))
    orders = [_shuffled(matrix.cutoff, dice) for _ in range(SHUFFLES)]
    found = {}
    for name, columns in _columns(learner.encoder).items():
        kept = X[:, columns].copy()
        if len(kept) == 0 or (np.isnan(kept) | (kept == kept[0])).all():
            continue
        rise = np.zeros(len(X))
        for order in orders:
            X[:, columns] = kept[order]
            rise += _loss(kind, matrix.y, learner.predict_encoded(X)) - before
        X[:, columns] = kept
        found[name] = rise / SHUFFLES
    return found


def _columns(encoder: Encoder) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for i, owner in enumerate(encoder.owners):
        found.setdefault(owner, []).append(i)
    return found


def _shuffled(groups: NDArray[np.int64], dice: np.random.Generator) -> NDArray[np.int64]:
    """An order of the rows in which each stands among those of its own group."""
    out = np.arange(len(groups))
    for one in np.unique(groups):
        here = np.flatnonzero(groups == one)
        out[here] = dice.permutation(here)
    return out


def _loss(kind: str, y: Floats, p: Floats) -> Floats:
    """Log loss, or for amounts the Poisson deviance: as honest about means as the squared error, with less heed to a
    few whales."""
    if kind == "chance":
        p = np.clip(p, 1e-9, 1.0 - 1e-9)
        return np.asarray(-(y * np.log(p) + (1.0 - y) * np.log1p(-p)), dtype=np.float64)
    y, p = np.maximum(y, 0.0), np.maximum(p, LEAST)
    part = np.where(y > 0, y * np.log(np.maximum(y, LEAST) / p), 0.0)
    return np.asarray(2.0 * (part - (y - p)), dtype=np.float64)


def _mean(rise: Floats, weight: Floats, clusters: NDArray[np.int64]) -> tuple[float, float]:
    """The weighted mean, and half its 95% interval when customers are drawn with all their rows."""
    total = float(weight.sum())
    mean = float(weight @ rise / total)
    codes = np.unique(clusters, return_inverse=True)[1].ravel()
    away = np.bincount(codes, weight * (rise - mean))
    k = len(away)
    return mean, Z * float(np.sqrt(k / max(k - 1, 1) * (away @ away))) / total
