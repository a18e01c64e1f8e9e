"""One model learnt from one matrix, uncalibrated. Amounts are a hurdle: the chance of any, times how much then."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footfall.errors import FootfallError
from footfall.models import Model, find_model
from footfall.tabular.encode import Encoder, learn_encoder
from footfall.tabular.store import FeatureTable, Matrix

Floats = NDArray[np.float64]
LEAST_POSITIVES = 20
"""With fewer amounts above zero the hurdle has nothing to learn its second half from."""


@dataclass(frozen=True)
class Learner:
    """`chance` answers the question or, for an amount, whether there is any; `amount` says how much there is then."""

    kind: str
    model: str
    encoder: Encoder
    chance: Model | None
    amount: Model | None

    def predict(self, matrix: Matrix) -> Floats:
        """(n,) chances or expected amounts, not calibrated."""
        return self.predict_encoded(self.encoder.encode(matrix.table))

    def predict_encoded(self, X: Floats) -> Floats:
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
        X = self.encoder.encode(matrix.table)
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
        }
        (folder / "learner.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
        for name, part in (("chance", self.chance), ("amount", self.amount)):
            if part is not None:
                part.save(folder / name)

    @classmethod
    def load(cls, folder: Path) -> Learner:
        try:
            about: dict[str, Any] = json.loads((folder / "learner.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise FootfallError(f"'{folder}' holds no saved model; fit it again") from None
        kind = find_model(about["model"])
        parts = {n: kind.load(folder / n) if about[n] else None for n in ("chance", "amount")}
        return cls(about["kind"], about["model"], Encoder.from_json(about["encoder"]), parts["chance"], parts["amount"])


def learn(task_kind: str, model: str, table: FeatureTable, matrix: Matrix, seed: int = 0) -> Learner:
    """Learn `model` from a matrix with targets. Raises FootfallError when the matrix has no row."""
    if matrix.y is None or matrix.rows == 0:
        raise FootfallError("there is nothing to learn from: no row of the population before the cutoff")
    encoder = learn_encoder(matrix.table, table.numeric, table.text)
    X, names = encoder.encode(matrix.table), encoder.names
    kind = find_model(model)
    settings = _baseline_columns(names) if model == "baseline" else {}

    def fit(part: str, rows: NDArray[np.bool_] | slice, y: Floats, **more: Any) -> Model:
        return kind(part, seed=seed, **more).fit(
            X[rows], y[rows], weight=matrix.weight[rows], features=names, groups=matrix.cutoff[rows]
        )

    everyone = slice(None)
    if task_kind == "chance":
        return Learner(task_kind, model, encoder, fit("chance", everyone, matrix.y, **settings), None)
    positive = matrix.y > 0
    if model == "baseline" or positive.sum() < LEAST_POSITIVES:
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
    total, base = np.maximum(parts.sum(axis=1), 1e-9), np.maximum(parts[:, -1], 1e-9)
    away = total - base
    factor = np.divide(np.log(total) - np.log(base), away, out=1 / base, where=np.abs(away) > 1e-9)
    return np.column_stack([parts[:, :-1] * factor[:, None], np.log(base)])


def _sigmoid(z: Floats) -> Floats:
    return np.asarray(np.exp(_log_sigmoid(z)), dtype=np.float64)


def _log_sigmoid(z: Floats) -> Floats:
    return np.asarray(-np.logaddexp(0, -z), dtype=np.float64)
