"""One model learnt from one matrix, uncalibrated. Amounts are a hurdle: the chance of any, times how much then.

The mean of several (`boosted+bgnbd`, `voting`, `stacking`: see `blend`) is taken of their log-odds or logarithms, so
that reasons stay additive.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footfall.errors import FootfallError
from footfall.models import Model, find_model
from footfall.models.contract import answers_whole, asked_by, mean_of
from footfall.tabular.blend import LEAST, bare, combined, engineers, mean_of_parts
from footfall.tabular.encode import Encoder
from footfall.tabular.history import told
from footfall.tabular.store import FeatureTable, Matrix
from footfall.tasks import Task

Floats = NDArray[np.float64]
KEEP = "keep"
LEAST_POSITIVES = 20
"""With fewer amounts above zero the hurdle has nothing to learn its second half from."""


@dataclass(frozen=True)
class Learner:
    """`chance` answers the question or, for an amount, whether there is any; `amount` says how much there is then.

    A mean has `members` instead, learnt from the same matrix, with `weights` where they are not equal. `settings`:
    those the model was given because tuning found them.
    """

    kind: str
    model: str
    encoder: Encoder
    chance: Model | None
    amount: Model | None
    members: tuple[Learner, ...] = ()
    weights: tuple[float, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    def predict(self, matrix: Matrix) -> Floats:
        """(n,) chances or expected amounts, not calibrated."""
        return self.predict_encoded(matrix.encoding.encode(self.encoder, matrix.table))

    def predict_encoded(self, X: Floats) -> Floats:
        if self.members:
            return combined(self.kind, [m.predict_encoded(X) for m in self.members], self.weights)
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
            return mean_of_parts([m._parts(X) for m in self.members], self.weights)
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

    def rules(self) -> dict[str, list[str]]:
        """What a readable model (a tree) says in words, uncalibrated: its segments, by part of the answer."""
        parts = {"chance": self.chance, "amount": self.amount}
        return {n: [str(r) for r in p.rules()] for n, p in parts.items() if p is not None and hasattr(p, "rules")}

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        about = {
            "kind": self.kind,
            "model": self.model,
            "encoder": self.encoder.as_json(),
            "chance": self.chance is not None,
            "amount": self.amount is not None,
            "members": len(self.members),
            "weights": list(self.weights),
            "settings": dict(self.settings),
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
            members = [cls.load(folder / f"member_{i}") for i in range(about["members"])]
            return mean_learner(members, about["model"], tuple(about.get("weights", ())))
        kind = find_model(bare(about["model"]))
        parts = {n: kind.load(folder / n) if about[n] else None for n in ("chance", "amount")}
        encoder, settings = Encoder.from_json(about["encoder"]), about.get("settings", {})
        return cls(about["kind"], about["model"], encoder, parts["chance"], parts["amount"], settings=settings)


def mean_learner(members: Sequence[Learner], name: str = "", weights: tuple[float, ...] = ()) -> Learner:
    """The mean of learners of one matrix and question, named after them unless it has a name of its own."""
    first = members[0]
    if len(members) == 1:
        return first
    named = name or "+".join(m.model for m in members)
    return Learner(first.kind, named, first.encoder, None, None, tuple(members), weights)


def learn(
    task_kind: str,
    model: str,
    table: FeatureTable,
    matrix: Matrix,
    seed: int = 0,
    task: Task | None = None,
    tuned: Mapping[str, Any] | None = None,
) -> Learner:
    """Learn `model` (or a mean, `boosted+bgnbd`) from a matrix with targets; `task` for models that ask about it.

    `tuned`: settings of the model instead of its own, for both halves of an amount; under `KEEP` the features to read.

    Raises FootfallError when the matrix has no row, UsageError when there is no such model or setting.
    """
    if "+" in model:
        return mean_learner([learn(task_kind, m, table, matrix, seed, task, tuned) for m in mean_of(model)])
    if matrix.y is None or matrix.rows == 0:
        raise FootfallError("there is nothing to learn from: no row of the population before the cutoff")
    found = dict(tuned or {})
    encoder = matrix.encoding.learn(matrix.table, *table.columns(engineers(model)))
    if KEEP in found:
        encoder = encoder.only(found.pop(KEEP))
    X, names = matrix.encoding.encode(encoder, matrix.table), encoder.names
    kind = find_model(bare(model))
    settings = _baseline_columns(names, task) if model == "baseline" else {}
    if task is not None:
        settings |= {k: v for k, v in told(task, names).items() if k in asked_by(kind)}

    def fit(part: str, rows: NDArray[np.bool_] | slice, y: Floats, **more: Any) -> Model:
        return kind(part, seed=seed, **{**more, **found}).fit(
            X[rows], y[rows], weight=matrix.weight[rows], features=names, groups=matrix.cutoff[rows]
        )

    everyone = slice(None)
    if task_kind == "chance":
        whole = fit("chance", everyone, matrix.y, **settings)
        return Learner(task_kind, model, encoder, whole, None, settings=found)
    positive = matrix.y > 0
    if (task is not None and task.level) or answers_whole(kind) or positive.sum() < LEAST_POSITIVES:
        whole = fit("amount", everyone, np.maximum(matrix.y, 0), **settings)
        return Learner(task_kind, model, encoder, None, whole, settings=found)
    any_ = fit("chance", everyone, positive.astype(np.float64))
    return Learner(task_kind, model, encoder, any_, fit("amount", positive, matrix.y), settings=found)


def _baseline_columns(names: list[str], task: Task | None = None) -> dict[str, Any]:
    """The honest baseline looks at recency and, where there are orders, frequency; of a pair, at the pair's own.

    Of a level (a mean rating) it looks at the customer's own so far.
    """
    if task is not None and task.level:
        own = task.target.past().name
        return {"feature": own} if own in names else {}
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
