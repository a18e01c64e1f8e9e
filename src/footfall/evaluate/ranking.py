"""How good rankings are: full ranking over the catalogue, no sampled negatives, against what then happened.

Per customer with at least one relevant product (Manning et al. 2008, chapter 8; Järvelin and Kekäläinen 2002), all at
`k` places:

* `recall`: relevant products shown over the most that could be, min(k, relevant); `precision`: over k;
* `ndcg`: relevant products weigh 1 / log2(1 + place), over the best that could be;
* `map`: mean precision at the places of relevant products, over min(k, relevant);
* `mrr`: one over the place of the first relevant product; `hit_rate`: whether there is any;
* `novelty`: mean of -log2 of the share of customers who had bought what is shown; `diversity`: share of pairs of
  shown products of different categories; `popularity_bias`: mean popularity of what is shown over that of what was
  bought (1: as popular as what people buy);
* `coverage`: share of the catalogue that is shown to anyone (no interval: it is no mean over customers).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from footfall.errors import FootfallError, UsageError, did_you_mean

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ACCURACY = ("recall", "precision", "ndcg", "map", "mrr", "hit_rate")
BEYOND = ("novelty", "diversity", "popularity_bias", "coverage")
POPULAR, OWN = "popular", "own frequency"
BASELINES = (POPULAR, OWN)


@dataclass(frozen=True)
class Catalogue:
    """What is known of the products before the cutoff: `sold` (products,) customers who had bought each, `customers`
    how many there were, `category` (products,) codes, -1 unknown."""

    sold: Floats
    customers: int
    category: Ints | None = None


@dataclass(frozen=True)
class Shown:
    """Rankings at one cutoff.

    Args:
        truth: (customers, products) sparse, an entry for each relevant product.
        lists: model -> (customers, k or more) products, best first, -1 for none.
        clusters: (customers,) who they are; a customer may stand in several cutoffs.

    Raises:
        FootfallError: a list of another length than the truth, or a product twice in one list.
    """

    truth: sparse.csr_matrix
    lists: Mapping[str, Ints]
    clusters: Any
    catalogue: Catalogue

    def __post_init__(self) -> None:
        n, m = self.truth.shape
        for name, items in self.lists.items():
            if items.ndim != 2 or len(items) != n:
                raise FootfallError(f"'{name}' ranks for {len(items)} customers, and {n} are asked about")
            if items.size and items.max() >= m:
                raise FootfallError(f"'{name}' shows product number {int(items.max())} of {m}")
            ordered = np.sort(items, axis=1)
            if ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any():
                raise FootfallError(f"'{name}' shows a product twice to one customer")

    def among(self, rows: NDArray[Any]) -> Shown:
        """For some of the customers only (a segment)."""
        lists = {name: items[rows] for name, items in self.lists.items()}
        return Shown(self.truth[rows], lists, np.asarray(self.clusters)[rows], self.catalogue)


class Ranked(NamedTuple):
    """A metric at `k`, its 95% interval, and its paired difference to each baseline: (value, lower, upper)."""

    value: float
    lower: float
    upper: float
    less: dict[str, tuple[float, float, float]]


@dataclass(frozen=True)
class Measured:
    """model -> (metric, k) -> `Ranked`; `customers`: rows that had something to find."""

    models: dict[str, dict[tuple[str, int], Ranked]]
    customers: int
    baselines: tuple[str, ...] = field(default=())

    def rows(self) -> list[dict[str, Any]]:
        """Tidy: model, metric, k, value, lower, upper and, per baseline, the difference."""
        out = []
        for model, found in self.models.items():
            for (metric, k), one in found.items():
                row: dict[str, Any] = {"model": model, "metric": metric, "k": k, "value": one.value,
                                       "lower": one.lower, "upper": one.upper, "customers": self.customers}  # fmt: skip
                for name, (diff, lower, upper) in one.less.items():
                    row |= {f"less {name}": diff, f"less {name} lower": lower, f"less {name} upper": upper}
                out.append(row)
        return out


def customer_metrics(items: Ints, truth: sparse.csr_matrix, k: int) -> dict[str, Floats]:
    """metric -> (customers,) each customer's accuracy; NaN for those with nothing to find."""
    n = truth.shape[0]
    shown = items[:, :k]
    hit = _hits(shown, truth)
    place = np.arange(1, shown.shape[1] + 1)
    relevant = np.diff(truth.indptr).astype(np.float64)
    most = np.minimum(relevant, k)
    gain = 1.0 / np.log2(1.0 + np.arange(1, k + 1))
    ideal = np.concatenate([[0.0], np.cumsum(gain)])[most.astype(np.int64)]
    found = hit.sum(axis=1)
    first = np.where(found > 0, hit.argmax(axis=1) + 1.0, np.inf) if hit.shape[1] else np.full(n, np.inf)
    with np.errstate(invalid="ignore", divide="ignore"):
        table = {
            "recall": found / most,
            "precision": np.where(most > 0, found / k, np.nan),
            "ndcg": (hit * gain[: shown.shape[1]]).sum(axis=1) / ideal,
            "map": (hit * np.cumsum(hit, axis=1) / place).sum(axis=1) / most,
            "mrr": np.where(most > 0, 1.0 / first, np.nan),
            "hit_rate": np.where(most > 0, found > 0, np.nan),
        }
    return {name: np.asarray(value, dtype=np.float64) for name, value in table.items()}


def list_metrics(items: Ints, truth: sparse.csr_matrix, catalogue: Catalogue, k: int) -> dict[str, Floats]:
    """metric -> (customers,) of the lists as such; NaN where a list is too short or nothing was bought."""
    shown = items[:, :k]
    here = shown >= 0
    share = (catalogue.sold + 1.0) / (catalogue.customers + 1.0)
    safe = np.maximum(shown, 0)
    bought = np.asarray((truth != 0).astype(np.float64) @ share).ravel()
    relevant = np.diff(truth.indptr)
    with np.errstate(invalid="ignore", divide="ignore"):
        out = {"novelty": (here * -np.log2(np.minimum(share, 1.0))[safe]).sum(axis=1) / here.sum(axis=1)}
        out["popularity_bias"] = ((here * share[safe]).sum(axis=1) / here.sum(axis=1)) / (bought / relevant)
    if catalogue.category is not None:
        kind = np.where(here, catalogue.category[safe], -1)
        known = kind >= 0
        both = known[:, :, None] & known[:, None, :] & ~np.eye(shown.shape[1], dtype=bool)
        differ = both & (kind[:, :, None] != kind[:, None, :])
        with np.errstate(invalid="ignore", divide="ignore"):
            out["diversity"] = differ.sum(axis=(1, 2)) / both.sum(axis=(1, 2))
    return {name: np.asarray(value, dtype=np.float64) for name, value in out.items()}


def coverage(items: Ints, products: int, k: int) -> float:
    """Share of the catalogue that stands in at least one list."""
    shown = items[:, :k]
    return len(np.unique(shown[shown >= 0])) / max(1, products)


def measure_rankings(
    parts: Sequence[Shown],
    places: Iterable[int] = (5, 10, 20),
    baselines: Sequence[str] = BASELINES,
    draws: int = 300,
    seed: int = 0,
) -> Measured:
    """Every model of the lists at each `k` of `places`: mean over customers, then over cutoffs.

    Intervals: 95% percentiles over customers drawn with replacement, each with all its cutoffs, the same draws for all
    models. Baselines that are not among the lists are left out.

    Raises:
        FootfallError: no customer has anything to find. UsageError: no list, or lists that differ between cutoffs.
    """
    names = list(parts[0].lists) if parts else []
    if not names or any(list(p.lists) != names for p in parts):
        raise UsageError("measure_rankings wants the same models at every cutoff, at least one")
    baselines = tuple(b for b in baselines if b in names)
    kept = [p.among(np.diff(p.truth.indptr) > 0) for p in parts]
    kept = [p for p in kept if p.truth.shape[0]]
    if not kept:
        raise FootfallError("nobody asked about did anything in the time after the cutoff: nothing to measure")
    weights = _draws(kept, draws, seed)
    out: dict[str, dict[tuple[str, int], Ranked]] = {name: {} for name in names}
    for k in places:
        tables = [{name: _table(p, p.lists[name], k) for name in names} for p in kept]
        for metric in tables[0][names[0]]:
            drawn = {name: _means([t[name][metric] for t in tables], weights) for name in names}
            for name in names:
                less = {b: _interval(drawn[name] - drawn[b]) for b in baselines if b != name}
                out[name][metric, k] = Ranked(*_interval(drawn[name]), less)
        for name in names:
            shares = [coverage(p.lists[name], p.truth.shape[1], k) for p in kept]
            out[name]["coverage", k] = Ranked(float(np.mean(shares)), np.nan, np.nan, {})
    return Measured(out, sum(p.truth.shape[0] for p in kept), baselines)


def better(measured: Measured, metric: str, k: int) -> str:
    """The model that is best by a metric. Raises UsageError for a metric that was not measured."""
    found = {m: one.get((metric, k)) for m, one in measured.models.items()}
    if any(one is None for one in found.values()):
        raise UsageError(f"{metric} at {k} was not measured{did_you_mean(metric, (*ACCURACY, *BEYOND))}")
    return max(found, key=lambda m: found[m].value)  # type: ignore[union-attr]


def _table(part: Shown, items: Ints, k: int) -> dict[str, Floats]:
    return customer_metrics(items, part.truth, k) | list_metrics(items, part.truth, part.catalogue, k)


def _hits(shown: Ints, truth: sparse.csr_matrix) -> NDArray[np.bool_]:
    n, m = truth.shape
    owner = np.repeat(np.arange(n, dtype=np.int64), np.diff(truth.indptr))
    relevant = np.sort(owner * m + truth.indices)
    wanted = np.arange(n, dtype=np.int64)[:, None] * m + shown
    if not len(relevant):
        return np.zeros(shown.shape, dtype=bool)
    at = np.minimum(np.searchsorted(relevant, wanted), len(relevant) - 1)
    return np.asarray((relevant[at] == wanted) & (shown >= 0), dtype=bool)


def _draws(parts: Sequence[Shown], draws: int, seed: int) -> list[Floats]:
    """Per cutoff (1 + draws, customers): how often each row counts; the first time, once."""
    whom, at = np.unique(np.concatenate([np.asarray(p.clusters) for p in parts]), return_inverse=True)
    dice = np.random.default_rng(seed)
    drawn = dice.multinomial(len(whom), np.full(len(whom), 1.0 / len(whom)), size=draws)
    counts: Floats = np.vstack([np.ones(len(whom)), drawn.astype(np.float64)])
    edges = np.cumsum([0, *(p.truth.shape[0] for p in parts)])
    return [counts[:, at[start:stop]] for start, stop in pairwise(edges.tolist())]


def _means(values: Sequence[Floats], weights: Sequence[Floats]) -> Floats:
    """(1 + draws,) mean over the customers that have the metric, then over the cutoffs."""
    each = []
    for value, weight in zip(values, weights, strict=True):
        there = np.isfinite(value)
        with np.errstate(invalid="ignore", divide="ignore"):
            each.append(weight[:, there] @ value[there] / weight[:, there].sum(axis=1))
    return np.asarray(np.mean(each, axis=0))


def _interval(drawn: Floats) -> tuple[float, float, float]:
    rest = drawn[1:][np.isfinite(drawn[1:])]
    lower, upper = np.quantile(rest, [0.025, 0.975]) if len(rest) else (np.nan, np.nan)
    return float(drawn[0]), float(lower), float(upper)
