"""Columns made of features: interactions, log and rank scales, shares and hashes of categories.

Each is learnt from the rows that a model learns from, never from the target, and kept with the predictor. A model reads
them where its name says so (`engineered:logistic`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from footfall.windows import Feature, Past

Floats = NDArray[np.float64]
Kind = Literal["product", "log", "rank", "share", "hash"]
KINDS: dict[str, str] = {
    "product": "interaction: the product of the two ranks (-1 to 1); high where both are high, and where both are low",
    "log": "sign(x) log(1 + |x|): differences count by proportion",
    "rank": "place among the rows learnt from, -1 lowest to 1 highest: no outlier can bend a line",
    "share": "share of the customers learnt from that have the same value; 0 for one of fewer than ten of them",
    "hash": "the value's bucket of 8 by hash, a 0/1 column each: rare and new values have a place too",
}
AGES = ("customers_age_latest", "customers_birth_date_latest")
SPENDS = ("orders_amount_sum", "orders_amount_sum_365d", "orders_amount_mean")
INTERACTIONS: tuple[tuple[str, str], ...] = (
    *((age, spend) for age in AGES for spend in SPENDS[:1]),
    ("customers_age_latest", "customers_income_latest"),
    ("customers_birth_date_latest", "customers_income_latest"),
    ("customers_income_latest", "orders_amount_sum"),
    ("orders_recency", "orders_count"),
    ("orders_recency", "orders_amount_sum"),
    ("orders_count_90d", "orders_amount_mean"),
    ("orders_recency", "events_recency"),
    ("lines_return_share", "orders_amount_sum"),
    ("reviews_rating_mean", "lines_return_share"),
    ("events_recency", "events_count"),
)
"""Pairs of features that may say more together than each alone; those that a shop has are used."""
SCALED = ("sum", "count", "max", "mean", "latest", "recency", "tenure", "gap", "nunique")
"""Functions whose values are told on a log and a rank scale too: those over all of history and over 90 days."""
LEAST_CUSTOMERS = 10
BUCKETS = 8
EDGES = 51
"""Quantiles that a rank is read between."""


@dataclass(frozen=True)
class Made:
    """One engineered feature: `of` are the features it is made of.

    `learnt`: of a rank and a product, for each source its quantiles and their places; of a share, values and shares.
    """

    kind: Kind
    of: tuple[str, ...]
    learnt: tuple[tuple[Any, ...], ...] = ()

    @property
    def name(self) -> str:
        if self.kind == "product":
            return "_x_".join(self.of)
        return f"{self.kind}_{self.of[0]}"

    @property
    def group(self) -> str:
        """What it is kept or left out with: another scale of a feature goes with the feature."""
        return self.name if self.kind == "product" else self.of[0]

    @property
    def columns(self) -> list[str]:
        return [f"{self.name}_{i}" for i in range(BUCKETS)] if self.kind == "hash" else [self.name]

    def encode(self, table: pa.Table) -> Floats:
        """(n, columns) float64, NaN where a source is missing (of a hash: all 0)."""
        if self.kind == "hash":
            return _bucketed(table.column(self.of[0]))
        if self.kind == "share":
            return _shared(table.column(self.of[0]), dict(zip(*self.learnt, strict=True)))[:, None]
        sources = [_floats(table.column(s)) for s in self.of]
        if self.kind == "log":
            return np.asarray(np.sign(sources[0]) * np.log1p(np.abs(sources[0])), dtype=np.float64)[:, None]
        each = [_ranked(x, *self.learnt[2 * i : 2 * i + 2]) for i, x in enumerate(sources)]
        return np.asarray(np.prod(each, axis=0), dtype=np.float64)[:, None]

    def as_json(self) -> list[Any]:
        return [self.kind, list(self.of), [list(part) for part in self.learnt]]

    @classmethod
    def from_json(cls, data: Sequence[Any]) -> Made:
        kind, of, learnt = data
        return cls(kind, tuple(of), tuple(tuple(part) for part in learnt))


def candidates(features: Iterable[Feature]) -> list[tuple[Kind, tuple[str, ...]]]:
    """What can be engineered of these features: kind and sources, in the order of the columns."""
    known = {f.name: f for f in features}
    found: list[tuple[Kind, tuple[str, ...]]] = []
    found += [("product", pair) for pair in INTERACTIONS if all(p in known and not known[p].text for p in pair)]
    scaled = [f.name for f in known.values() if _is_scaled(f)]
    found += [("log", (n,)) for n in scaled]
    found += [("rank", (n,)) for n in scaled]
    text = [f.name for f in known.values() if f.text]
    return [*found, *(("share", (n,)) for n in text), *(("hash", (n,)) for n in text)]


def _is_scaled(feature: Feature) -> bool:
    window = feature.window
    if feature.text or feature.engineered or not isinstance(window, Past):
        return False
    span = str(window.span) if window.span else ""
    return window.aggregate.function in SCALED and window.aggregate.fact.table != "customers" and span in ("", "90d")


def learn_made(table: pa.Table, features: Iterable[Feature], hashed: Iterable[str]) -> tuple[Made, ...]:
    """The engineered features of these rows. `hashed`: text features with more values than columns of their own."""
    many = set(hashed)
    quantiles: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {}
    found = []
    for kind, of in candidates(features):
        if kind in ("product", "rank"):
            for source in of:
                if source not in quantiles:
                    quantiles[source] = _quantiles(_floats(table.column(source)))
            if all(len(quantiles[s][0]) > 1 for s in of):
                found.append(Made(kind, of, tuple(part for s in of for part in quantiles[s])))
        elif kind == "log":
            x = _floats(table.column(of[0]))
            seen = x[~np.isnan(x)]
            if seen.size and seen.min() < seen.max():
                found.append(Made(kind, of))
        elif kind == "share":
            values, shares = _shares(table, of[0])
            if values:
                found.append(Made(kind, of, (values, shares)))
        elif of[0] in many:
            found.append(Made(kind, of))
    return tuple(found)


def label(kind: str, labels: Sequence[str]) -> str:
    """An engineered feature in words, from the labels of what it is made of."""
    if kind == "product":
        return f"{labels[0]}, together with {labels[1]}"
    return {
        "log": f"{labels[0]}, on a log scale",
        "rank": f"{labels[0]}, as a rank",
        "share": f"how common the {labels[0]} is",
        "hash": f"{labels[0]}, in {BUCKETS} buckets",
    }[kind]


def _floats(column: Any) -> Floats:
    return np.asarray(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def _quantiles(x: Floats) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Distinct quantiles of the known values, and the middle place (-1 to 1) of each."""
    seen = np.sort(x[~np.isnan(x)])
    if not seen.size:
        return (), ()
    edges = np.unique(np.quantile(seen, np.linspace(0, 1, EDGES), method="inverted_cdf"))
    below, upto = np.searchsorted(seen, edges, side="left"), np.searchsorted(seen, edges, side="right")
    return tuple(edges.tolist()), tuple(((below + upto) / seen.size - 1.0).tolist())


def _ranked(x: Floats, edges: Sequence[float], places: Sequence[float]) -> Floats:
    out = np.interp(x, np.asarray(edges), np.asarray(places))
    return np.where(np.isnan(x), np.nan, out)


def _shares(table: pa.Table, name: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Each value of `LEAST_CUSTOMERS` customers, and its share of them all; equal on every run.

    Customers are counted and not rows: how often a value that only one customer has stands in the rows would tell who
    it is, and nothing else.
    """
    who = table.column_names[0]
    known = table.select([who, name]).filter(pc.is_valid(table.column(name)))
    if not known.num_rows:
        return (), ()
    pairs = known.group_by([who, name]).aggregate([]).column(name)
    counts = sorted((str(c["values"]), int(c["counts"])) for c in pc.value_counts(pairs).to_pylist())
    total = len(pc.unique(known.column(who)))
    kept = [(v, n / total) for v, n in counts if n >= LEAST_CUSTOMERS]
    return tuple(v for v, _ in kept), tuple(s for _, s in kept)


def _shared(column: Any, shares: dict[str, float]) -> Floats:
    return _by_value(column, lambda v: shares.get(v, 0.0), np.nan)


def _bucketed(column: Any) -> Floats:
    bucket = _by_value(column, _bucket, -1.0)
    return np.asarray(bucket[:, None] == np.arange(BUCKETS), dtype=np.float64)


def _by_value(column: Any, of: Any, missing: float) -> Floats:
    """`of` each text, worked out once a distinct one."""
    encoded = pc.dictionary_encode(column)
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    told = np.asarray([*(of(str(v)) for v in encoded.dictionary.to_pylist()), missing], dtype=np.float64)
    index = pc.fill_null(encoded.indices, len(told) - 1).to_numpy(zero_copy_only=False)
    return np.asarray(told[index], dtype=np.float64)


@lru_cache(maxsize=100_000)
def _bucket(value: str) -> int:
    return int.from_bytes(blake2b(value.encode(), digest_size=4).digest(), "big") % BUCKETS
