"""One model learnt from one matrix, uncalibrated. Amounts are a hurdle: the chance of any, times how much then.

The mean of several (`boosted+bgnbd`) is taken of their log-odds or logarithms, so that reasons stay additive. Equal
weights: those learnt from a short past are seldom better (Timmermann 2006, Forecast combinations).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footfall.errors import FootfallError
from footfall.models import Model, find_model
from footfall.models.contract import answers_whole, asked_by, logit, mean_of, sigmoid
from footfall.tabular.encode import Encoder
from footfall.tabular.history import told
from footfall.tabular.store import FeatureTable, Matrix
from footfall.tasks import Task

Floats = NDArray[np.float64]
LEAST = 1e-9
"""Amounts below it count as it where a logarithm is taken."""
LEAST_POSITIVES = 20
"""With fewer amounts above zero the hurdle has nothing to learn its second half from."""


@dataclass(frozen=True)
class Learner:
    """`chance` answers the question or, for an amount, whether there is any; `amount` says how much there is then.

    A mean has `members` instead, learnt from the same matrix.
    """

    kind: str
    model: str
    encoder: Encoder
    chance: Model | None
    amount: Model | None
    members: tuple[Learner, ...] = ()

    def predict(self, matrix: Matrix) -> Floats:
        """(n,) chances or expected amounts, not calibrated."""
        return self.predict_encoded(matrix.encoding.encode(self.encoder, matrix.table))

    def predict_encoded(self, X: Floats) -> Floats:
        if self.members:
            each = [m.predict_encoded(X) for m in self.members]
            if self.kind == "chance":
                return sigmoid(np.mean([logit(p) for p in each], axis=0))
            return np.asarray(np.exp(np.mean([np.log(np.maximum(p, LEAST)) for p in each], axis=0)), dtype=np.float64)
        result = np.ones(len(X))
        if self.chance is not None:
            result = result * self.chance.predict(X)
        if self.amount is not None:
            result = result * self.amount.predict(X)
        return result

    def contributions(self, matrix: Matrix) -> Floats:
        """(n, d + 1) what each column adds on the model's scale, the last column the base (SHAP values).

        Chances: log-odds. Amounts: the logarithm of the expectation, where the hurdle's log-odds are turned into
        logarithms of its chance row by row (one factor a row, so that shares among features stay).
        """
        return self._parts(self.encoder.encode(matrix.table))

    def _parts(self, X: Floats) -> Floats:
        if self.members:
            return np.asarray(np.mean([m._parts(X) for m in self.members], axis=0), dtype=np.float64)
        if self.amount is None or self.chance is None:
            only = self.chance or self.amount
            assert only is not None
            return _as_log(only, only.contributions(X)) if self.kind == "amount" else only.contributions(X)
        odds = self.chance.contributions(X)
        total = odds.sum(axis=1)
        base = odds[:, -1]
        # log p(total) - log p(base), spread over the features in proportion to their log-odds
        moved = _log_sigmoid(total) - _log_sigmoid(base)
        away = total - base
        factor = np.divide(moved, away, out=1 - _sigmoid(base), where=np.abs(away) > 1e-9)
        logs = odds[:, :-1] * factor[:, None]
        return np.column_stack([logs, _log_sigmoid(base)]) + _as_log(self.amount, self.amount.contributions(X))

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        about = {
            "kind": self.kind,
            "model": self.model,
            "encoder": self.encoder.as_json(),
            "chance": self.chance is not None,
            "amount": self.amount is not None,
            "members": len(self.members),
        }
        (folder / "learner.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
        for name, part in (("chance", self.chance), ("amount", self.amount)):
            if part is not None:
                part.save(folder / name)
        for i, member in enumerate(self.members):
            member.save(folder / f"member_{i}")

    @classmethod
    def load(cls, folder: Path) -> Learner:
        try:
            about: dict[str, Any] = json.loads((folder / "learner.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise FootfallError(f"'{folder}' holds no saved model; fit it again") from None
        if about.get("members"):
            return mean_learner([cls.load(folder / f"member_{i}") for i in range(about["members"])])
        kind = find_model(about["model"])
        parts = {n: kind.load(folder / n) if about[n] else None for n in ("chance", "amount")}
        return cls(about["kind"], about["model"], Encoder.from_json(about["encoder"]), parts["chance"], parts["amount"])


def mean_learner(members: Sequence[Learner]) -> Learner:
    """The mean of learners of one matrix and question, named after them."""
    first = members[0]
    if len(members) == 1:
        return first
    return Learner(first.kind, "+".join(m.model for m in members), first.encoder, None, None, tuple(members))


def learn(
    task_kind: str, model: str, table: FeatureTable, matrix: Matrix, seed: int = 0, task: Task | None = None
) -> Learner:
    """Learn `model` (or a mean, `boosted+bgnbd`) from a matrix with targets; `task` for models that ask about it.

    Raises FootfallError when the matrix has no row, UsageError when there is no such model.
    """
    if "+" in model:
        return mean_learner([learn(task_kind, m, table, matrix, seed, task) for m in mean_of(model)])
    if matrix.y is None or matrix.rows == 0:
        raise FootfallError("there is nothing to learn from: no row of the population before the cutoff")
    encoder = matrix.encoding.learn(matrix.table, table.numeric, table.text)
    X, names = matrix.encoding.encode(encoder, matrix.table), encoder.names
    kind = find_model(model)
    settings = _baseline_columns(names) if model == "baseline" else {}
    if task is not None:
        settings |= {k: v for k, v in told(task, names).items() if k in asked_by(kind)}

    def fit(part: str, rows: NDArray[np.bool_] | slice, y: Floats, **more: Any) -> Model:
        return kind(part, seed=seed, **more).fit(
            X[rows], y[rows], weight=matrix.weight[rows], features=names, groups=matrix.cutoff[rows]
        )

    everyone = slice(None)
    if task_kind == "chance":
        return Learner(task_kind, model, encoder, fit("chance", everyone, matrix.y, **settings), None)
    positive = matrix.y > 0
    if answers_whole(kind) or positive.sum() < LEAST_POSITIVES:
        return Learner(task_kind, model, encoder, None, fit("amount", everyone, np.maximum(matrix.y, 0), **settings))
    any_ = fit("chance", everyone, positive.astype(np.float64))
    return Learner(task_kind, model, encoder, any_, fit("amount", positive, matrix.y))


def _baseline_columns(names: list[str]) -> dict[str, Any]:
    """The honest baseline looks at recency and, where there are orders, frequency; of a pair, at the pair's own."""
    known = (
        ("orders_recency", "orders_count"),
        ("lines_sale_recency", "lines_sale_count_365d"),
        ("events_recency", None),
    )
    for first, second in known:
        if first in names:
            return {"feature": first, **({"second": second} if second in names else {})}
    return {}


def _as_log(model: Model, parts: Floats) -> Floats:
    """Contributions of an amount model on the log scale; a linear one is spread in proportion."""
    if model.scale != "linear":
        return parts
    total, base = np.maximum(parts.sum(axis=1), LEAST), np.maximum(parts[:, -1], LEAST)
    away = total - base
    factor = np.divide(np.log(total) - np.log(base), away, out=1 / base, where=np.abs(away) > 1e-9)
    return np.column_stack([parts[:, :-1] * factor[:, None], np.log(base)])


def _sigmoid(z: Floats) -> Floats:
    return np.asarray(np.exp(_log_sigmoid(z)), dtype=np.float64)


def _log_sigmoid(z: Floats) -> Floats:
    return np.asarray(-np.logaddexp(0, -z), dtype=np.float64)
