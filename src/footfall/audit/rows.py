"""Rows to be audited: features, an outcome, and what is known of whom they are about and up to when they go."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from footfall.evaluate import METRICS
from footfall.models import find_model
from footfall.tabular import Encoder, learn_encoder

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
DAY = np.timedelta64(1, "D")
LIGHT: dict[str, dict[str, Any]] = {"boosted": {"bags": 1, "trees": 150}}
"""Settings of the audit's own fits: it makes a dozen of them, and compares like with like."""
FOLDS = 3


@dataclass(frozen=True)
class Rows:
    """Rows of one question.

    `table`: the features (Arrow, n rows), instants among them. `y` (n,): the outcome, 0 or 1, or an amount not below
    zero. `who` (n,): a number per customer. `cutoff` (n,): up to when each row's history goes, if that is known.
    `tested` (n,): which rows were tested on, if that is known. `weight` (n,).
    """

    kind: Literal["chance", "amount"]
    table: pa.Table
    y: Floats
    who: NDArray[np.int64] | None = None
    cutoff: NDArray[np.datetime64] | None = None
    tested: Mask | None = None
    weight: Floats | None = None

    @property
    def n(self) -> int:
        return len(self.y)

    @property
    def clusters(self) -> NDArray[np.int64]:
        return np.arange(self.n) if self.who is None else self.who

    @property
    def weights(self) -> Floats:
        return np.ones(self.n) if self.weight is None else self.weight

    @property
    def positives(self) -> int:
        return int((self.y > 0).sum())

    @property
    def metric(self) -> str:
        return "auc" if self.kind == "chance" else "gini"

    @property
    def instants(self) -> list[str]:
        """The columns that hold dates or times."""
        return [f.name for f in self.table.schema if pa.types.is_date(f.type) or pa.types.is_timestamp(f.type)]

    @property
    def text(self) -> list[str]:
        return [f.name for f in self.table.schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]

    @cached_property
    def numbers(self) -> pa.Table:
        """The features as a model takes them: an instant becomes days (before the row's cutoff, where there is one)."""
        table = self.table
        for name in self.instants:
            stamps = as_instants(table.column(name))
            from_ = self.cutoff if self.cutoff is not None else np.full(self.n, np.datetime64("2000-01-01", "us"))
            days = np.where(np.isnat(stamps), np.nan, (from_ - stamps) / DAY)
            table = table.set_column(table.column_names.index(name), name, pa.array(days, from_pandas=True))
        return table

    def take(self, mask: Mask) -> Rows:
        """The rows where the mask holds."""
        parts = {name: getattr(self, name) for name in ("who", "cutoff", "tested", "weight")}
        kept: dict[str, Any] = {name: None if part is None else part[mask] for name, part in parts.items()}
        return replace(self, table=self.table.filter(pa.array(mask)), y=self.y[mask], **kept)


def as_instants(column: Any) -> NDArray[np.datetime64]:
    """An Arrow column of dates or times as datetime64[us], missing as NaT."""
    plain = pc.cast(column, pa.timestamp("us"))
    return np.asarray(plain.to_numpy(zero_copy_only=False), dtype="datetime64[us]")


def encoder_of(rows: Rows) -> Encoder:
    table = rows.numbers
    text = set(rows.text)
    return learn_encoder(table, [c for c in table.column_names if c not in text], sorted(text))


def fitted_and_asked(
    rows: Rows, learn: Mask | NDArray[np.intp], ask: Mask | NDArray[np.intp], X: Floats, model: str = "boosted"
) -> Floats:
    """What `model` says of the rows `ask` after learning from the rows `learn`; `X` (n, d) encodes all of them."""
    kind = find_model(model)
    made = kind(rows.kind, seed=0, **LIGHT.get(model, {}))
    return made.fit(X[learn], rows.y[learn], weight=rows.weights[learn]).predict(X[ask])


def dealt(rows: Rows, seed: int, folds: int = FOLDS) -> NDArray[np.int64]:
    """(n,) a fold for each row, at random, as a random split deals them: whoever they are about, whenever they are."""
    return np.random.default_rng(seed).permutation(rows.n) % folds


def out_of_fold(rows: Rows, fold: NDArray[np.int64], model: str = "boosted") -> Floats:
    """(n,) what models learnt without a row's fold say of it."""
    X = encoder_of(rows).encode(rows.numbers)
    p = np.zeros(rows.n)
    for k in range(int(fold.max()) + 1):
        p[fold == k] = fitted_and_asked(rows, fold != k, fold == k, X, model)
    return p


def figure(rows: Rows, p: Floats) -> float:
    """AUC of a chance, Gini of an amount."""
    return float(METRICS[rows.metric].function(rows.y, p, rows.weights))


def said(rows: Rows, value: float) -> str:
    return f"{'AUC' if rows.kind == 'chance' else 'Gini'} {value:.3f}"
