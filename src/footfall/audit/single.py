"""One feature that is too good alone: what a true sign of the future seldom is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.stats import rankdata

from footfall.audit.finding import CLEAN, NOT_RUN, SUSPECT, Finding
from footfall.audit.rows import Floats, Rows, said
from footfall.evaluate import METRICS
from footfall.tabular.encode import to_floats

TOO_GOOD = 0.9
"""Reached by one feature alone, AUC (or Gini of an amount) is suspect."""
TOO_GOOD_PROVED = 0.95
"""The same, of features that have been tried out and do not look ahead: only a source that backdates fools them."""
LEAST = 10
"""Outcomes of each kind without which nothing can be said."""
BINS, SHUFFLES, NAMED = 20, 40, 20


def single(rows: Rows, whole: float, label: Callable[[str], str] = str, proved: bool = False) -> list[Finding]:
    """One finding per feature that is too good alone; else one that names the strongest.

    `whole`: the figure of the whole model on rows of the same kind. `proved`: the features were tried out on scrambled
    facts. A feature's own figure is the better one of its order as it stands (either way round) and of mean outcomes in
    bins, learnt from one half and read in the other, so that a sign that lies in the middle, or in words, or in being
    missing, is seen too. The floor is what the best of all features reaches when outcomes are shuffled among rows.
    """
    if min(rows.positives, rows.n - rows.positives) < LEAST:
        words = f"only {rows.positives} of {rows.n} rows have the outcome: a single feature cannot be judged"
        return [Finding("single", NOT_RUN, words)]
    ranked = {name: rank for name in rows.table.column_names if (rank := _rank(rows, name)) is not None}
    if not ranked:
        return [Finding("single", NOT_RUN, "no feature varies")]
    strength = {name: _strength(rows, name, rank) for name, rank in ranked.items()}
    floor = _floor(rows, np.array(list(ranked.values())))
    limit = max(TOO_GOOD_PROVED if proved else TOO_GOOD, floor)
    best = sorted(strength, key=lambda name: (-strength[name], name))
    found = [
        Finding(
            "single",
            SUSPECT,
            f"{label(name)}: alone it reaches {said(rows, strength[name])} (the whole model {whole:.3f}, "
            f"the best of all by chance {floor:.3f}). Is it known when the prediction is made?",
            name,
            strength[name],
            limit,
        )
        for name in best
        if strength[name] >= limit
    ]
    if found:
        return found[:NAMED]
    reached = said(rows, strength[best[0]])
    words = (
        f"the strongest feature alone is {label(best[0])}: {reached}; the whole model {whole:.3f}, "
        f"the best of all by chance {floor:.3f}"
    )
    return [Finding("single", CLEAN, words, best[0], strength[best[0]], limit)]


def _rank(rows: Rows, name: str) -> Floats | None:
    """(n,) midranks of a feature, missing lowest, words by their number; None where it does not vary."""
    x = _codes(rows, name) if name in rows.text else to_floats(rows.numbers.column(name))
    x = np.where(np.isnan(x), -np.inf, x)
    return None if len(x) == 0 or (x == x[0]).all() else np.asarray(rankdata(x), dtype=np.float64)


def _codes(rows: Rows, name: str) -> Floats:
    """Words as numbers, the frequent ones apart and the rest together; missing as NaN."""
    column = rows.table.column(name)
    counts = {c["values"]: c["counts"] for c in pc.value_counts(column).to_pylist() if c["values"] is not None}
    known = sorted(counts, key=lambda v: (-counts[v], v))[:50]
    number = {v: float(i) for i, v in enumerate(known)}
    return np.array([np.nan if v is None else number.get(v, 50.0) for v in column.to_pylist()])


def _strength(rows: Rows, name: str, rank: Floats) -> float:
    of = METRICS[rows.metric].function
    told = [of(rows.y, _binned(rows, name, rank), rows.weights)]
    if name not in rows.text:
        told += [of(rows.y, rank, rows.weights), of(rows.y, -rank, rows.weights)]
    return float(np.nanmax([*told, 0.0]))


def _binned(rows: Rows, name: str, rank: Floats) -> Floats:
    """(n,) the mean outcome of the row's bin among the other half of the rows."""
    values, code = np.unique(rank, return_inverse=True)
    if name not in rows.text and len(values) > BINS:
        edges = np.unique(np.quantile(rank, np.linspace(0, 1, BINS + 1)[1:-1]))
        code = np.searchsorted(edges, rank)
    half = rows.clusters % 2 if rows.who is not None else np.arange(rows.n) % 2
    mean = float(np.average(rows.y, weights=rows.weights))
    out = np.full(rows.n, mean)
    for side in (0, 1):
        here = half != side
        n = np.bincount(code[here], rows.weights[here], minlength=code.max() + 1)
        total = np.bincount(code[here], (rows.weights * rows.y)[here], minlength=code.max() + 1)
        rate = (total + 5 * mean) / (n + 5)
        out[half == side] = rate[code[half == side]]
    return out


def _floor(rows: Rows, ranks: Floats) -> float:
    """What the best of all features reaches by chance: the 95th hundredth over shuffles of the outcome."""
    dice = np.random.default_rng(0)
    reached = [_best_of_all(rows, dice.permutation(rows.y), ranks) for _ in range(SHUFFLES)]
    return float(np.quantile(reached, 0.95))


def _best_of_all(rows: Rows, y: Floats, ranks: Floats) -> float:
    if rows.kind == "amount":
        of = METRICS[rows.metric].function
        return max(max(of(y, r), of(y, -r)) for r in ranks[: 2 * BINS])
    ones = float(y.sum())
    sums: NDArray[np.float64] = ranks @ y
    auc = (sums - ones * (ones + 1) / 2) / (ones * (len(y) - ones))
    return float(np.max(np.maximum(auc, 1 - auc)))
